"""Probabilities and ratios in words."""

import math

import pytest

from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.wording import (
    likelihood_in_words,
    likelihood_ratio,
    percent,
    support,
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
    spread = Interval(-math.log(2), math.log(8))
    assert "ratio 2 (1/2 to 8): " in likelihood_in_words(math.log(2), interval=spread)
    assert "ratio 100,000 or more" in likelihood_in_words(math.log(1e5), at_limit=True)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.9, "no"),
        (2, "weak"),
        (10, "moderate"),
        (100, "moderately strong"),
        (1000, "strong"),
        (10_000, "very strong"),
        (999_999, "very strong"),
        (1e6, "extremely strong"),
    ],
)
def test_the_scale_is_that_of_the_guideline(ratio, words):
    # ENFSI Guideline for Evaluative Reporting in Forensic Science, 2015, verbal equivalents.
    assert support(math.log(ratio)).startswith(f"{words} support for ")
    assert support(-math.log(ratio)).endswith("either" if words == "no" else "two persons")
