"""Colours over pictures say what the numbers are, and where."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.visual.explain.heat import balanced, heated, strengths

GREY = np.full((40, 20, 3), 128, np.uint8)


def test_strengths_run_from_zero_or_from_the_least_number() -> None:
    values = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    assert strengths(values, from_zero=True).tolist() == [[0.25, 0.5], [0.75, 1.0]]
    assert strengths(values, from_zero=False)[0, 0] == 0
    assert strengths(values, from_zero=False)[1, 1] == 1


def test_what_is_even_is_not_stretched_into_a_pattern() -> None:
    gates = np.array([[0.5, 0.501]], np.float32)
    assert strengths(gates, from_zero=False).max() < 0.05


def test_the_greatest_number_is_brightest_where_it_stands() -> None:
    values = np.zeros((4, 2), np.float32)
    values[3, 1] = 1
    drawn = np.asarray(heated(GREY, values), int).sum(axis=2)
    row, column = np.unravel_index(drawn.argmax(), drawn.shape)
    assert row >= 30
    assert column >= 10


def test_for_is_orange_and_against_is_blue() -> None:
    values = np.array([[2.0], [-2.0]], np.float32)
    drawn = np.asarray(balanced(GREY, values, 2.0), int)
    above, below = drawn[2, 10], drawn[-3, 10]
    assert above[0] > above[2] + 50
    assert below[2] > below[0] + 50


@pytest.mark.parametrize("greatest", [0.0, 1.0])
def test_nothing_is_left_grey(greatest: float) -> None:
    drawn = np.asarray(balanced(GREY, np.zeros((2, 2), np.float32), greatest))
    assert np.abs(drawn.astype(int) - 128).max() <= 1
