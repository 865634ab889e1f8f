"""Points of groups: the largest have colours, one length is one distance on both axes."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from passerby.visual.svg.plane_charts import plane_chart

PLACES = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 1.0], [4.0, 1.0]])


def test_one_length_is_one_distance() -> None:
    chart = plane_chart(PLACES, ["a", "a", "a", "a"], title="t")
    found = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="3"', chart)
    points = np.array(found[:4], float)
    assert points[1, 0] - points[0, 0] == pytest.approx(4 * (points[0, 1] - points[2, 1]), abs=0.5)


def test_the_largest_groups_have_colours_and_the_others_are_counted() -> None:
    groups = [name for number, name in enumerate("abcdefgh") for _ in range(9 - number)]
    places = np.random.default_rng(0).normal(size=(len(groups), 2))
    chart = plane_chart(places, groups, title="t <&>")
    ElementTree.fromstring(chart)
    assert "grey: 2 others" in chart
    assert "in colour a, b, c, d, e, f." in chart
    assert chart.count('r="2"') == 3 + 2  # of g and h


def test_points_without_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="4 points and 1 groups"):
        plane_chart(PLACES, ["a"], title="t")
