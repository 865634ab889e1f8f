"""The page of a count of visitors: numbers with their intervals, and a chart of the parts."""

from __future__ import annotations

import os
from pathlib import Path

from markupsafe import Markup

from passerby.gallery.visitors.parts import Part
from passerby.gallery.visitors.visitors import Visitors
from passerby.process.whole_files import write_whole
from passerby.version import __version__
from passerby.visual.report_page import TEMPLATES
from passerby.visual.svg.interval_charts import Measured, interval_chart


def write_visitors_page(visitors: Visitors, path: str | os.PathLike[str]) -> Path:
    """Write the page; the template (``visitors.html``) escapes all names."""
    target = Path(path)
    chart = ""
    if visitors.parts:
        chart = interval_chart([_row(part) for part in visitors.parts], title="Different persons")
    without = f"; without {', '.join(visitors.without)}" if visitors.without else ""
    page = TEMPLATES.get_template("visits/visitors.html").render(
        version=__version__,
        lead=f"How many different persons were seen, with intervals{without}",
        whole=visitors.whole,
        parts=visitors.parts,
        by=visitors.by,
        chart=Markup(chart),
        notes=visitors.notes,
    )
    write_whole(target, page)
    return target


def _row(part: Part) -> Measured:
    said = part.persons
    return Measured(part.name or "no camera known", said.middle, said.low, said.high)
