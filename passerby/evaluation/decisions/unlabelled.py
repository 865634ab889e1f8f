"""False-match rates without labels: from the distances of a gallery's own sightings to each other.

Nearly all pairs of sightings are of different persons, so that their distances say how near
strangers come. The few pairs of one person among them are the nearest, just where false matches
are: a plain quantile takes them for strangers and is ten times too strict. So the distances are
taken for a mixture of two populations:

- *strangers*, whose distances follow a sinh-arcsinh distribution (Jones and Pewsey 2009,
  "Sinh-arcsinh distributions", Biometrika 96): a place, a width, a skewness and tails;
- *the same persons*, the roots of whose distances are normal.

It is fitted to the distances counted in bins, by penalised likelihood: a normal prior holds
skewness and tails to those of drawn persons, and the same persons to where they lie at drawn sites,
as far as the distances do not say otherwise. Of real cameras nothing is taken for granted.

Vectors should have lost their camera's mean before. What came of it: docs/results/decisions.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST_PAIRS = 1_000
LEAST_RATE = 1e-4
"""Below it the shape of the tail was seen to be off by more than a factor of three."""

# What is expected of a gallery: mean and deviation of strangers' skewness and of the logarithm of
# their tails, of the root of the same persons' distances beside that of the median of all, and of
# the logarithm of its spread (means: benchmarks/unlabelled_shape.py); and of the logarithm of the
# share of pairs that are of one person.
SKEWNESS = (-0.36, 0.05)
TAILS = (math.log(0.96), 0.05)
SAME_ROOT = (0.63, 0.2)
SAME_SPREAD = (math.log(0.11), 0.25)
SAME_SHARE = (math.log(0.005), 1.5)

# Pairs of one image depend on each other, and no shape is exact: all count as so many.
_COUNT = 3_000
_MOST_SAME = math.log(0.2)
_FITTED = 7  # centre, log width, skewness, log tails, log share, ratio of roots, log spread
_ROUNDS, _SETTLED, _STEP = 200, 1e-7, 1e-5


@dataclass(frozen=True)
class UnlabelledDistances:
    """What unlabelled distances show of strangers and of the same persons.

    centre, scale, skewness, tails: of strangers' distances; same_share: of pairs that are of one
    person; same_root, same_spread: mean and deviation of the roots of their distances; pairs: that
    were counted.
    """

    centre: float
    scale: float
    skewness: float
    tails: float
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
        shares = np.interp(np.asarray(distances, np.float64), *self._strangers)
        return np.maximum(shares, self.least_rate)

    @property
    def highest_llr(self) -> float:
        """The greatest log-likelihood ratio that is said: the tail shows no rarer strangers."""
        return -math.log(self.least_rate)

    def llrs(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Natural log-likelihood ratios of one person against two: estimates without labels, for
        linking, and no evidence. Never increasing, and within `highest_llr` of zero."""
        found: NDArray[np.float64] = np.interp(np.asarray(distances, np.float64), *self._llrs)
        return found

    def probabilities(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Of one person, where a pair is as likely so as any of these: no evidence."""
        if self.same_share <= 0:
            return np.zeros(np.shape(distances))
        odds = self.llrs(distances) + math.log(self.same_share / (1 - self.same_share))
        return np.asarray(1 / (1 + np.exp(-odds)))

    def threshold(self, rate: float) -> float | None:
        """The distance below which that share of strangers lies; None below `least_rate`.

        Raises ValueError for a rate that is not between 0 and 1.
        """
        if not 0 < rate < 1:
            raise ValueError(f"a false-match rate must be between 0 and 1, got {rate}")
        if rate < self.least_rate * (1 - 1e-9):
            return None
        distances, shares = self._strangers
        return max(0.0, float(np.interp(rate, shares, distances)))

    @cached_property
    def _strangers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distances, and the share of strangers below."""
        grid = np.linspace(-8, 8, 8_001)
        shares = _normal_below(np.sinh(self.tails * np.arcsinh(grid) - self.skewness))
        return self.centre + self.scale * grid, shares

    @cached_property
    def _llrs(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distances, and the log-likelihood ratios there."""
        grid = np.linspace(0, 2, 1_001)
        same = np.diff(_normal_below((np.sqrt(grid) - self.same_root) / self.same_spread))
        different = np.diff(np.interp(grid, *self._strangers))
        logs = np.log(np.maximum(same, 1e-12)) - np.log(np.maximum(different, 1e-12))
        middles = (grid[1:] + grid[:-1]) / 2
        # Beyond the strangers' middle nothing is known of the same persons: it stays as there.
        beyond = int(np.searchsorted(middles, self.centre))
        logs[beyond:] = logs[min(beyond, len(logs) - 1)]
        falling = np.maximum.accumulate(logs[::-1])[::-1]
        return middles, np.clip(falling, -self.highest_llr, self.highest_llr)


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
    shares = np.histogram(given, edges)[0] / len(given)
    mixture = Mixture(edges, shares, math.sqrt(float(np.median(given))))
    centre, width, skewness, tails, share, ratio, spread = mixture.fitted(given.std()).tolist()
    return UnlabelledDistances(
        centre=centre,
        scale=math.exp(width),
        skewness=skewness,
        tails=math.exp(tails),
        same_share=math.exp(min(share, _MOST_SAME)),
        same_root=ratio * mixture.root,
        same_spread=math.exp(spread),
        pairs=len(given),
    )


@dataclass(frozen=True, eq=False)
class Mixture:
    """Both populations of distances in bins: edges [K + 1], shares of the pairs [K]; root: of their
    median."""

    edges: NDArray[np.float64]
    shares: NDArray[np.float64]
    root: float

    def logs(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithms [K] of what is expected in the bins; the outer ones are open."""
        centre, width, skewness, tails, share, ratio, spread = values.tolist()
        standard = np.arcsinh((self.edges[1:-1] - centre) / math.exp(width))
        inner = np.clip(math.exp(tails) * standard - skewness, -20, 20)
        different = _normal_below(np.sinh(inner))
        roots = np.sqrt(self.edges[1:-1])
        same = _normal_below((roots - ratio * self.root) / math.exp(spread))
        below = different + math.exp(min(share, _MOST_SAME)) * (same - different)
        expected = np.diff(np.concatenate([[0.0], below, [1.0]]))
        return np.log(np.maximum(expected, 1e-12))

    def lost(self, values: NDArray[np.float64]) -> float:
        """Minus the logarithm of the penalised likelihood."""
        away = (values - _PRIOR) / _DEVIATIONS
        return float(away @ away / 2 - _COUNT * self.shares @ self.logs(values))

    def fitted(self, width: float) -> NDArray[np.float64]:
        """The likeliest values [7], by Fisher scoring with Levenberg's damping."""
        values = _PRIOR.copy()
        values[1] = math.log(width)
        values[0] = self.root**2 - width * math.sinh(SKEWNESS[0] / math.exp(TAILS[0]))
        lost, damping = self.lost(values), 1e-3
        for _ in range(_ROUNDS):
            slopes = self._slopes(values)
            gradient = (values - _PRIOR) / _DEVIATIONS**2 - _COUNT * slopes.T @ self.shares
            expected = np.exp(self.logs(values))
            curvature = _COUNT * (slopes * expected[:, None]).T @ slopes
            curvature += np.diag(1 / _DEVIATIONS**2)
            better = False
            while not better and damping < 1e8:
                damped = curvature + damping * np.diag(np.diag(curvature))
                tried = values - np.clip(np.linalg.solve(damped, gradient), -0.5, 0.5)
                now = self.lost(tried)
                better = now < lost
                damping *= 1 / 8 if better else 4
            if not better:
                break
            values, before, lost = tried, lost, now
            if before - lost < _SETTLED:
                break
        return values

    def _slopes(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives [K, 7] of `logs`, by central differences."""
        steps = _STEP * np.eye(_FITTED)
        sides = [self.logs(values + step) - self.logs(values - step) for step in steps]
        return np.stack(sides, axis=1) / (2 * _STEP)


_EXPECTED = (SKEWNESS, TAILS, SAME_SHARE, SAME_ROOT, SAME_SPREAD)
# Of the centre and the width nothing is expected.
_PRIOR = np.array([0.0, 0.0] + [mean for mean, _ in _EXPECTED])
_DEVIATIONS = np.array([math.inf, math.inf] + [deviation for _, deviation in _EXPECTED])


def _normal_below(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([math.erfc(-value / math.sqrt(2)) / 2 for value in np.ravel(z).tolist()])
