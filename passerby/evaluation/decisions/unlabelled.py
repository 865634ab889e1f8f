"""False-match rates without labels: from the distances of a gallery's own sightings to each other.

Nearly all pairs of sightings are of different persons, so that their distances say how near
strangers come. The few pairs of one person among them are the nearest, just where false matches
are: a plain quantile takes them for strangers and is ten times too strict. So two populations are
told apart, by expectation and maximisation on the distances counted in bins:

- *strangers*, whose distances have one shape, moved and stretched: a sinh-arcsinh distribution
  (Jones and Pewsey 2009, "Sinh-arcsinh distributions", Biometrika 96) whose skewness and tails are
  those of drawn persons. Its place and width are read off the middle of the strangers, without
  the nearest fifth, where others could be among them;
- *the same persons*, the roots of whose distances are normal, weakly bound to where they lie in
  other galleries. How many they are is estimated with the rest, a little on the small side.

Vectors should have lost their camera's mean before. What came of it: docs/results/decisions.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST_PAIRS = 1_000
LEAST_RATE = 1e-4
"""Below it the shape of the tail was seen to be off by more than a factor of three."""

# The shape of strangers' distances; and where the roots of the same persons' lie beside that of the
# median of all, and their spread. benchmarks/unlabelled_shape.py finds -0.35, 0.98 of drawn persons
# and 0.62, 0.13 as the mean of drawn and real ones (docs/results/unlabelled.md).
SKEWNESS, TAILS = -0.33, 1.02
SAME_ROOT, SAME_SPREAD = 0.68, 0.14

_LEVELS = np.geomspace(0.2, 0.6, 40)  # of the strangers, at which place and width are read
# Pairs of one image depend on each other: all together count as so many independent ones, beside so
# many that speak for the same persons' place above, and so few against there being any.
_COUNT, _HELD, _AGAINST = 3_000, 100, 2
# What is beyond is taken for strangers of another shape.
_MOST_SAME, _FARTHEST_ROOT = 0.2, 0.85
_ROUNDS, _SETTLED = 200, 1e-7


@dataclass(frozen=True)
class UnlabelledDistances:
    """What unlabelled distances show of strangers and of the same persons.

    centre, scale: of strangers' distances; same_share: of pairs that are of one person; same_root,
    same_spread: mean and deviation of the roots of their distances; pairs: that were counted.
    """

    centre: float
    scale: float
    same_share: float
    same_root: float
    same_spread: float
    pairs: int

    @property
    def least_rate(self) -> float:
        """The least false-match rate that is said: ten pairs of strangers, and never below 1e-4."""
        return max(LEAST_RATE, 10 / self.pairs)

    def false_match_rates(self, distances: ArrayLike) -> NDArray[np.float64]:
        """The share of strangers that are as near, for each distance; at least `least_rate`."""
        standard = (np.asarray(distances, np.float64) - self.centre) / self.scale
        return np.maximum(_share_below(standard), self.least_rate)

    @property
    def highest_llr(self) -> float:
        """The greatest log-likelihood ratio that is said: the tail shows no rarer strangers."""
        return -math.log(self.least_rate)

    def llrs(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Natural log-likelihood ratios of one person against two: estimates without labels, for
        linking, and no evidence. Never increasing, and within `highest_llr` of zero."""
        grid = np.linspace(0, 2, 1_001)
        same = np.diff(_normal_below((np.sqrt(grid) - self.same_root) / self.same_spread))
        different = np.diff(_share_below((grid - self.centre) / self.scale))
        logs = np.log(np.maximum(same, 1e-12)) - np.log(np.maximum(different, 1e-12))
        middles = (grid[1:] + grid[:-1]) / 2
        # Beyond the strangers' middle nothing is known of the same persons: it stays as there.
        beyond = int(np.searchsorted(middles, self.centre))
        logs[beyond:] = logs[min(beyond, len(logs) - 1)]
        falling = np.maximum.accumulate(logs[::-1])[::-1]
        limited = np.clip(falling, -self.highest_llr, self.highest_llr)
        found: NDArray[np.float64] = np.interp(np.asarray(distances, np.float64), middles, limited)
        return found

    def threshold(self, rate: float) -> float | None:
        """The distance below which that share of strangers lies; None below `least_rate`.

        Raises ValueError for a rate that is not between 0 and 1.
        """
        if not 0 < rate < 1:
            raise ValueError(f"a false-match rate must be between 0 and 1, got {rate}")
        if rate < self.least_rate * (1 - 1e-9):
            return None
        grid, shares = _shape()
        return max(0.0, self.centre + self.scale * float(np.interp(rate, shares, grid)))


