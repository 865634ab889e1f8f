"""Finished runs side by side, as a file: a table, CMC curves, or a page of both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from passerby.process.whole_files import write_whole
from passerby.studies.run_table import FORMATS, ScoredRun, TableRow
from passerby.visual.report_page import Method, Page, write_report
from passerby.visual.svg.charts import cmc_chart

ENDINGS = (*FORMATS, ".svg", ".html")


def check_endings(targets: Sequence[Path]) -> None:
    """Raises ValueError for a file whose ending says nothing of what to write."""
    for target in targets:
        if target.suffix.lower() not in ENDINGS:
            raise ValueError(f"expected a file ending in {', '.join(ENDINGS)}, got {target}")


def write_run_file(target: Path, runs: Sequence[ScoredRun], rows: Sequence[TableRow]) -> None:
    """Write what the ending says: .md, .csv, .tex and .txt the table, .svg the CMC curves, .html a
    page with both. Errors as `check_endings`."""
    check_endings([target])
    ending = target.suffix.lower()
    if ending == ".html":
        write_report(target, _page(runs, rows))
        return
    curves = {f"{number}: {run.name}": run.report.cmc for number, run in enumerate(runs, 1)}
    text = cmc_chart(curves) if ending == ".svg" else FORMATS[ending](rows)
    write_whole(target, text.encode("utf-8"))


def _page(runs: Sequence[ScoredRun], rows: Sequence[TableRow]) -> Page:
    differences = [
        f"{row.name}, less {runs[0].name}: rank-1 {row.difference.rank1.difference}, mAP "
        f"{row.difference.mean_average_precision.difference}"
        + ("" if row.difference.mean_average_precision.decided else "; could be chance")
        for row in rows
        if row.difference is not None
    ]
    published = [
        f"{row.name}: rank-1 {row.figures[0]:g}, mAP {row.figures[3]:g}"
        for row in rows
        if row.scores is None and row.figures[1] is None
    ]
    notes = [note for run in runs for note in run.report.notes]
    return Page(
        title="Runs side by side",
        introduction="Differences are paired: the same persons are drawn for both runs.",
        methods=[Method(run.name, run.report) for run in runs],
        notes=[*differences, *published, *dict.fromkeys(notes)],
    )
