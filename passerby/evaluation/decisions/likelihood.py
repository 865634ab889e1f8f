"""From distance to log-likelihood ratio: three fits, and the costs by which they are judged.

LLR(d) = ln p(d | same person) − ln p(d | different persons): how many times more likely a distance
is if both images show one person. It holds whatever the prior odds are; the log-odds of a fit hold
only for the share of pairs that it saw, so the log prior odds of the fitting pairs are taken off.
All functions take pairs counted in bins, `PairCounts`; logarithms are natural unless said.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.evaluation.decisions.pairs import PairCounts

_STEPS = 60  # of Newton and of bisection: doubles are exact long before


@dataclass(frozen=True)
class Curve:
    """LLR by distance: straight lines between knots, constant beyond them, never increasing.

    distances [K] ascending; llrs [K].
    """

    distances: tuple[float, ...]
    llrs: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.distances) == len(self.llrs):
            raise ValueError(
                f"a curve has as many LLRs as distances, one at least, got {len(self.llrs)} and "
                f"{len(self.distances)}"
            )
        if (np.diff(self.distances) < 0).any() or (np.diff(self.llrs) > 0).any():
            raise ValueError("a curve's distances must ascend and its LLRs must not")

    def llr(self, distances: ArrayLike) -> NDArray[np.float64]:
        """The log-likelihood ratio of each distance."""
        return np.interp(np.asarray(distances, np.float64), self.distances, self.llrs)


def bounds(counts: PairCounts) -> tuple[float, float]:
    """The least and the greatest LLR that so many pairs can show: −ln(S + 1) and ln(D + 1).

    Having seen D pairs of different persons and none nearer than some distance, their share there
    is still only known to be below about 1 / (D + 1).
    """
    return -math.log(int(counts.same.sum()) + 1), math.log(int(counts.different.sum()) + 1)


def fit_logistic(counts: PairCounts) -> Curve:
    """A straight line, by logistic regression (Brümmer and du Preez 2006).

    Both kinds of pairs weigh one half, so the prior odds are 1 and the log-odds are the LLR.
    Targets are (n + 1) / (n + 2) and 1 / (n + 2) as of Platt 1999, so that the slope stays finite
    where a distance separates all pairs. Clipped to `bounds`.
    """
    centre, scale = _standard(counts)
    x = (counts.middle - centre) / scale
    same, different = counts.same / counts.same.sum() / 2, counts.different / counts.different.sum()
    different = different / 2
    sure_same = (counts.same.sum() + 1) / (counts.same.sum() + 2)
    sure_different = (counts.different.sum() + 1) / (counts.different.sum() + 2)
    positive = same * sure_same + different * (1 - sure_different)
    weights = same + different
    a, b = _logistic(x, positive, weights)
    if a >= 0:  # the greater the distance, the likelier the same person: no distance at all
        return Curve((0.0,), (0.0,))
    low, high = bounds(counts)
    ends = [(high - b) / a, (low - b) / a]
    # Where the line meets its bounds; a distance is never below zero.
    at = np.array([max(0.0, centre + scale * end) for end in ends])
    if at[1] <= at[0]:
        return Curve((0.0,), (low,))
    return Curve(tuple(at.tolist()), tuple((a * (at - centre) / scale + b).tolist()))


def fit_isotonic(counts: PairCounts) -> Curve:
    """Steps that never increase, by pooling adjacent violators (Zadrozny and Elkan 2002).

    One misleading pair of each kind is added, a same one at the far end and a different one at the
    near end, so that no step is infinite and all lie within `bounds`.
    """
    same = counts.same.astype(np.float64)
    different = counts.different.astype(np.float64)
    same[-1] += 1
    different[0] += 1
    weights = same / same.sum() + different / different.sum()
    shares = pool_adjacent_violators(same / same.sum() / weights, weights)
    changes = np.flatnonzero(np.diff(shares)) + 1
    first, last = np.append(0, changes), np.append(changes, len(shares)) - 1
    steps = np.log(shares[first]) - np.log1p(-shares[first])
    distances = np.stack([counts.middle[first], counts.middle[last]], axis=1).ravel()
    llrs = np.repeat(steps, 2)
    keep = np.append(True, np.diff(distances) > 0)  # a step of one bin needs one knot
    return Curve(tuple(distances[keep].tolist()), tuple(llrs[keep].tolist()))


def fit_bigaussian(counts: PairCounts) -> Curve:
    """Bi-Gaussianized calibration (Morrison 2024, Law, Probability and Risk 23, mgae004).

    LLRs of a perfectly calibrated system may be normal, of mean ±σ²/2 and variance σ². σ is taken
    such that this system costs as much (Cllr) as the isotonic fit on these pairs; then distances
    are warped so that their distribution, both kinds weighing one half, becomes that of the two
    normals. Clipped to `bounds`.
    """
    cost = cllr(counts, fit_isotonic(counts))
    sigma = bigaussian_sigma(cost)
    if sigma == 0:
        return Curve((0.0,), (0.0,))
    density = counts.same / counts.same.sum() / 2 + counts.different / counts.different.sum() / 2
    below = density.cumsum() - density / 2  # share of all pairs nearer than the bin's middle
    half = sigma * sigma / 2
    grid = np.linspace(-half - 8 * sigma, half + 8 * sigma, 4001)
    beyond = (_normal_above((grid - half) / sigma) + _normal_above((grid + half) / sigma)) / 2
    # The nearest have the greatest LLR: the share above an LLR is the share below a distance.
    llrs = np.interp(below, beyond[::-1], grid[::-1])
    low, high = bounds(counts)
    llrs = np.clip(llrs, low, high)
    chosen = _thinned(llrs, 400)
    return Curve(tuple(counts.middle[chosen].tolist()), tuple(llrs[chosen].tolist()))


FITS: dict[str, Callable[[PairCounts], Curve]] = {
    "logistic": fit_logistic,
    "isotonic": fit_isotonic,
    "bigaussian": fit_bigaussian,
}


def cllr(counts: PairCounts, curve: Curve) -> float:
    """The log-likelihood-ratio cost in bits (Brümmer and du Preez 2006): 0 is perfect, 1 says as
    much as no information, more than 1 misleads.

    Mean over the kinds of the mean of log2(1 + 1 / LR) and of log2(1 + LR).
    """
    llrs = curve.llr(counts.middle)
    same = np.average(np.logaddexp(0, -llrs), weights=counts.same)
    different = np.average(np.logaddexp(0, llrs), weights=counts.different)
    return float((same + different) / 2 / math.log(2))


def minimum_cllr(counts: PairCounts) -> float:
    """Cllr after the best non-increasing mapping of these very pairs: what is lost by the distance
    itself; the rest of a Cllr is lost by calibration.
    """
    same = counts.same / counts.same.sum()
    different = counts.different / counts.different.sum()
    shares = pool_adjacent_violators(same / (same + different), same + different)
    with np.errstate(divide="ignore"):
        # A share of 0 or 1 occurs only where the other kind has no pair.
        lost_same = np.where(same > 0, -np.log2(shares), 0.0)
        lost_different = np.where(different > 0, -np.log2(1 - shares), 0.0)
    return float((same @ lost_same + different @ lost_different) / 2)


def pool_adjacent_violators(values: ArrayLike, weights: ArrayLike) -> NDArray[np.float64]:
    """The non-increasing sequence nearest to the values by weighted squares (Ayer et al. 1955).

    >>> pool_adjacent_violators([0.9, 0.2, 0.6, 0.1], [1, 1, 1, 1]).tolist()
    [0.9, 0.4, 0.4, 0.1]
    """
    means: list[float] = []
    masses: list[float] = []
    lengths: list[int] = []
    for value, mass in zip(np.asarray(values).tolist(), np.asarray(weights).tolist(), strict=True):
        length = 1
        while means and means[-1] <= value:
            total = masses[-1] + mass
            value = (means.pop() * masses[-1] + value * mass) / total  # noqa: PLW2901
            masses.pop()
            mass = total  # noqa: PLW2901
            length += lengths.pop()
        means.append(value)
        masses.append(mass)
        lengths.append(length)
    return np.repeat(means, lengths)


@dataclass(frozen=True)
class Reliability:
    """Pairs whose probability of being one person was given as low to high, at a prior of 1/2.

    predicted: mean of the probabilities given; observed: share of pairs of the same person; mass:
    share of all pairs, both kinds weighing one half.
    """

    low: float
    high: float
    predicted: float
    observed: float
    mass: float


def reliability(counts: PairCounts, curve: Curve, bins: int = 10) -> tuple[Reliability, ...]:
    """Probabilities given, in bins of equal width, beside what was observed; empty bins lack."""
    probabilities = probability(curve.llr(counts.middle), 0.5)
    same = counts.same / counts.same.sum() / 2
    both = same + counts.different / counts.different.sum() / 2
    number = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    mass = np.bincount(number, both, bins)
    given = np.bincount(number, both * probabilities, bins)
    true = np.bincount(number, same, bins)
    return tuple(
        Reliability(
            float(k / bins),
            float((k + 1) / bins),
            float(given[k] / mass[k]),
            float(true[k] / mass[k]),
            float(mass[k]),
        )
        for k in np.flatnonzero(mass)
    )


def calibration_error(parts: tuple[Reliability, ...]) -> float:
    """Expected calibration error: mean distance of the probability given from what was observed."""
    return sum(part.mass * abs(part.predicted - part.observed) for part in parts)


def probability(llrs: ArrayLike, prior: float) -> NDArray[np.float64]:
    """Probability that it is one person, from LLRs and the prior probability.

    Raises ValueError for a prior that is not between 0 and 1.

    >>> round(float(probability(math.log(3), 0.25)), 6)
    0.5
    """
    if not 0 < prior < 1:
        raise ValueError(f"the prior probability must be between 0 and 1, got {prior}")
    odds = np.asarray(llrs, np.float64) + math.log(prior / (1 - prior))
    return np.exp(-np.logaddexp(0, -odds))


def bigaussian_sigma(cost: float) -> float:
    """σ of the perfectly calibrated bi-Gaussian system whose Cllr is ``cost``; 0 where it is 1."""
    if cost >= 1:
        return 0.0
    low, high = 0.0, 20.0  # at 20 the cost is 10⁻²³
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if bigaussian_cllr(middle) > cost else (low, middle)
    return (low + high) / 2


def bigaussian_cllr(sigma: float) -> float:
    """Cllr of LLRs that are normal with mean ±σ²/2 and variance σ²; both kinds cost the same."""
    z = np.linspace(-9, 9, 2001)
    weights = np.exp(-z * z / 2)
    lost = np.logaddexp(0, -(sigma * sigma / 2 + sigma * z))
    return float(weights @ lost / weights.sum() / math.log(2))


def _logistic(x: NDArray, positive: NDArray, weights: NDArray) -> tuple[float, float]:
    """Slope and intercept by Newton's method, the step halved until the loss falls."""

    def loss(a: float, b: float) -> float:
        line = a * x + b
        return float((weights * np.logaddexp(0, line) - positive * line).sum())

    a, b = 0.0, 0.0
    for _ in range(_STEPS):
        chance = np.exp(-np.logaddexp(0, -(a * x + b)))
        excess, spread = weights * chance - positive, weights * chance * (1 - chance)
        gradient = np.array([(excess * x).sum(), excess.sum()])
        mixed = (spread * x).sum()
        curvature = np.array([[(spread * x * x).sum(), mixed], [mixed, spread.sum()]])
        step = np.linalg.solve(curvature + 1e-12 * np.eye(2), gradient)
        if (gradient * step).sum() < 1e-15:  # what a step could still gain
            break
        while loss(a - step[0], b - step[1]) > loss(a, b) and np.abs(step).max() > 1e-8:
            step = step / 2
        a, b = a - float(step[0]), b - float(step[1])
    return a, b


def _standard(counts: PairCounts) -> tuple[float, float]:
    """Centre and spread of the distances, both kinds weighing one half: keeps Newton's well."""
    weights = counts.same / counts.same.sum() + counts.different / counts.different.sum()
    centre = float(np.average(counts.middle, weights=weights))
    spread = float(np.sqrt(np.average((counts.middle - centre) ** 2, weights=weights)))
    return centre, spread or 1.0


def _normal_above(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of a standard normal above z."""
    return np.array([math.erfc(value / math.sqrt(2)) / 2 for value in z.tolist()])


def _thinned(llrs: NDArray[np.float64], knots: int) -> NDArray[np.int64]:
    """Rows, about evenly spread over the values of a non-increasing sequence, both ends with it."""
    levels = np.linspace(llrs[0], llrs[-1], knots)
    return np.unique(np.append(np.searchsorted(-llrs, -levels), [0, len(llrs) - 1]))
