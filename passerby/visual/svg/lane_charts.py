"""Lanes as SVG: a line a camera, blocks from when to when, joined in order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from passerby.visual.svg.charts import RIGHT, TOP
from passerby.visual.svg.marks import LETTER, colour_of, cut, escaped, rule, svg, text_mark

_WIDTH = 760
_LANE = 34
_LABEL = 200  # the widest name of a lane, in SVG units
_LEAST = 5.0  # of a block, in SVG units: a moment is seen, too
_MOMENTS = 5  # along the time


@dataclass(frozen=True)
class Block:
    """Something in a lane from first to last; tip: in words; flagged: whether it is marked."""

    lane: str
    first: datetime
    last: datetime
    tip: str
    flagged: bool = False


def lane_chart(blocks: Sequence[Block], *, title: str) -> str:
    """Blocks in the order given, lanes in the order of their first block, as SVG.

    Raises ValueError without blocks, and for one that ends before it begins.
    """
    if not blocks:
        raise ValueError(f"chart {title!r} has no blocks")
    if any(block.last < block.first for block in blocks):
        raise ValueError(f"chart {title!r} has a block that ends before it begins")
    lanes = list(dict.fromkeys(block.lane for block in blocks))
    begin, end = min(b.first for b in blocks), max(b.last for b in blocks)
    span = max((end - begin).total_seconds(), 1.0)
    label = min(_LABEL, max(len(lane) for lane in lanes) * LETTER + 12)
    left, right = RIGHT + label, _WIDTH - RIGHT - _LEAST
    bottom = TOP + _LANE * len(lanes)

    def x(time: datetime) -> float:
        return left + (time - begin).total_seconds() / span * (right - left)

    def y(lane: str) -> float:
        return TOP + _LANE * (lanes.index(lane) + 0.5)

    parts = []
    for lane in lanes:
        parts.append(rule(left, y(lane), _WIDTH - RIGHT, y(lane), faint=True))
        name = cut(lane, label - 8)
        parts.append(text_mark(left - 8, y(lane) + 4, name, anchor="end", full=lane))
    for before, after in pairwise(blocks):
        parts.append(rule(x(before.last), y(before.lane), x(after.first), y(after.lane)))
    for block in blocks:
        width = max(x(block.last) - x(block.first), _LEAST)
        shape = f'x="{x(block.first):.1f}" y="{y(block.lane) - 9}" width="{width:.1f}" height="18"'
        colour = colour_of(1 if block.flagged else 0)
        style = f"fill:{colour}" + (";stroke:currentColor;stroke-width:2" if block.flagged else "")
        tip = f"<title>{escaped(block.tip)}</title>"
        parts.append(f'<g>{tip}<rect {shape} rx="3" style="{style}"/></g>')
    parts += _times(begin, span, left, right, bottom)
    words = "; ".join(block.tip for block in blocks)
    return svg(_WIDTH, bottom + 34, title, words, parts)


def _times(begin: datetime, span: float, left: float, right: float, bottom: float) -> list[str]:
    parts = [rule(left, bottom, right, bottom)]
    several_days = (begin + timedelta(seconds=span)).date() != begin.date()
    shape = "%m-%d %H:%M" if several_days else "%H:%M:%S"
    for step in range(_MOMENTS):
        share = step / (_MOMENTS - 1)
        x = left + share * (right - left)
        time = (begin + timedelta(seconds=share * span)).strftime(shape)
        parts.append(rule(x, bottom, x, bottom + 4))
        anchor = ("start", "middle", "end")[(step > 0) + (step == _MOMENTS - 1)]
        parts.append(text_mark(x, bottom + 17, time, anchor=anchor))
    return parts
