"""Probabilities and likelihood ratios in words: never certain, never more digits than they carry.

No comparison of two images is certain, so none is said to be 100 % or 0 %. Distances are written
with ``:z.4f``: one that rounding left below zero is zero.
"""

from __future__ import annotations

import math

from passerby.evaluation.bootstrap import Interval


def percent(probability: float) -> str:
    """A probability in percent, of three digits at most.

    >>> percent(0.9731), percent(0.99999), percent(0.0), percent(0.002)
    ('97.3 %', '> 99.9 %', '< 0.1 %', '0.2 %')
    """
    if probability > 0.999:
        return "> 99.9 %"
    if probability < 0.001:
        return "< 0.1 %"
    return f"{100 * probability:.1f} %"


def likelihood_ratio(llr: float) -> str:
    """A likelihood ratio from its natural logarithm, of three digits.

    >>> likelihood_ratio(math.log(7882)), likelihood_ratio(-math.log(40)), likelihood_ratio(-1e-9)
    ('7,880', '1/40', '1')
    """
    times = f"{float(f'{math.exp(min(abs(llr), 700)):.3g}'):,.10g}"
    return times if llr >= 0 or times == "1" else f"1/{times}"


def ratio_interval(interval: Interval) -> str:
    """The ends of a likelihood ratio's interval, from their natural logarithms.

    >>> ratio_interval(Interval(-math.log(2), math.log(30)))
    '1/2 to 30'
    """
    return f"{likelihood_ratio(interval.low)} to {likelihood_ratio(interval.high)}"


def ratio_with_ends(llr: float, interval: Interval | None) -> str:
    """A likelihood ratio and its interval where there is one, from their natural logarithms.

    >>> ratio_with_ends(math.log(50), Interval(math.log(20), math.log(90)))
    '50 (20 to 90)'
    """
    spread = "" if interval is None else f" ({ratio_interval(interval)})"
    return f"{likelihood_ratio(llr)}{spread}"


def support(llr: float) -> str:
    """How much a likelihood ratio supports that it is one person, or two, on the verbal scale of
    forensic institutes (ENFSI Guideline for Evaluative Reporting in Forensic Science, 2015).

    >>> support(math.log(50)), support(-math.log(5)), support(0.1)
    ('moderate support for one person', 'weak support for two persons', 'no support for either')
    """
    times = math.exp(min(abs(llr), 700)) * (1 + 1e-9)
    words = [name for least, name in _SUPPORT if times >= least]
    if not words:
        return "no support for either"
    return f"{words[-1]} support for {'one person' if llr > 0 else 'two persons'}"


def verbal_scale() -> tuple[tuple[str, str], ...]:
    """The scale of `support`: from which likelihood ratio on it is called what.

    >>> verbal_scale()[0], verbal_scale()[-1]
    (('2', 'weak'), ('1,000,000', 'extremely strong'))
    """
    return tuple((f"{least:,}", words) for least, words in _SUPPORT)


_SUPPORT = (
    (2, "weak"),
    (10, "moderate"),
    (100, "moderately strong"),
    (1_000, "strong"),
    (10_000, "very strong"),
    (1_000_000, "extremely strong"),
)


def likelihood_in_words(
    llr: float, at_limit: bool = False, interval: Interval | None = None
) -> str:
    """The likelihood ratio as a sentence; interval: of its natural logarithm.

    >>> likelihood_in_words(math.log(50))
    'likelihood ratio 50: such a distance is 50 times likelier for one person (moderate support)'
    >>> likelihood_in_words(-math.log(5), at_limit=True)[-50:]
    'is 5 times likelier for two persons (weak support)'
    >>> likelihood_in_words(0.0, interval=Interval(-math.log(2), math.log(2)))
    'likelihood ratio 1 (1/2 to 2): such a distance is as likely for one person as for two'
    """
    ratio = likelihood_ratio(llr)
    limit = (" or more" if llr > 0 else " or less") if at_limit and ratio != "1" else ""
    spread = "" if interval is None else f" ({ratio_interval(interval)})"
    head = f"likelihood ratio {ratio}{limit}{spread}: such a distance is"
    if ratio == "1":
        return f"{head} as likely for one person as for two"
    side = "one person" if llr > 0 else "two persons"
    words = support(llr).partition(" for ")[0]
    return f"{head} {ratio.removeprefix('1/')} times likelier for {side} ({words})"
