"""Commands on recipes and finished runs that train nothing: show, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from passerby.cli.options import Json, Number, RecipeName, Settings
from passerby.process.plain_json import as_json
from passerby.process.reporting import answer, say

Runs = Positional[Annotated[tuple[str, ...], arg(metavar="RUN|REPORT...")]]


def show(
    recipe: Positional[RecipeName],
    /,
    *,
    set: Settings = (),
    json: Json = False,
) -> None:
    """Print a recipe, with the origin of each choice, and train nothing.

    With --json as a recipe that passerby train takes.
    """
    from passerby.config import open_recipe, recipe_text

    chosen = open_recipe(recipe, set)
    answer(chosen.to_json() if json else recipe_text(chosen))


def report(
    runs: Runs,
    /,
    *,
    published: Annotated[str | None, arg(metavar="KIND")] = None,
    out: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="FILE")] = (),
    seed: Number = 0,
    json: Json = False,
) -> None:
    """Set finished runs side by side, with intervals, and paired differences to the first.

    Args:
        runs: folders that passerby train wrote, or files of passerby evaluate --json, all tested
            on the same queries and gallery.
        published: what is published on a data set as well, as in market1501.
        out: write the table (.md, .csv, .tex, .txt), the CMC curves (.svg) or a page (.html) to
            this file.
        seed: of the resamples.
    """
    from passerby.studies.run_table import read_runs, run_table, text_table
    from passerby.visual.run_pages import check_endings, write_run_file

    targets = [Path(path) for path in out]
    check_endings(targets)
    scored = read_runs(runs)
    rows = run_table(scored, published_on=published, seed=seed)
    answer(as_json({"rows": rows}) if json else text_table(rows).rstrip())
    for target in targets:
        write_run_file(target, scored, rows)
        say(f"written: {target}")
