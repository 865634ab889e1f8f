"""Charts of lanes: a block a passage, in its lane and at its time."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from passerby.visual.svg.lane_charts import Block, lane_chart

EIGHT = datetime(2026, 5, 1, 8, tzinfo=UTC)


def block(lane, first, last, *, flagged=False):
    begin, end = (EIGHT + timedelta(seconds=second) for second in (first, last))
    return Block(lane, begin, end, f"{lane} <{first}>", flagged)


def test_blocks_are_in_their_lanes():
    blocks = [block("hall", 0, 50), block("yard", 50, 100, flagged=True), block("hall", 100, 100)]
    drawn = ElementTree.fromstring(lane_chart(blocks, title="Ann"))
    shapes = [one for one in drawn.iter() if one.tag.endswith("rect")]
    x, y, width = ([float(one.get(name)) for one in shapes] for name in ("x", "y", "width"))
    assert y[0] == y[2] < y[1]
    assert x[0] + width[0] == pytest.approx(x[1], abs=0.2)
    assert width[2] > 0
    assert "stroke" in shapes[1].get("style")
    assert "stroke" not in shapes[0].get("style")
    assert "yard <50>" in " ".join(drawn.itertext())


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="has no blocks"):
        lane_chart([], title="empty")
    with pytest.raises(ValueError, match="ends before it begins"):
        lane_chart([block("hall", 5, 1)], title="wrong")
