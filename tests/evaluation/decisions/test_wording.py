"""Probabilities and ratios in words."""

import math

import pytest

from passerby.evaluation.decisions.wording import (
    likelihood_in_words,
    likelihood_ratio,
    percent,
)


@pytest.mark.parametrize("probability", [0.0, 1e-300, 0.00099999, 0.99951, 1 - 1e-12, 1.0])
def test_nothing_is_certain(probability):
    assert percent(probability) in ("< 0.1 %", "> 99.9 %")
    assert (percent(probability) == "> 99.9 %") == (probability > 0.5)


def test_what_lies_between_has_one_decimal():
    assert [percent(p) for p in (0.001, 0.5, 0.966, 0.999)] == [
        "0.1 %",
        "50.0 %",
        "96.6 %",
        "99.9 %",
    ]


def test_ratios_beyond_all_numbers_and_around_one():
    assert likelihood_ratio(1e6).startswith("1.01e+304")
    assert likelihood_ratio(-1e6).startswith("1/1.01e+304")
    assert {likelihood_ratio(llr) for llr in (0.0, -0.0, 1e-9, -1e-9)} == {"1"}
    assert "as likely for one person as for two" in likelihood_in_words(-0.0)
    assert "1/7.39: such a distance is 7.39 times likelier for two" in likelihood_in_words(-2.0)
    assert "ratio 100,000 or more" in likelihood_in_words(math.log(1e5), at_limit=True)
