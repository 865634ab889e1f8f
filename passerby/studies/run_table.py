"""A table of runs: scores with intervals, each set against the first, beside published rows.

As text, Markdown, CSV or LaTeX. Differences are paired: both reports on the same resamples.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from passerby.evaluation.bootstrap import (
    Estimate,
    ReportComparison,
    Scores,
    bootstrap_report,
    compare_reports,
)
from passerby.evaluation.report import Report
from passerby.publications import publications

TITLES = ("run", "rank-1", "rank-5", "rank-10", "mAP", "less the first: rank-1", "mAP")


@dataclass(frozen=True)
class ScoredRun:
    """A run under a name, with the report of its test part."""

    name: str
    report: Report


@dataclass(frozen=True)
class TableRow:
    """A row of the table.

    figures: rank-1, rank-5, rank-10 and mAP in percent; None where a source does not print one.
    scores: the intervals; None for a published row, and for a report without its queries' persons.
    difference: this run less the first, None for the first, and for a published row.
    """

    name: str
    figures: tuple[float | None, float | None, float | None, float | None]
    scores: Scores | None = None
    difference: ReportComparison | None = None


def read_runs(paths: Sequence[str | os.PathLike[str]]) -> list[ScoredRun]:
    """The tested runs of folders that `train` wrote, and of report files.

    A run of several data sets gives a row for each. Raises ValueError for a path that holds no
    report, naming what was expected there.
    """
    found = []
    for path in map(Path, paths):
        if path.is_file():
            found.append(ScoredRun(path.stem, Report.from_json(path)))
            continue
        files = sorted(path.glob("report*.json")) if path.is_dir() else []
        if not files:
            raise ValueError(
                f"{path} holds no report: expected a folder of `passerby train` whose test part "
                "was scored (report.json), or a file of `passerby evaluate --json`"
            )
        for file in files:
            data = file.stem.removeprefix("report").removeprefix("-")
            name = f"{path.name} ({data})" if data else path.name
            found.append(ScoredRun(name, Report.from_json(file)))
    return found


def run_table(
    runs: Sequence[ScoredRun], *, published_on: str | None = None, seed: int = 0
) -> list[TableRow]:
    """The rows of runs, then what is published on a data set ("market1501", ...).

    Raises ValueError for no run, for runs on different queries, galleries or protocols, and for a
    data set on which nothing is published.
    """
    if not runs:
        raise ValueError("expected at least one run")
    first = runs[0].report
    rows = []
    for run in runs:
        report = run.report
        figures = (report.rank1, report.rank5, report.rank10, report.mean_average_precision)
        scores = difference = None
        if _has_ranks(report):
            scores = bootstrap_report(report, seed=seed)
            if report is not first:
                difference = compare_reports(first, report, seed=seed)
        rows.append(TableRow(run.name, figures, scores, difference))
    return rows + (_published_rows(published_on) if published_on is not None else [])


def _has_ranks(report: Report) -> bool:
    """With mean ties a query has no rank of its own, and nothing can be drawn again."""
    return report.ties != "mean" and len(report.query_persons) == len(report.query_rows)


def _published_rows(data: str) -> list[TableRow]:
    rows = []
    for one in publications():
        for score in one.scores:
            if score.data == data:
                figures = (score.rank1, None, None, score.mean_average_precision)
                rows.append(TableRow(f"{one.system}, published ({score.source})", figures))
    if not rows:
        known = sorted({score.data for one in publications() for score in one.scores})
        raise ValueError(f"nothing is published on {data!r} (data sets: {', '.join(known)})")
    return rows


def text_table(rows: Sequence[TableRow]) -> str:
    """The table for a terminal, columns aligned."""
    cells = [list(TITLES), *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(TITLES))]
    lines = []
    for row in cells:
        padded = [row[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join([*lines, _legend(rows)]) + "\n"


def markdown_table(rows: Sequence[TableRow]) -> str:
    """The table as Markdown."""
    lines = [TITLES, ["---", *["---:"] * (len(TITLES) - 1)], *map(_cells, rows)]
    escaped = (f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
    return "\n".join(escaped) + f"\n\n{_legend(rows)}\n"


def csv_table(rows: Sequence[TableRow]) -> str:
    """The table as CSV, each bound of an interval in a column of its own."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = ["rank1", "rank5", "rank10", "mean_average_precision"]
    bounded = ["rank1", "mean_average_precision"]
    titles = ["run", *names, *(f"{name}_{end}" for name in bounded for end in ("low", "high"))]
    for name in bounded:
        titles += [f"{name}_difference{end}" for end in ("", "_low", "_high")]
    writer.writerow(titles)
    for row in rows:
        cells = [row.name, *("" if f is None else f"{f:.4f}" for f in row.figures)]
        for name in bounded:
            cells += _bounds(getattr(row.scores, name)) if row.scores else ["", ""]
        for name in bounded:
            if row.difference is None:
                cells += [""] * 3
            else:
                estimate = getattr(row.difference, name).difference
                cells += [f"{estimate.value:.4f}", *_bounds(estimate)]
        writer.writerow(cells)
    return out.getvalue()


