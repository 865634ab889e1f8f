"""The report page: one HTML file with tables, curves and ranked pictures, and nothing outside it.

No script, no font, no address: the page opens from a mail attachment, prints, follows the reader's
light or dark setting and fits a phone. The template (``report.html``) escapes all content.
"""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from passerby.evaluation.bootstrap import bootstrap_report
from passerby.evaluation.report import Report
from passerby.process.spelling import count_of
from passerby.process.whole_files import write_whole
from passerby.version import __version__
from passerby.visual.drawing import data_uri
from passerby.visual.svg.charts import (
    Bar,
    Series,
    bar_chart,
    camera_pair_chart,
    cmc_chart,
    line_chart,
)

GLOSSARY: Mapping[str, str] = {
    "Query (probe), gallery": (
        "A query is an image of a person to be found; the gallery is what is searched. All gallery "
        "images are sorted by their distance to the query."
    ),
    "Rank-1, rank-5, rank-10": (
        "The share of queries with the right person among the first 1, 5 or 10 results. A guess "
        "scores close to 0, a perfect ranking 100 %."
    ),
    "mAP (mean average precision)": (
        "How near the top all images of the right person are, not only the first, averaged over "
        "the queries. 100 % when none comes after a wrong one."
    ),
    "mINP": (
        "How far down one must look to find the last, hardest image of the right person. 100 % "
        "when it comes directly after the others."
    ),
    "Camera rule": (
        "Gallery images of the query's person by the query's own camera are ignored: they are "
        "often the next frame, and finding them proves nothing."
    ),
    "95 % interval": (
        "Where rank-1 would probably lie with other persons of the same kind (a bootstrap over the "
        "persons, with all their queries). Methods whose intervals overlap widely may be equal; "
        "`passerby compare-reports` decides it more sharply."
    ),
}
"""The words of the table, for readers who see them for the first time."""


@dataclass(frozen=True)
class Method:
    """One row of the table of methods; note: a few words below its name."""

    name: str
    report: Report
    note: str = ""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with its caption; description: what it shows, for those who do not see it.

    safe: the same picture in colours that the colour-blind tell apart; the reader switches.
    """

    image: Image.Image
    caption: str
    description: str
    safe: Image.Image | None = None


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a page of its own: charts are SVG text that was made by `passerby.visual.svg`."""

    title: str
    text: str = ""
    pictures: Sequence[Picture] = ()
    charts: Sequence[str] = ()


@dataclass(frozen=True)
class Page:
    """What a report page says; parts that are empty do not appear.

    introduction: a paragraph below the title. methods: evaluated systems, the main one marked by
    ``headline``, its name; where a method's report has camera pairs they are charted. epochs: rows
    of metrics.jsonl (``epoch``, ``losses``, ``rate``, ``images_per_second``, ``validation``; all
    but the epoch may lack). facts: data, recipe, seed, command, versions, machine, time.
    next_steps: explained commands, (what, command). sections: in their order, below the results.
    """

    title: str
    introduction: str = ""
    methods: Sequence[Method] = ()
    headline: str = ""
    epochs: Sequence[Mapping[str, Any]] = ()
    pictures: Sequence[Picture] = ()
    sections: Sequence[Section] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    next_steps: Sequence[tuple[str, str]] = ()


def write_report(path: str | os.PathLike[str], page: Page) -> Path:
    """Write the page as one HTML file, whole or not at all, and return its path.

    Raises ValueError when ``headline`` names no method.
    """
    target = Path(path)
    text = render_report(page)
    # Lone surrogates (file names that are not UTF-8) would stop the whole page.
    write_whole(target, text.encode("utf-8", errors="replace"))
    return target


def render_report(page: Page) -> str:
    """The page as HTML text. Errors as `write_report`."""
    return TEMPLATES.get_template("report.html").render(
        page=page,
        version=__version__,
        tiles=_tiles(page),
        columns=[column.heading for column in _COLUMNS],
        rows=_method_rows(page.methods),
        protocols="; ".join(dict.fromkeys(_protocol(m.report) for m in page.methods)),
        method_charts=_method_charts(page.methods),
        switchable=any(picture.safe for picture in page.pictures),
        training_charts=_training_charts(page.epochs),
        speed=_median_speed(page.epochs),
        camera_pair_charts=_camera_pair_charts(page.methods),
        glossary=GLOSSARY,
    )