def unlabelled_distances(distances: ArrayLike) -> UnlabelledDistances:
    """Tell strangers from the same persons among the distances [P] of pairs nobody has labelled.

    Pairs that are known to be of one person (of one tracklet) are best left out. Raises ValueError
    for fewer than a thousand pairs, and where half of the pairs lie at one distance.
    """
    given = np.asarray(distances, np.float64).ravel()
    if len(given) < FEWEST_PAIRS:
        raise ValueError(
            f"at least {FEWEST_PAIRS:,} pairs show how near strangers come, got {len(given):,}"
        )
    levels = np.concatenate([[0], np.geomspace(1e-5, 0.1, 80), np.linspace(0.11, 1, 90)])
    edges = np.unique(np.quantile(given, levels))
    if len(edges) < len(levels) / 2:
        raise ValueError("half of the pairs lie at one distance: nothing can be told from them")
    masses = np.histogram(given, edges)[0] / len(given)
    return _separated(edges, masses, math.sqrt(float(np.median(given))), len(given))


def _separated(
    edges: NDArray[np.float64], masses: NDArray[np.float64], root: float, pairs: int
) -> UnlabelledDistances:
    """Both populations of distances in bins: edges [K + 1], shares of the pairs [K]."""
    roots = np.sqrt((edges[1:] + edges[:-1]) / 2)
    share, mean, spread = 0.01, SAME_ROOT * root, SAME_SPREAD
    strangers = masses
    centre = scale = 0.0
    for _ in range(_ROUNDS):
        before = (share, centre, scale)
        centre, scale = _place(edges, strangers)
        different = (1 - share) * np.diff(_share_below((edges - centre) / scale))
        same = share * np.diff(_normal_below((np.sqrt(edges) - mean) / spread))
        same = masses * same / np.maximum(same + different, 1e-300)
        strangers = masses - same
        count = _COUNT * float(same.sum())
        share = min(max(1e-6, (count - _AGAINST) / _COUNT), _MOST_SAME)
        held = count + _HELD
        mean = (_COUNT * float(same @ roots) + _HELD * SAME_ROOT * root) / held
        mean = min(mean, _FARTHEST_ROOT * root)
        squares = _COUNT * float(same @ (roots - mean) ** 2) + _HELD * SAME_SPREAD**2
        spread = math.sqrt(squares / held)
        if max(abs(a - b) for a, b in zip(before, (share, centre, scale), strict=True)) < _SETTLED:
            break
    return UnlabelledDistances(centre, scale, share, mean, spread, pairs)


def _place(edges: NDArray[np.float64], strangers: NDArray[np.float64]) -> tuple[float, float]:
    """Centre and scale by least squares on quantiles in the strangers' middle."""
    below = np.concatenate([[0.0], strangers.cumsum()])
    found = np.interp(_LEVELS, below / below[-1], edges)
    grid, shares = _shape()
    standard = np.interp(_LEVELS, shares, grid)
    offset = standard - standard.mean()
    scale = float(offset @ found / (offset @ offset))
    return float(found.mean()) - scale * float(standard.mean()), max(scale, 1e-9)


def _share_below(standard: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of strangers' distances, moved and stretched to the shape's own."""
    return np.interp(standard, *_shape())


def _normal_below(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([math.erfc(-value / math.sqrt(2)) / 2 for value in np.ravel(z).tolist()])


@cache
def _shape() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The distribution function of the strangers' shape: where, and the share below."""
    grid = np.linspace(-8, 8, 8_001)
    return grid, _normal_below(np.sinh(TAILS * np.arcsinh(grid) - SKEWNESS))
