"""Contracts: how many false alarms at most, as people say it, and how many passages there are."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WEEKS = {"hour": 1 / 168, "day": 1 / 7, "week": 1.0, "month": 30 / 7, "year": 365 / 7}

ASSUMED = 7_000.0
"""Passages a week where nothing shows how many there are: a thousand a day."""

_FEWEST = 20  # passages with a time, over an hour at least, that show anything
_WEEK = np.timedelta64(7, "D")
_LOOKED_BACK = 4  # weeks that saw anybody


@dataclass(frozen=True)
class Traffic:
    """Passages a week, and in words what shows it."""

    a_week: float
    how: str

    def __str__(self) -> str:
        return f"{self.a_week:,.0f} passages a week ({self.how})"


def per_week(text: str) -> float:
    """Times a week of a text such as "1 a week", "2/day", "0.5 per month" (of 30 days).

    >>> per_week("2 a day"), per_week("1/week")
    (14.0, 1.0)

    Raises ValueError for anything else, and for what is not above 0.
    """
    found = re.fullmatch(
        r"\s*([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*(?:an?\s+|per\s+|/\s*)([a-z]+?)\s*", text.lower()
    )
    unit = found[2].removesuffix("s") if found else ""
    if found is None or unit not in _WEEKS or float(found[1]) == 0:
        raise ValueError(
            f"expected how often at most, as '1 a week', '2 a day' or '0.5 a month', got {text!r}"
        )
    return float(found[1]) / _WEEKS[unit]


def traffic(times: NDArray[np.datetime64], stated: float = 0.0) -> Traffic:
    """How many passages a week there are, by their times [N]; stated: what is reckoned with until
    they show a whole week, 0 for nothing.

    Those of the busiest of the last four weeks that saw anybody: traffic that grows counts at once,
    and neither a quiet week nor a camera that was off makes alarms more likely.
    """
    known = times[~np.isnat(times)]
    span = known.max() - known.min() if len(known) else np.timedelta64(0, "D")
    if stated and span < _WEEK:
        return Traffic(stated, "stated")
    if len(known) < _FEWEST or span < np.timedelta64(1, "h"):
        return Traffic(ASSUMED, "assumed: too few have a time")
    if span < _WEEK:
        words = f"as in the {span / np.timedelta64(1, 'h'):.0f} hours that were seen, day and night"
        return Traffic(len(known) / float(span / _WEEK), words)
    weeks = np.bincount(((known.max() - known) // _WEEK).astype(np.int64))
    return Traffic(float(weeks[weeks > 0][:_LOOKED_BACK].max()), "the busiest of the last weeks")