TEMPLATES = Environment(
    loader=PackageLoader("passerby.visual", ""),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["data_uri"] = data_uri
TEMPLATES.filters["svg"] = Markup
TEMPLATES.filters["count_of"] = count_of


@dataclass(frozen=True)
class _Column:
    heading: str
    value: Callable[[Report], float]


_COLUMNS = (
    _Column("rank-1", lambda r: r.rank1),
    _Column("rank-5", lambda r: r.rank5),
    _Column("rank-10", lambda r: r.rank10),
    _Column("mAP", lambda r: r.mean_average_precision),
    _Column("mINP", lambda r: r.minp),
)


@dataclass(frozen=True)
class _Tile:
    """A figure of the main method, large, and what it means."""

    figure: str
    meaning: str


def _tiles(page: Page) -> list[_Tile]:
    if not page.headline:
        return []
    chosen = [method.report for method in page.methods if method.name == page.headline]
    if not chosen:
        names = ", ".join(repr(method.name) for method in page.methods)
        raise ValueError(f"headline {page.headline!r} is none of the methods: {names}")
    report = chosen[0]
    return [
        _Tile(f"{report.rank1:.1f} %", "rank-1: the first result is right"),
        _Tile(f"{report.mean_average_precision:.1f} %", "mAP: all right ones near the top"),
        _Tile(f"{report.rank10:.1f} %", "rank-10: one of the first ten is right"),
        _Tile(f"{report.queries:,}", f"queries, against {report.gallery:,} gallery images"),
    ]


@dataclass(frozen=True)
class _Cell:
    """A figure of the table; best: of its column; interval: below it, or empty."""

    figure: str
    best: bool
    interval: str = ""


@dataclass(frozen=True)
class _MethodRow:
    method: Method
    cells: Sequence[_Cell]


def _method_rows(methods: Sequence[Method]) -> list[_MethodRow]:
    best = [max((round(c.value(m.report), 1) for m in methods), default=0) for c in _COLUMNS]
    rows = []
    for method in methods:
        cells = []
        for column, highest in zip(_COLUMNS, best, strict=True):
            value = column.value(method.report)
            marked = len(methods) > 1 and round(value, 1) == highest
            interval = _interval(method.report) if column.heading == "rank-1" else ""
            cells.append(_Cell(f"{value:.1f}", marked, interval))
        rows.append(_MethodRow(method, cells))
    return rows


def _interval(report: Report) -> str:
    """The 95 % interval of rank-1; empty with mean ties, where a query has no rank of its own,
    and for a report that does not name its queries' persons."""
    if report.ties == "mean" or len(report.query_persons) != len(report.query_rows):
        return ""
    interval = bootstrap_report(report).rank1.interval
    return f"{interval.low:.0f}–{interval.high:.0f}"


def _protocol(report: Report) -> str:
    rule = "same-camera images ignored" if report.camera_rule else "camera rule off"
    return f"{report.gallery:,} gallery images, {report.metric} distance, {rule}"


def _method_charts(methods: Sequence[Method]) -> list[Markup]:
    """Bars of rank-1 and mAP, and CMC curves; none without methods."""
    if not methods:
        return []
    bars = [Bar(m.name, (m.report.rank1, m.report.mean_average_precision)) for m in methods]
    curves = {_numbered(m.name, n, methods): m.report.cmc for n, m in enumerate(methods)}
    return [
        Markup(bar_chart(bars, ("rank-1", "mAP"), title="Rank-1 and mAP", limit=100)),
        Markup(cmc_chart(curves, title="Found by rank (CMC)")),
    ]


def _numbered(name: str, number: int, methods: Sequence[Method]) -> str:
    """The name, numbered when another method has the same."""
    same = [method for method in methods if method.name == name]
    return name if len(same) == 1 else f"{name} ({number + 1})"


_LONG_NAMES = {"rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10", "minp": "mINP"}
_LONG_NAMES |= {"mean_average_precision": "mAP"}


def _training_charts(epochs: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """Charts of each loss term, validation scores and learning rate, as far as the rows have them.

    Terms of a loss have unlike scales: on shared axes the smaller ones would be flat lines.
    """
    terms = _named_series(epochs, "losses")
    scores = [s for s in _named_series(epochs, "validation") if s.name in _LONG_NAMES.values()]
    rate = _series("rate", epochs, lambda row: row.get("rate"))
    charts = [_chart([term], f"Loss: {term.name}", "loss") for term in terms]
    charts.append(_chart(scores, "On held-out persons", "percent"))
    charts.append(_chart([rate], "Learning rate", ""))
    return [chart for chart in charts if chart]


def _median_speed(epochs: Sequence[Mapping[str, Any]]) -> float:
    """Images a second of the median epoch; 0 where no row has it."""
    speeds = [s for row in epochs if (s := _figure(row.get("images_per_second"))) > 0]
    return statistics.median_high(speeds) if speeds else 0.0


def _named_series(epochs: Sequence[Mapping[str, Any]], part: str) -> list[Series]:
    """A line for each name that occurs in ``row[part]``."""
    names = dict.fromkeys(name for row in epochs for name in row.get(part) or {})
    lines = []
    for name in names:

        def value(row: Mapping[str, Any], name: str = name) -> object:
            return (row.get(part) or {}).get(name)

        lines.append(_series(_LONG_NAMES.get(name, name.replace("_", " ")), epochs, value))
    return lines


def _series(
    name: str, epochs: Sequence[Mapping[str, Any]], value: Callable[[Mapping[str, Any]], object]
) -> Series:
    """The rows that have the value; one that is not finite stays, so that the chart can say so."""
    rows = [(row["epoch"], value(row)) for row in epochs]
    known = [(epoch, figure) for epoch, figure in rows if figure is not None]
    return Series(name, [e for e, _ in known], [_figure(figure) for _, figure in known])


def _chart(lines: Sequence[Series], title: str, y_label: str) -> Markup:
    """The chart, or nothing where no line has a finite point."""
    drawable = [line for line in lines if np.isfinite(np.asarray(line.y, float)).any()]
    if not drawable:
        return Markup()
    return Markup(line_chart(drawable, title=title, x_label="epoch", y_label=y_label))


def _figure(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def _camera_pair_charts(methods: Sequence[Method]) -> list[Markup]:
    charts = []
    for method in methods:
        pairs = method.report.camera_pairs
        for source in dict.fromkeys(pair.source for pair in pairs):
            title = f"{method.name}: rank-1 by camera pair" + (f", {source}" if source else "")
            chosen = [pair for pair in pairs if pair.source == source]
            charts.append(Markup(camera_pair_chart(chosen, title=title)))
    return charts
