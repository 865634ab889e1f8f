"""The paper's Table 1, row by row: train, test, and set ours beside the paper's figures."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from passerby.config import open_recipe
from passerby.process.reporting import say
from passerby.process.whole_files import write_whole
from passerby.recipes.table1 import PAPER
from passerby.tables.records import Split
from passerby.training.loop import train
from passerby.training.record.logbook import read_metrics

FIGURES = ("rank1", "rank5", "rank10", "mean_average_precision")


@dataclass(frozen=True)
class Row:
    """A row of Table 1: the name of its recipe less ``table1_``, its title, the paper's figures.

    paper: rank-1, rank-5, rank-10, mAP in percent on Market-1501; None for rows that it lacks.
    recipe: of a row of one's own, as commands name it; its name is then that of its folder.
    """

    name: str
    title: str
    paper: tuple[float, float, float, float] | None = None
    recipe: str = ""

    def call(self, scale: str) -> str:
        """The recipe as `open_recipe` takes it; a row of one's own says its scale itself."""
        return self.recipe or f"table1_{self.name}(scale={scale})"


_TITLES = {
    "baseline": "Baseline",
    "tri": "Baseline (+Tri)",
    "se": "Baseline (+SE)",
    "danet": "Baseline (+DANet)",
    "non_local": "Baseline (+Non-local)",
    "eca": "Baseline (+ECA)",
    "tri_cir": "Baseline (+Tri Cir)",
    "ours": "Ours (CBAM, Tri Cir)",
    "cbam": "Baseline (+CBAM), not in the paper",
    "eca_tri_cir": "ECA with Tri Cir, not in the paper",
}

ROWS = tuple(Row(name, title, PAPER.get(name)) for name, title in _TITLES.items())


@dataclass(frozen=True)
class RowResult:
    """A trained row: our figures in the order of `FIGURES`, and what it cost in training."""

    row: Row
    ours: tuple[float, float, float, float]
    seconds: float
    images_per_second: float

    @property
    def difference(self) -> tuple[float, ...] | None:
        """Ours less the paper's, in the order of `FIGURES`; None for rows that it lacks."""
        if self.row.paper is None:
            return None
        return tuple(round(o - p, 2) for o, p in zip(self.ours, self.row.paper, strict=True))


def chosen_rows(names: str) -> tuple[Row, ...]:
    """Rows by name, ``all`` or as ``baseline,ours``, and rows of one's own by their recipes.

    A row of one's own is a recipe's name, ``TITLE=RECIPE``, or ``TITLE=file.py:function``. Raises
    ValueError for one that is neither, and for two of one name.
    """
    if names == "all":
        return ROWS
    known = {row.name: row for row in ROWS}
    chosen = []
    for name in split_outside_brackets(names):
        own = name.strip()
        plain = own.replace("-", "_")
        chosen.append(known[plain] if plain in known else _own_row(own, known))
    twice = [name for name, count in Counter(row.name for row in chosen).items() if count > 1]
    if twice:
        raise ValueError(f"two rows are named {twice[0]!r}: give one another title, TITLE=RECIPE")
    return tuple(chosen)


def _own_row(text: str, known: Mapping[str, Row]) -> Row:
    title, equals, recipe = text.partition("=")
    if not equals or "(" in title:  # an option's sign
        title, recipe = text, text
    try:
        open_recipe(recipe)
    except ValueError as error:
        raise ValueError(
            f"Table 1 has no row {text!r} (rows: {', '.join(known)}, or all), and it is no recipe "
            f"of your own: {error}"
        ) from None
    return Row(re.sub(r"\W+", "_", title).strip("_"), title, recipe=recipe)


def split_outside_brackets(text: str) -> list[str]:
    """Text at the commas that stand in no brackets: options of a call keep theirs.

    >>> split_outside_brackets("ours,bot(a=1,b=2)")
    ['ours', 'bot(a=1,b=2)']
    """
    return re.split(r",(?![^()]*\))", text)


