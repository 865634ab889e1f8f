"""Which questions to ask next: those after which the ratios' intervals are shortest.

A question at a distance d adds p (1 − p) · f fᵀ to the information about the line, p being the
probability that the answer is "one person". Of all distances that one is taken after which the mean
variance of the LLR is least, over the distances of pairs of one person and of two (V-optimal
design; Fedorov 1972, "Theory of Optimal Experiments"); then the next, as if the first were
answered. That trusts the line to be the right shape: so every other question is drawn evenly over
all distances at which the answer is not known beforehand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.evaluation.decisions.judged.line import LineFit

_GRID = 200  # distances to choose among
_FARTHEST = 0.6  # quantile of the population: beyond, the answer is known
_KNOWN = 0.001  # probability of one person below which it is, too


def telling_distances(
    fit: LineFit, population: ArrayLike, count: int = 10, seed: int = 0
) -> NDArray[np.float64]:
    """The distances [count] to ask at, with repetitions; population: of all pairs, or a sample."""
    values = np.sort(np.asarray(population, np.float64))
    at = np.linspace(values[0], np.quantile(values, _FARTHEST), _GRID)
    designed = _designed(fit, values, at, (count + 1) // 2)
    open_ = at[fit.probability(at) >= _KNOWN]
    farthest = open_[-1] if len(open_) else np.quantile(values, 0.01)
    even = np.random.default_rng([seed, 11]).uniform(values[0], farthest, count - len(designed))
    return np.concatenate([designed, even])


def _designed(
    fit: LineFit, values: NDArray[np.float64], at: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    features = fit.line.features(at)
    chances = fit.probability(at)
    telling = chances * (1 - chances)
    covariance = fit.log_odds_covariance
    targets = features @ fit.tangent
    density = np.histogram(values, np.append(at, np.inf))[0].astype(np.float64)
    same = density * chances
    weights = density / density.sum() + same / same.sum()
    wanted = (targets * weights[:, None]).T @ targets
    chosen = []
    for _ in range(count):
        spread = features @ covariance  # [grid, 3]
        gain = telling / (1 + telling * (spread * features).sum(1))
        shortened = gain * ((spread @ wanted) * spread).sum(1)
        best = int(np.argmax(shortened))
        chosen.append(best)
        covariance = covariance - gain[best] * np.outer(spread[best], spread[best])
    return at[chosen]