def latex_table(rows: Sequence[TableRow]) -> str:
    """The table as a LaTeX tabular with booktabs' rules; the best of our figures bold."""
    best = [
        max((row.figures[n] or 0 for row in rows if row.scores is not None), default=None)
        for n in range(4)
    ]
    lines = [r"\begin{tabular}{l" + "r" * (len(TITLES) - 1) + "}", r"\toprule"]
    lines += [" & ".join(map(_latex, TITLES)) + r" \\", r"\midrule"]
    for row in rows:
        cells = [_latex(cell) for cell in _cells(row)]
        for n, figure in enumerate(row.figures):
            if row.scores is not None and figure == best[n]:
                cells[n + 1] = rf"\textbf{{{cells[n + 1]}}}"
        lines.append(" & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", f"% {_legend(rows)}"]
    return "\n".join(lines) + "\n"


FORMATS: Mapping[str, Callable[[Sequence[TableRow]], str]] = {
    ".txt": text_table,
    ".md": markdown_table,
    ".csv": csv_table,
    ".tex": latex_table,
}
"""The endings of files that a table is written to."""


def _cells(row: TableRow) -> list[str]:
    cells = ["–" if figure is None else f"{figure:.2f}" for figure in row.figures]
    if row.scores is not None:
        for column, estimate in ((0, row.scores.rank1), (3, row.scores.mean_average_precision)):
            interval = estimate.interval
            cells[column] += f" ({interval.low:.1f} to {interval.high:.1f})"
    if row.difference is None:
        return [row.name, *cells, "–", "–"]
    for part in (row.difference.rank1, row.difference.mean_average_precision):
        interval = part.difference.interval
        cells.append(
            f"{part.difference.value:+.2f} ({interval.low:+.1f} to {interval.high:+.1f})"
            + ("" if part.decided else "?")
        )
    return [row.name, *cells]


def _legend(rows: Sequence[TableRow]) -> str:
    text = "In percent; in brackets 95 % intervals over the persons"
    if any(row.difference is not None for row in rows):
        text += "; differences are paired, ? where they could be chance"
    if any(row.scores is None for row in rows):
        text += "; published figures are their authors', not measured here"
    return text + "."


def _bounds(estimate: Estimate) -> list[str]:
    return [f"{estimate.interval.low:.4f}", f"{estimate.interval.high:.4f}"]


def _latex(text: str) -> str:
    """Text with LaTeX's own characters escaped."""
    special = {"\\": r"\textbackslash{}", "–": "--", "~": r"\textasciitilde{}"}
    special |= {"^": r"\textasciicircum{}"} | {letter: "\\" + letter for letter in "&%$#_{}"}
    return "".join(special.get(letter, letter) for letter in text)