def ablate(
    split: Split,
    out: str | os.PathLike[str],
    rows: Sequence[Row] = ROWS,
    *,
    scale: str = "compact",
    settings: Sequence[str] = (),
    seed: int = 0,
    device: str | None = None,
    workers: int | None = None,
) -> list[RowResult]:
    """Train and test rows of Table 1, each in its own folder of ``out``.

    A row that is finished is read, one that was interrupted goes on from its last epoch: call it
    again with the same arguments. The tables are written anew after each row (`write_tables`).
    """
    out = Path(out)
    results = []
    for number, row in enumerate(rows, 1):
        say(f"\nrow {number} of {len(rows)}: {row.title}", bold=True)
        recipe = open_recipe(row.call(scale), settings)
        run = train(
            recipe,
            split,
            out / row.name,
            seed=seed,
            resume=True,
            device=device,
            workers=workers,
        )
        if run.report is None:
            raise ValueError(f"{split.source} has no query and gallery: rows cannot be compared")
        figures = run.report.figures()
        epochs = read_metrics(run.out / "metrics.jsonl")
        seconds = sum(epoch["seconds"] for epoch in epochs)
        images = sum(epoch["seconds"] * epoch["images_per_second"] for epoch in epochs)
        rank1, rank5, rank10, precision = (figures[name] for name in FIGURES)
        ours = (rank1, rank5, rank10, precision)
        results.append(RowResult(row, ours, round(seconds, 1), round(images / seconds, 1)))
        write_tables(results, out, f"{split.source}, scale {scale}, seed {seed}")
    return results


def markdown_table(results: Sequence[RowResult]) -> str:
    """Ours beside the paper's, with the difference, as a Markdown table."""
    lines = [
        "| row | rank-1 | rank-5 | rank-10 | mAP | paper: rank-1 | rank-5 | rank-10 | mAP "
        "| difference: rank-1 | mAP | minutes |",
        "|---|" + "---|" * 11,
    ]
    for result in results:
        paper, difference = result.row.paper, result.difference
        cells = [f"{value:.2f}" for value in result.ours]
        cells += ["–"] * 6 if paper is None else [f"{value:.2f}" for value in paper]
        if difference is not None:
            cells += [f"{difference[i]:+.2f}" for i in (0, 3)]
        lines.append(f"| {result.row.title} | {' | '.join(cells)} | {result.seconds / 60:.1f} |")
    return "\n".join(lines) + "\n"


def rows_listed(results: Sequence[RowResult]) -> list[dict[str, object]]:
    """The same for programs: what ``table.json`` holds, figures by the names of `FIGURES`."""
    return [
        {
            "row": result.row.name,
            "title": result.row.title,
            "ours": _named(result.ours),
            "paper": _named(result.row.paper),
            "difference": _named(result.difference),
            "seconds": result.seconds,
            "images_per_second": result.images_per_second,
        }
        for result in results
    ]


def write_tables(results: Sequence[RowResult], out: Path, title: str) -> None:
    """``table.md``, ``table.csv`` and ``table.json`` of the rows that are done."""
    heading = f"Table 1, ours on {title}, beside the paper's on Market-1501 (ResNet-50)\n\n"
    write_whole(out / "table.md", heading + markdown_table(results))
    columns = ["row", *FIGURES, *(f"paper_{name}" for name in FIGURES)]
    columns += [*(f"difference_{name}" for name in FIGURES), "seconds"]
    lines = [",".join(columns)]
    for result in results:
        missing = ("",) * len(FIGURES)
        paper, difference = result.row.paper or missing, result.difference or missing
        values = (result.row.name, *result.ours, *paper, *difference, result.seconds)
        lines.append(",".join(map(str, values)))
    write_whole(out / "table.csv", "\n".join(lines) + "\n")
    write_whole(out / "table.json", json.dumps(rows_listed(results), indent=1) + "\n")


def _named(figures: Sequence[float] | None) -> dict[str, float] | None:
    return None if figures is None else dict(zip(FIGURES, figures, strict=True))
