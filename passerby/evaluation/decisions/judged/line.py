"""A line from distance to LLR, regularised towards that of the model's own calibration.

    LLR(d) = shift + factor · f(d) + bend · f(d)²,    f(d) = prior line(d) / 3

Few judged pairs say little about a curve, but a model's own calibration, learnt elsewhere, is of
the right shape: on other cameras it is shifted and too steep. So shift, factor and bend have a
normal prior around it (maximum a posteriori; the posterior is taken as normal, Laplace's
approximation), which also says how well each ratio is known.

*Labelled pairs*, chosen whatever their distance: log-odds are LLR plus the log of their share.

*Answered questions*, chosen by their distance: their log-odds are LLR + logit(π), π being the share
of pairs of one person among all pairs of the gallery. Neither is known. But all pairs' distances
are, and the share is the mean of the probabilities over them, so that any log-odds have their π:

    π = mean over all pairs of σ(log-odds(d)),    LLR = log-odds − logit(π)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.evaluation.decisions.likelihood import Curve
from passerby.evaluation.decisions.pairs import PairCounts

# Of a model's own calibration on cameras that it was not learnt on: on 3DPeS, CAVIAR4REID and
# SARC3D the factor of its line was 0.6, 0.3 and 0.8, and the shift within 1.5 either way.
_FACTOR = 0.6
_MEAN = np.array([0.0, 3 * _FACTOR, 0.0])
_PRECISION = np.diag([1 / 1.0**2, 1 / (3 * 0.3) ** 2, 1 / 0.1**2])
_LOG_ODDS, _SPREAD = float(np.log(0.01)), 2.0  # of two pictures in a gallery being of one person
LINE = "line towards the prior"
_STEPS, _BINS, _KNOTS, _Z95 = 100, 400, 80, 1.959963984540054


@dataclass(frozen=True)
class PriorLine:
    """A straight line: LLR(d) = slope · (d − crossing), slope below 0."""

    slope: float
    crossing: float

    def __post_init__(self) -> None:
        if not self.slope < 0:
            raise ValueError(f"a prior line falls with the distance, got a slope of {self.slope}")

    @classmethod
    def of(cls, curve: Curve) -> PriorLine:
        """The least-squares line through the part of a curve between its limits.

        Raises ValueError for a curve that does not fall.
        """
        ends = np.array(curve.distances)
        at = np.linspace(ends[0], ends[-1], _BINS)
        llrs = curve.llr(at)
        middle = np.abs(llrs) <= max(4.0, float(np.abs(llrs).min()))
        if np.ptp(at[middle]) == 0 or np.ptp(llrs[middle]) == 0:
            raise ValueError("the prior calibration says the same of all distances: it is no prior")
        slope, level = np.polyfit(at[middle], llrs[middle], 1)
        return cls(float(slope), float(-level / slope))

    @classmethod
    def of_distances(cls, distances: ArrayLike) -> PriorLine:
        """A rough one where a model has no calibration: most pairs are of different persons, and
        what is two of their standard deviations nearer is as likely of one."""
        values = np.asarray(distances, np.float64)
        spread = float(values.std()) or 1.0
        return cls(-3 / spread, float(values.mean()) - spread)

    @property
    def of_here(self) -> PriorLine:
        """The same where it was learnt of this very gallery: its factor is expected to be 1."""
        return PriorLine(self.slope / _FACTOR, self.crossing)

    def features(self, distances: ArrayLike) -> NDArray[np.float64]:
        """1, f and f² of each distance, [n, 3]."""
        f = self.slope * (np.asarray(distances, np.float64) - self.crossing) / 3
        return np.stack([np.ones_like(f), f, f * f], axis=-1)


@dataclass(frozen=True, eq=False)
class LineFit:
    """What judged pairs and the prior line say of distances.

    coefficients [3]: of the LLR; covariance [3, 3]: of these; log_prior_odds: of two pictures being
    of one person, 0 where pairs were labelled whatever their distance. log_odds_covariance [3, 3]:
    of the coefficients of LLR + log prior odds; tangent [3, 3]: how the LLR's follow those.
    """

    line: PriorLine
    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_prior_odds: float
    log_odds_covariance: NDArray[np.float64]
    tangent: NDArray[np.float64]

    def probability(self, distances: ArrayLike) -> NDArray[np.float64]:
        """That two pictures of the gallery at such a distance are of one person."""
        log_odds = self.line.features(distances) @ self.coefficients + self.log_prior_odds
        return _sigmoid(log_odds)

    def curve(self, most: float, limits: tuple[float, float], deviations: float = 0.0) -> Curve:
        """The LLR up to the distance ``most``, never increasing, within limits (least, greatest).

        deviations: that many standard deviations above the mean, or below; ±1.96 are the ends of
        the 95 % interval.
        """
        at = np.linspace(0, max(most, self.line.crossing, 1e-6), _KNOTS)
        features = self.line.features(at)
        spread = np.sqrt(np.maximum(((features @ self.covariance) * features).sum(1), 0))
        llrs = features @ self.coefficients + deviations * spread
        # A bend turns back far from where pairs were judged: held from there on.
        middle = int(np.searchsorted(at, self.line.crossing))
        near = np.maximum.accumulate(llrs[:middle][::-1])[::-1]
        llrs = np.concatenate([near, np.minimum.accumulate(llrs[middle:])])
        llrs = np.minimum.accumulate(np.clip(llrs, *limits))
        return Curve(tuple(at.tolist()), tuple(llrs.tolist()))

    def interval(self, most: float, limits: tuple[float, float]) -> tuple[Curve, Curve]:
        """The ends of the 95 % interval of the LLR at each distance."""
        return self.curve(most, limits, -_Z95), self.curve(most, limits, _Z95)


def fit_labelled(distances: ArrayLike, same: ArrayLike, line: PriorLine) -> LineFit:
    """From pairs that were chosen whatever their distance: distances [n], same [n].

    Both kinds weigh as many as the fewer, so that it is the cost of the LLRs that is least, and no
    more is claimed to be known than so many can show. Raises ValueError where a kind is missing.
    """
    features, is_same = line.features(distances), np.asarray(same, bool)
    counts = np.array([(~is_same).sum(), is_same.sum()])
    if not counts.all():
        raise ValueError("expected pairs of one person and pairs of two, got only one kind")
    weights = (counts.min() / counts)[is_same.astype(int)]
    found, covariance = _newton(_Objective(features, is_same, weights))
    return LineFit(line, found, covariance, 0.0, covariance, np.eye(3))


def fit_counts(counts: PairCounts, line: PriorLine, persons: int) -> LineFit:
    """From all pairs of some persons, whose images resemble each other: each kind of pair weighs as
    many as there are persons, so that many images of few persons do not drown the prior."""
    features = np.concatenate([line.features(counts.middle)] * 2)
    kinds = np.repeat([True, False], len(counts.middle))
    shares = [kind / kind.sum() for kind in (counts.same, counts.different)]
    objective = _Objective(features, kinds, np.concatenate(shares) * persons)
    found, covariance = _newton(objective)
    return LineFit(line, found, covariance, 0.0, covariance, np.eye(3))


def fit_answered(
    distances: ArrayLike, same: ArrayLike, line: PriorLine, population: ArrayLike
) -> LineFit:
    """From questions that were chosen by their distance, and the distances [P] of all pairs (or of
    a fair sample) that could have been asked. Without any answer it is the prior."""
    counts, edges = np.histogram(np.asarray(population, np.float64), _BINS)
    held = counts > 0
    middles = ((edges[1:] + edges[:-1]) / 2)[held]
    objective = _Objective(
        line.features(distances).reshape(-1, 3),
        np.asarray(same, bool),
        np.ones(np.size(distances)),
        line.features(middles),
        counts[held] / counts.sum(),
    )
    found, covariance = _newton(objective)
    odds, gradient = objective.log_prior_odds(found)
    tangent = np.eye(3) - np.outer(np.eye(3)[0], gradient)
    llr = found - odds * np.eye(3)[0]
    return LineFit(line, llr, tangent @ covariance @ tangent.T, odds, covariance, tangent)


@dataclass(frozen=True, eq=False)
class _Objective:
    """Minus the log posterior of the log-odds' coefficients; without a population they are those
    of the LLR."""

    features: NDArray[np.float64]
    same: NDArray[np.bool_]
    weights: NDArray[np.float64]
    population: NDArray[np.float64] | None = None
    shares: NDArray[np.float64] | None = None

    def log_prior_odds(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """logit(π) that belongs to log-odds, and its gradient."""
        if self.population is None or self.shares is None:
            return 0.0, np.zeros(3)
        chances = _sigmoid(self.population @ theta)
        share = float(self.shares @ chances)
        slope = (self.shares * chances * (1 - chances)) @ self.population
        spread = max(share * (1 - share), 1e-300)
        return float(np.log(share) - np.log1p(-share)), slope / spread

    def start(self) -> NDArray[np.float64]:
        """The prior."""
        return _MEAN + (_LOG_ODDS if self.population is not None else 0) * np.eye(3)[0]

    def value(self, theta: NDArray[np.float64]) -> float:
        """At these coefficients."""
        odds, _ = self.log_prior_odds(theta)
        away = theta - odds * np.eye(3)[0] - _MEAN
        lost = np.logaddexp(0, np.where(self.same, -1, 1) * (self.features @ theta))
        cost = float(self.weights @ lost + away @ _PRECISION @ away / 2)
        if self.population is not None:
            cost += ((odds - _LOG_ODDS) / _SPREAD) ** 2 / 2
        return cost

    def derivatives(
        self, theta: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Gradient and Gauss-Newton curvature."""
        odds, slope = self.log_prior_odds(theta)
        tangent = np.eye(3) - np.outer(np.eye(3)[0], slope)
        away = theta - odds * np.eye(3)[0] - _MEAN
        chances = _sigmoid(self.features @ theta)
        gradient = self.features.T @ (self.weights * (chances - self.same))
        gradient = gradient + tangent.T @ _PRECISION @ away
        spread = self.weights * chances * (1 - chances)
        curvature = (self.features * spread[:, None]).T @ self.features
        curvature = curvature + tangent.T @ _PRECISION @ tangent
        if self.population is not None:
            gradient = gradient + slope * (odds - _LOG_ODDS) / _SPREAD**2
            curvature = curvature + np.outer(slope, slope) / _SPREAD**2
        return gradient, curvature


def _newton(objective: _Objective) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least of an objective and the inverse of its curvature, steps halved until it falls."""
    theta = objective.start()
    for _ in range(_STEPS):
        gradient, curvature = objective.derivatives(theta)
        step = np.linalg.solve(curvature, gradient)
        value = objective.value(theta)
        while objective.value(theta - step) > value and np.abs(step).max() > 1e-9:
            step = step / 2
        theta = theta - step
        if np.abs(step).max() < 1e-9:
            break
    return theta, np.asarray(np.linalg.inv(objective.derivatives(theta)[1]), np.float64)


def _sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-np.logaddexp(0, -log_odds))
