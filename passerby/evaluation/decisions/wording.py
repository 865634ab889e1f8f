"""Probabilities and likelihood ratios in words: never certain, never more digits than they carry.

No comparison of two images is certain, so none is said to be 100 % or 0 %. Distances are written
with ``:z.4f``: one that rounding left below zero is zero.
"""

from __future__ import annotations

import math


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


def likelihood_in_words(llr: float, at_limit: bool = False) -> str:
    """The likelihood ratio as a sentence.

    >>> likelihood_in_words(math.log(50))
    'likelihood ratio 50: such a distance is 50 times likelier for one person'
    >>> likelihood_in_words(-math.log(50), at_limit=True)
    'likelihood ratio 1/50 or less: such a distance is 50 times likelier for two persons'
    >>> likelihood_in_words(0.0)
    'likelihood ratio 1: such a distance is as likely for one person as for two'
    """
    ratio = likelihood_ratio(llr)
    if ratio == "1":
        return "likelihood ratio 1: such a distance is as likely for one person as for two"
    limit = (" or more" if llr > 0 else " or less") if at_limit else ""
    side = "one person" if llr > 0 else "two persons"
    times = ratio.removeprefix("1/")
    return f"likelihood ratio {ratio}{limit}: such a distance is {times} times likelier for {side}"
