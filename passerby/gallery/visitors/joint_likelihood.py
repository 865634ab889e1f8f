"""What the likelihood ratios of pairs say together of a group of passages.

The pairs of one person's passages are not independent: n passages have n (n - 1) / 2 pairs and tell
little more than n - 1 times as much as one pair. Their sum is therefore no likelihood of the group,
and a count by it is too sure of itself (a composite likelihood; benchmarks/visitors.py shows it).

Here the vectors of one person are taken for exchangeable normal ones: correlation r between two of
them in each of m directions, none between persons (the two-covariance model of speaker recognition,
Brümmer and de Villiers 2010, with all directions alike). For this model both the ratio of a pair,

    l = −m/2 ln(1 − r²) + terms in the cosine of the two,

and the ratio of a group against n persons are exact. Eliminating the cosines, that of a group is

    w(n) · Σ (l − λ) + m h(n),   w(n) = (1 + r) / (1 + (n − 1) r),
    h(n) = −½ [(n − 1) ln(1 − r) + ln(1 + (n − 1) r)],   λ = m h(2),

over its pairs, where λ is the mean ratio of pairs of one person. For two passages it is l itself,
so that pairs keep the ratios of the calibration, whatever its shape; for r → 0 it is the sum over
pairs, for r → 1 n - 1 times their mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.calibration import Calibration

_LIMITS = (0.02, 0.98)  # of the correlation: nothing is divided by zero


@dataclass(frozen=True)
class JointLikelihood:
    """correlation: r of two pictures of one person; mean_llr: λ, the mean of the log-likelihood
    ratios of their pairs."""

    correlation: float
    mean_llr: float

    def __post_init__(self) -> None:
        if not 0 < self.correlation < 1 or not self.mean_llr > 0:
            raise ValueError(
                "expected a correlation between 0 and 1 and a mean log-likelihood ratio above 0, "
                f"got {self.correlation} and {self.mean_llr}"
            )

    def weights(self, most: int) -> NDArray[np.float64]:
        """w(n) of groups of 0 to ``most`` passages [most + 1]."""
        r, n = self.correlation, np.arange(most + 1.0)
        return np.where(n < 2, 0.0, (1 + r) / (1 + np.maximum(n - 1, 0) * r))

    def offsets(self, most: int) -> NDArray[np.float64]:
        """What is added to w(n) · Σ l of groups of 0 to ``most`` passages [most + 1]."""
        n = np.arange(most + 1.0)
        directions = self.mean_llr / float(self._growth(np.array(2.0)))
        offset = directions * self._growth(n)
        return np.where(n < 2, 0.0, offset - self.weights(most) * n * (n - 1) / 2 * self.mean_llr)

    def _growth(self, n: NDArray[np.float64]) -> NDArray[np.float64]:
        """h(n)."""
        r, others = self.correlation, np.maximum(n - 1, 0)
        grown: NDArray[np.float64] = -(others * math.log1p(-r) + np.log1p(others * r)) / 2
        return grown


def joint_likelihood(calibration: Calibration) -> JointLikelihood:
    """Of the pairs that a calibration was judged by.

    The correlation is by how much less the mean distance is within persons than between; the mean
    ratio is that of their histogram. Raises ValueError where the distances tell nothing.
    """
    histogram = calibration.quality.histogram
    edges = np.asarray(histogram.edges)
    middles = (edges[1:] + edges[:-1]) / 2
    same, different = np.asarray(histogram.same), np.asarray(histogram.different)
    nearer = 1 - np.average(middles, weights=same) / np.average(middles, weights=different)
    mean = float(np.average(calibration.llr(middles), weights=same))
    if not nearer > 0 or not mean > 0:
        raise ValueError(
            "pairs of one person are no nearer than others by this calibration: it tells nobody "
            "apart, and nobody can be counted by it"
        )
    return JointLikelihood(float(np.clip(nearer, *_LIMITS)), mean)
