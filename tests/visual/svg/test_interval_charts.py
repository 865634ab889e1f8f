"""Charts of intervals: well-formed, with every number, and no row out of order."""

from xml.etree import ElementTree

import pytest

from passerby.visual.svg.interval_charts import Measured, interval_chart


def test_every_row_is_drawn_and_said():
    rows = [Measured("08:00 & on", 4, 3, 6), Measured("09:00", 0, 0, 0)]
    drawn = ElementTree.fromstring(interval_chart(rows, title="Different persons"))
    said = " ".join(drawn.itertext())
    assert "08:00 & on: 4 (3–6)" in said
    bars = [one for one in drawn.iter() if one.tag.endswith("rect")]
    widths = [float(bar.get("width")) for bar in bars]
    assert widths[0] > widths[1] == 0
    assert max(float(bar.get("x")) + width for bar, width in zip(bars, widths, strict=True)) < 560


def test_rows_out_of_order_are_refused():
    with pytest.raises(ValueError, match="has no rows"):
        interval_chart([], title="empty")
    with pytest.raises(ValueError, match="low <= middle"):
        interval_chart([Measured("a", 1, 2, 3)], title="wrong")
