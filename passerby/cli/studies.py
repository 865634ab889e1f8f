"""Commands that set several runs or reports side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from passerby.cli.options import (
    STDOUT,
    Data,
    Device,
    Folder,
    Json,
    JsonFile,
    Number,
    Settings,
    Share,
    Workers,
    file_of,
)
from passerby.process.plain_json import as_json
from passerby.process.reporting import answer, say
from passerby.process.whole_files import require_folder_of, write_whole

Report = Annotated[str, arg(metavar="REPORT", help="file that passerby evaluate --json wrote.")]


def compare_reports(
    first: Positional[Report],
    second: Positional[Report],
    /,
    *,
    replicates: Number = 2000,
    level: Share = 0.95,
    seed: Number = 0,
    json: JsonFile = None,
) -> None:
    """Say whether two reports on the same queries differ by more than chance.

    Args:
        replicates: resamples of the persons.
        level: of the intervals.
        seed: of the resamples.
    """
    from passerby.evaluation.bootstrap import compare_reports
    from passerby.evaluation.report import Report

    require_folder_of(file_of(json))
    reports = Report.from_json(first), Report.from_json(second)
    comparison = compare_reports(*reports, replicates=replicates, level=level, seed=seed)
    if json == STDOUT:
        answer(comparison.to_json())
        return
    say(comparison)
    if json is not None:
        comparison.to_json(json)


def ablate(
    *,
    data: Data,
    out: Folder,
    rows: Annotated[str, arg(metavar="ROWS")] = "all",
    scale: Literal["compact", "paper"] = "compact",
    set: Settings = (),
    seed: Number = 0,
    device: Device = None,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """Train and test the rows of the paper's Table 1 and set ours beside the paper's.

    Interrupted, it goes on from where it stopped when called again.

    Args:
        out: folder for the runs and the tables (Markdown, CSV, JSON, bar chart).
        rows: all, or names as in baseline,tri_cir,ours; rows of your own by their recipes, as in
            ours,bot or ours,mine=file.py:function.
        scale: compact (ResNet-18, 128×64, for CPUs) or paper (ResNet-50, 256×128).
        seed: of initialisation, batches and augmentation.
    """
    from passerby.data.reading.reader import read_split
    from passerby.studies.ablation import ablate, chosen_rows, markdown_table, rows_listed
    from passerby.visual.svg.ablation_charts import draw_ablation

    results = ablate(
        read_split(data),
        out,
        chosen_rows(rows),
        scale=scale,
        settings=set,
        seed=seed,
        device=device,
        workers=workers,
    )
    chart = draw_ablation(results, Path(out))
    answer(as_json({"rows": rows_listed(results)}) if json else markdown_table(results))
    say(f"tables and chart: {chart.parent}")


def ablation_table(
    folders: Positional[Annotated[tuple[str, ...], arg(metavar="FOLDER...")]],
    /,
    *,
    out: Annotated[str | None, arg(metavar="FOLDER")] = None,
    json: Json = False,
) -> None:
    """Set several seeds of an ablation in one table, with paired intervals over persons and seeds.

    Args:
        folders: that passerby ablate wrote, one a seed.
        out: folder for the table (Markdown) and the curves of training (SVG).
    """
    from passerby.studies.ablation_seeds import (
        added,
        orders,
        read_seeds,
        seeds_listed,
        seeds_table,
    )
    from passerby.visual.svg.ablation_charts import draw_training_curves

    rows = read_seeds(folders)
    text = f"{seeds_table(rows)}\n{orders(rows)}\n{added(rows)}"
    answer(as_json({"rows": seeds_listed(rows)}) if json else text)
    if out is not None:
        path = draw_training_curves(rows, Path(out))
        write_whole(path.with_name("seeds.md"), text)
