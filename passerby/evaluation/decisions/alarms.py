"""How near somebody must come for an alarm, so that strangers raise few; and how many they raised.

N strangers were seen at some distances. Another one, of whom nothing else is known, comes nearer
than the k-th nearest of them with the probability k / (N + 1): whatever the distances are like, as
all orders of N + 1 are equally likely (an order statistic as tolerance limit: Wilks 1941,
"Determination of sample sizes for setting tolerance limits"). Where N is too small for the
probability wanted even k = 1 is too much: then the shape of strangers' distances
(`stranger_threshold`) says how much nearer, and it is no longer counted but believed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.unlabelled import LEAST_RATE, SKEWNESS, TAILS

FEWEST_STRANGERS = 50
"""Below this nothing is said of how near strangers come."""

_MIDDLE = np.geomspace(0.2, 0.6, 40)  # of the distances, where nobody but strangers is


@dataclass(frozen=True)
class AlarmThreshold:
    """An alarm is raised below the distance. counted: by strangers seen, of whom the probability
    ``shown`` is sure; else the shape is believed, and ``shown`` is the most it can be."""

    distance: float
    wanted: float
    shown: float
    strangers: int
    counted: bool


def alarm_threshold(distances: ArrayLike, probability: float) -> AlarmThreshold | None:
    """For strangers at N distances, and the probability of an alarm by one more that is wanted.

    None for fewer than `FEWEST_STRANGERS`. Raises ValueError for a probability not above 0; of one
    above 1 there are as many alarms as strangers.
    """
    if not probability > 0:
        raise ValueError(f"the probability of an alarm must be above 0, got {probability}")
    given = np.asarray(distances, np.float64).ravel()
    count = len(given)
    if count < FEWEST_STRANGERS:
        return None
    rank = math.floor(probability * (count + 1) * (1 + 1e-12))
    if rank > count:
        return AlarmThreshold(math.inf, probability, 1.0, count, True)
    if rank >= 1:
        nearest = float(np.partition(given, rank - 1)[rank - 1])
        return AlarmThreshold(nearest, probability, rank / (count + 1), count, True)
    nearest = min(float(given.min()), stranger_threshold(given, probability))
    return AlarmThreshold(nearest, probability, 1 / (count + 1), count, False)


def stranger_threshold(distances: ArrayLike, rate: float) -> float:
    """The distance below which a share of strangers lies, by the shape that their distances have
    elsewhere (`unlabelled`), put on the middle of the N distances given; of `LEAST_RATE` for lesser
    rates.

    One or another of the same person among them changes nothing: the nearest fifth is not looked
    at. Raises ValueError for no distances.
    """
    given = np.asarray(distances, np.float64)
    if not given.size:
        raise ValueError("expected at least one distance")
    found = np.quantile(given, _MIDDLE)
    standard = _standard(_MIDDLE)
    scale, centre = np.polyfit(standard, found, 1).tolist()
    (at,) = _standard(np.array([min(max(rate, LEAST_RATE), 0.5)])).tolist()
    return max(0.0, float(centre + scale * at))


def _standard(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where these shares of strangers lie, in the shape's own units."""
    normal = np.array([NormalDist().inv_cdf(share) for share in shares.tolist()])
    made: NDArray[np.float64] = np.sinh((np.arcsinh(normal) + SKEWNESS[0]) / math.exp(TAILS[0]))
    return made


def poisson_interval(count: int, level: float = 0.95) -> Interval:
    """Of the mean of a Poisson number of which ``count`` were seen: exact, and so never too narrow.

    Source: Garwood 1936, "Fiducial limits for the Poisson distribution". Raises ValueError for a
    count below 0.
    """
    if count < 0:
        raise ValueError(f"a count must be 0 or more, got {count}")
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else _mean_where(count - 1, 1 - tail)
    return Interval(low, _mean_where(count, tail))


def _mean_where(count: int, share: float) -> float:
    """The mean of a Poisson distribution that has this share at ``count`` and below."""
    low, high = 0.0, 10.0 + 4 * count
    for _ in range(100):
        middle = (low + high) / 2
        if _share_up_to(count, middle) > share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _share_up_to(count: int, mean: float) -> float:
    if mean == 0:
        return 1.0
    logs = [n * math.log(mean) - math.lgamma(n + 1) - mean for n in range(count + 1)]
    return math.fsum(math.exp(value) for value in logs)
