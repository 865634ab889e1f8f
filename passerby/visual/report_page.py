"""The report page: one HTML file with tables, curves and ranked pictures, and nothing outside it.

No script, no font, no address: the page opens from a mail attachment, prints, follows the reader's
light or dark setting and fits a phone. All content is escaped.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from PIL import Image

from passerby.evaluation.bootstrap import bootstrap_report
from passerby.evaluation.report import Report
from passerby.version import __version__
from passerby.visual.charts import Bar, Series, bar_chart, camera_pair_chart, cmc_chart, line_chart
from passerby.visual.ranking_pictures import data_uri

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
    """A picture with its caption; description: what it shows, for those who do not see it."""

    image: Image.Image
    caption: str
    description: str


@dataclass(frozen=True)
class Page:
    """What a report page says; parts that are empty do not appear.

    introduction: a paragraph below the title. methods: evaluated systems, the main one marked by
    ``headline``, its name; where a method's report has camera pairs they are charted. epochs: rows
    of metrics.jsonl (``epoch``, ``losses``, ``rate``, ``images_per_second``, ``validation``; all
    but the epoch may lack). facts: data, recipe, seed, command, versions, machine, time.
    next_steps: explained commands, (what, command).
    """

    title: str
    introduction: str = ""
    methods: Sequence[Method] = ()
    headline: str = ""
    epochs: Sequence[Mapping[str, Any]] = ()
    pictures: Sequence[Picture] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    next_steps: Sequence[tuple[str, str]] = ()


def write_report(path: str | os.PathLike[str], page: Page) -> Path:
    """Write the page as one HTML file, whole or not at all, and return its path.

    Raises ValueError when ``headline`` names no method.
    """
    target = Path(path)
    text = render_report(page)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Opened the ordinary way, because a temporary file of the tempfile module would be readable by
    # its owner alone, and pages are handed on.
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # Lone surrogates (file names that are not UTF-8) would stop the whole page.
        temporary.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return target


def render_report(page: Page) -> str:
    """The page as HTML text. Errors as `write_report`."""
    folder = files("passerby.visual")
    template = Template(folder.joinpath("report.html").read_text(encoding="utf-8"))
    sections = [
        _tiles(page),
        _section("Results", _methods(page.methods)),
        _section("Ranked lists", "".join(map(_picture, page.pictures))),
        _section("Training", _training(page.epochs)),
        _section("Camera pairs", _camera_pairs(page.methods)),
        _section("Notes", _list(page.notes)),
        _section("Next steps", _next_steps(page.next_steps)),
        _section("How this came about", _facts(page.facts)),
        _section("What the words mean", _definitions(GLOSSARY, "words")),
    ]
    return template.substitute(
        title=escape(page.title),
        lead=f'<p class="lead">{escape(page.introduction)}</p>' if page.introduction else "",
        style=folder.joinpath("report.css").read_text(encoding="utf-8"),
        sections="\n".join(filter(None, sections)),
        version=escape(__version__),
    )


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>" if content else ""


def _tiles(page: Page) -> str:
    """The figures of the main method, large."""
    if not page.headline:
        return ""
    chosen = [method.report for method in page.methods if method.name == page.headline]
    if not chosen:
        names = ", ".join(repr(method.name) for method in page.methods)
        raise ValueError(f"headline {page.headline!r} is none of the methods: {names}")
    report = chosen[0]
    figures = [
        (_percent(report.rank1), "rank-1: the first result is right"),
        (_percent(report.mean_average_precision), "mAP: all right ones near the top"),
        (_percent(report.rank10), "rank-10: one of the first ten is right"),
        (f"{report.queries:,}", f"queries, against {report.gallery:,} gallery images"),
    ]
    tiles = "".join(
        f'<div class="tile"><b>{figure}</b><span>{escape(meaning)}</span></div>'
        for figure, meaning in figures
    )
    return f'<p class="faint">{escape(page.headline)}</p>\n<div class="tiles">{tiles}</div>'


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


def _methods(methods: Sequence[Method]) -> str:
    if not methods:
        return ""
    best = [max(round(c.value(m.report), 1) for m in methods) for c in _COLUMNS]
    headings = "".join(f'<th scope="col">{escape(c.heading)}</th>' for c in _COLUMNS)
    rows = "\n".join(_method_row(method, best if len(methods) > 1 else []) for method in methods)
    curves = {_unlike(m.name, n, methods): m.report.cmc for n, m in enumerate(methods)}
    bars = bar_chart(
        [Bar(m.name, (m.report.rank1, m.report.mean_average_precision)) for m in methods],
        ("rank-1", "mAP"),
        title="Rank-1 and mAP",
        limit=100,
    )
    protocol = "; ".join(dict.fromkeys(_protocol(m.report) for m in methods))
    return (
        '<p class="faint">In percent; the best of each column is shaded; below rank-1 its 95 % '
        f'interval. {escape(protocol)}. <a href="#words">What the words mean</a></p>\n'
        '<div class="scroll" tabindex="0"><table>\n'
        f'<thead><tr><th scope="col">method</th>{headings}<th scope="col">queries</th></tr>'
        f"</thead>\n<tbody>\n{rows}\n</tbody></table></div>\n"
        f'<div class="charts"><div>{bars}</div>'
        f"<div>{cmc_chart(curves, title='Found by rank (CMC)')}</div></div>"
    )


def _method_row(method: Method, best: Sequence[float]) -> str:
    report = method.report
    cells = []
    for number, column in enumerate(_COLUMNS):
        value = column.value(report)
        mark = ' class="best"' if best and round(value, 1) == best[number] else ""
        extra = ""
        if column.heading == "rank-1" and _knows_persons(report):
            interval = bootstrap_report(report).rank1.interval
            extra = f"<small>{interval.low:.0f}–{interval.high:.0f}</small>"
        cells.append(f"<td{mark}>{value:.1f}{extra}</td>")
    note = f"<small>{escape(method.note)}</small>" if method.note else ""
    left = f"<small>{report.left_out:,} left out</small>" if report.left_out else ""
    return (
        f'<tr><th scope="row">{escape(method.name)}{note}</th>{"".join(cells)}'
        f"<td>{report.queries:,}{left}</td></tr>"
    )


def _knows_persons(report: Report) -> bool:
    """Old files name no persons, and with mean ties a query has no rank of its own."""
    return report.ties != "mean" and len(report.query_persons) == len(report.query_rows)


def _protocol(report: Report) -> str:
    rule = "same-camera images ignored" if report.camera_rule else "camera rule off"
    return f"{report.gallery:,} gallery images, {report.metric} distance, {rule}"


def _unlike(name: str, number: int, methods: Sequence[Method]) -> str:
    """The name, numbered when another method has the same."""
    same = [method for method in methods if method.name == name]
    return name if len(same) == 1 else f"{name} ({number + 1})"


def _picture(picture: Picture) -> str:
    return (
        f'<figure><div class="scroll" tabindex="0"><img src="{data_uri(picture.image)}" '
        f'width="{picture.image.width}" height="{picture.image.height}" '
        f'alt="{escape(picture.description)}"></div>\n'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>\n"
    )


def _training(epochs: Sequence[Mapping[str, Any]]) -> str:
    """Charts of losses, validation scores and learning rate, as far as the rows have them."""
    charts = [
        _curves(epochs, "losses", "Loss terms", "loss"),
        _curves(epochs, "validation", "On held-out persons", "percent"),
        _chart([_series("rate", epochs, lambda row: row.get("rate"))], "Learning rate", ""),
    ]
    drawn = "".join(f"<div>{chart}</div>" for chart in charts if chart)
    speeds = sorted(v for v in (_figure(row.get("images_per_second")) for row in epochs) if v > 0)
    speed = ""
    if speeds:
        speed = f'<p class="faint">Median speed: {speeds[len(speeds) // 2]:,.0f} images/s.</p>'
    return (f'<div class="charts">{drawn}</div>' if drawn else "") + speed


_LONG_NAMES = {"rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10", "minp": "mINP"}
_LONG_NAMES |= {"mean_average_precision": "mAP"}


def _curves(epochs: Sequence[Mapping[str, Any]], part: str, title: str, y_label: str) -> str:
    """A chart with a line for each name that occurs in ``row[part]``."""
    names = dict.fromkeys(name for row in epochs for name in row.get(part) or {})
    if part == "validation":  # its counts and switches are no percentages
        names = {name: None for name in names if name in _LONG_NAMES}
    lines = []
    for name in names:

        def value(row: Mapping[str, Any], name: str = name) -> object:
            return (row.get(part) or {}).get(name)

        label = _LONG_NAMES.get(name, name.replace("_", " "))
        lines.append(_series(label, epochs, value))
    return _chart(lines, title, y_label)


def _series(
    name: str, epochs: Sequence[Mapping[str, Any]], value: Callable[[Mapping[str, Any]], object]
) -> Series:
    """The rows that have the value; one that is not finite stays, so that the chart can say so."""
    rows = [(row["epoch"], value(row)) for row in epochs]
    known = [(epoch, figure) for epoch, figure in rows if figure is not None]
    return Series(name, [e for e, _ in known], [_figure(figure) for _, figure in known])


def _chart(lines: Iterable[Series], title: str, y_label: str) -> str:
    drawable = [line for line in lines if any(map(math.isfinite, line.y))]  # type: ignore[arg-type]
    if not drawable:
        return ""
    return line_chart(drawable, title=title, x_label="epoch", y_label=y_label)


def _figure(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan


def _camera_pairs(methods: Sequence[Method]) -> str:
    parts = []
    for method in methods:
        pairs = method.report.camera_pairs
        for source in dict.fromkeys(pair.source for pair in pairs):
            title = f"{method.name}: rank-1 by camera pair" + (f", {source}" if source else "")
            chart = camera_pair_chart([p for p in pairs if p.source == source], title=title)
            parts.append(f"<div>{chart}</div>")
    if not parts:
        return ""
    return (
        "<p>Each cell: queries of the row's camera against gallery images of the column's camera "
        "alone, and how many queries that were (n). Cells with few queries say little.</p>\n"
        f'<div class="charts pairs">{"".join(parts)}</div>'
    )


def _list(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _next_steps(steps: Sequence[tuple[str, str]]) -> str:
    return "\n".join(
        f"<p>{escape(what)}</p><pre><code>{escape(command)}</code></pre>" for what, command in steps
    )


def _facts(facts: Mapping[str, str]) -> str:
    return _definitions(facts, "facts") if facts else ""


def _definitions(entries: Mapping[str, str], kind: str) -> str:
    pairs = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in entries.items()
    )
    return f'<dl class="{kind}" id="{kind}">{pairs}</dl>'


def _percent(value: float) -> str:
    return f"{value:.1f} %"
