"""SVG charts: well-formed whatever the names, points where the data are, honest about gaps."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from passerby.evaluation.report import CameraPair
from passerby.visual.svg.charts import (
    Bar,
    Series,
    bar_chart,
    camera_pair_chart,
    cmc_chart,
    line_chart,
)
from passerby.visual.svg.marks import ticks

HOSTILE = "<script>alert(1)</script> & \"quoted\" 'name' \x00\x1b\ud800 ]]>"
SVG = "{http://www.w3.org/2000/svg}"


def pair(query: int, gallery: int, rank1: float = 50.0, source: str = "made") -> CameraPair:
    return CameraPair(source, query, gallery, 12, rank1, rank1 / 2)


def parsed(svg: str) -> ElementTree.Element:
    """The chart, checked for what every chart must have."""
    svg.encode("utf-8")
    assert "<script" not in svg
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root[0].tag == f"{SVG}title"
    assert root[0].text
    assert root[1].tag == f"{SVG}desc"
    for element in root.iter():
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on")
            assert name.split("}")[-1] not in ("href", "src")
            assert "url(" not in value
    return root


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize(
    "svg",
    [
        line_chart(
            [Series(HOSTILE, [1, 2], [3, 4])], title=HOSTILE, x_label=HOSTILE, y_label=HOSTILE
        ),
        bar_chart([Bar(HOSTILE, (1.0, None))], [HOSTILE, "b"], title=HOSTILE, unit=HOSTILE),
        cmc_chart({HOSTILE: np.linspace(20, 90, 50)}),
        camera_pair_chart([pair(1, 2, source=HOSTILE)], title=HOSTILE),
    ],
    ids=["line", "bar", "cmc", "pairs"],
)
def test_hostile_names_stay_text(svg: str) -> None:
    spoken = "".join(parsed(svg).itertext())
    assert "alert(1)" in spoken


def test_points_stand_where_the_data_are() -> None:
    root = parsed(line_chart([Series("loss", [1, 2, 3], [0, 10, 5])], title="t"))
    (line,) = root.iter(f"{SVG}polyline")
    points = [tuple(map(float, p.split(","))) for p in line.get("points", "").split()]
    (x1, y1), (x2, y2), (x3, y3) = points
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.11)
    assert y2 < y3 < y1  # upwards is smaller
    assert y3 == pytest.approx((y1 + y2) / 2, abs=0.11)
    labels = texts(root)
    assert {"0", "10", "1", "2", "3", "loss", "t"} <= set(labels)


def test_points_that_are_not_finite_break_the_line_and_are_counted() -> None:
    series = Series("loss", [1, 2, 3, 4, 5], [5, 4, math.nan, math.inf, 1])
    root = parsed(line_chart([series], title="t"))
    assert len(list(root.iter(f"{SVG}polyline"))) == 2
    assert any("2 points not finite" in text for text in texts(root))
    assert "nan" not in line_chart([series], title="t").lower().replace("not finite", "")


def test_what_is_not_drawn_has_a_line_of_its_own_below_the_label() -> None:
    series = Series("loss", [0, 0.1, 0.2], [1, math.nan, 3])
    root = parsed(line_chart([series], title="t", x_label="rate", log_x=True))
    note = (
        "1 point not finite, not drawn; 1 point at 0 or below: no place on an axis by powers of ten"
    )
    below = {text.text: float(text.get("y", 0)) for text in root.iter(f"{SVG}text")}
    assert below[note] - below["rate"] >= 14  # letters are 12 high
    assert below[note] < float(root.get("height", 0))


def test_a_single_point_is_a_marker() -> None:
    root = parsed(line_chart([Series("loss", [1], [0.5])], title="t"))
    assert len(list(root.iter(f"{SVG}circle"))) == 2  # in the plot and in the legend


def test_series_differ_in_dash_and_marker() -> None:
    lines = [Series(name, [1, 2], [1, 2]) for name in "abcdefgh"]
    root = parsed(line_chart(lines, title="t"))
    styles = [line.get("style", "") for line in root.iter(f"{SVG}polyline")]
    assert len(styles) == 8
    dashes = {re.sub("stroke:[^;]*;", "", style) for style in styles[:6]}
    assert len(dashes) == 6


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ([], "no series"),
        ([Series("a", [], [])], "series 'a' has no finite point"),
        ([Series("a", [1], [math.nan])], "series 'a' has no finite point"),
        ([Series("a", [1, 2], [1])], "needs x"),
        ([Series("a", [[1]], [[1]])], "needs x"),
    ],
)
def test_line_chart_errors(series: list[Series], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        line_chart(series, title="t")


def test_bars_are_as_long_as_their_values() -> None:
    bars = [Bar("baseline", (80.0, 40.0)), Bar("ours", (None, math.nan)), Bar("zero", (0.0, 20.0))]
    root = parsed(bar_chart(bars, ["ours", "the paper"], title="t", limit=100))
    widths = [float(r.get("width", "")) for r in root.iter(f"{SVG}rect") if r.get("height") == "13"]
    assert len(widths) == 4
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    assert widths[2] == 0
    labels = texts(root)
    assert labels.count("–") == 2
    assert {"80.0", "40.0", "0.0", "20.0"} <= set(labels)
    assert "ours: ours –, the paper –" in (root[1].text or "")


@pytest.mark.parametrize(
    ("bars", "message"),
    [
        ([], "no bars"),
        ([Bar("a", (1.0,))], "1 values for 2 legend entries"),
        ([Bar("a", (None, None))], "values of 0 and more"),
        ([Bar("a", (1.0, -1.0))], "values of 0 and more"),
    ],
)
def test_bar_chart_errors(bars: list[Bar], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bar_chart(bars, ["x", "y"], title="t")


def test_all_bars_zero() -> None:
    root = parsed(bar_chart([Bar("a", (0.0,))], ["x"], title="t"))
    assert "0.0" in texts(root)


def test_cmc_of_different_lengths() -> None:
    root = parsed(cmc_chart({"short": [50.0, 60.0], "long": np.linspace(1, 100, 50)}, top=20))
    lines = [line.get("points", "").split() for line in root.iter(f"{SVG}polyline")]
    assert [len(points) for points in lines] == [2, 20]
    assert {"0", "100", "20"} <= set(texts(root))


def test_camera_pairs_stand_in_their_cells() -> None:
    root = parsed(camera_pair_chart([pair(1, 2, 10.0), pair(2, 1, 90.0), pair(1, 7)], title="t"))
    cells = {
        (title.text or "").split(":")[0]: group
        for group in root.iter(f"{SVG}g")
        for title in group.iter(f"{SVG}title")
    }
    assert set(cells) == {"camera 1 to camera 2", "camera 2 to camera 1", "camera 1 to camera 7"}

    def corner(name: str) -> tuple[float, float]:
        (rect,) = cells[name].iter(f"{SVG}rect")
        return float(rect.get("x", "")), float(rect.get("y", ""))

    assert corner("camera 1 to camera 2")[1] == corner("camera 1 to camera 7")[1]
    assert corner("camera 1 to camera 2")[0] < corner("camera 1 to camera 7")[0]
    assert corner("camera 2 to camera 1")[1] > corner("camera 1 to camera 2")[1]
    assert {"c1", "c2", "c7", "10", "90", "50", "n 12"} <= set(texts(root))
    assert "lowest is 10 percent, from camera 1 to camera 2" in (root[1].text or "")


def test_camera_pair_errors() -> None:
    with pytest.raises(ValueError, match="no camera pairs"):
        camera_pair_chart([], title="t")
    with pytest.raises(ValueError, match="one chart per source"):
        camera_pair_chart([pair(1, 2), pair(1, 2, source="other")], title="t")


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0, 3.5e-4), (-3, 7), (99.1, 99.9), (5, 5), (0, 0), (0, 3e38)]
)
def test_ticks_enclose_and_are_few_and_even(low: float, high: float) -> None:
    values = ticks(low, high)
    assert values[0] <= low <= high <= values[-1]
    assert 2 <= len(values) <= 12
    steps = np.diff(values)
    assert steps == pytest.approx(steps[0])


def test_whole_ticks_are_epochs() -> None:
    assert ticks(1, 1, whole=True) == [1]
    assert ticks(1, 120, 8, whole=True) == [20, 40, 60, 80, 100, 120]
    assert all(value == int(value) for value in ticks(3, 9, whole=True))
