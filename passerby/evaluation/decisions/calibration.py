"""Calibration: what a distance of one model is worth as evidence, and how well that is known.

A calibration belongs to a model (its fingerprint), a distance and a pooling (how an image becomes a
vector). `calibration_fitting` makes them, `calibration_files` keeps them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.conditions import Conditions
from passerby.evaluation.decisions.likelihood import Curve, Reliability, probability
from passerby.evaluation.decisions.pairs import PairKind
from passerby.evaluation.decisions.verification import DetCurve, OperatingPoint
from passerby.evaluation.ranking.distances import Metric

_FALSE_MATCHES = 30  # fewer do not measure a rate ("rule of 30", Doddington et al. 2000)


@dataclass(frozen=True)
class PairTotals:
    """What something was computed from: persons, pairs of the same and of different persons."""

    persons: int
    same: int
    different: int


@dataclass(frozen=True)
class Histogram:
    """Shares of the pairs of each kind by distance; edges [K + 1], same [K], different [K]."""

    edges: tuple[float, ...]
    same: tuple[float, ...]
    different: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.edges) - 1 == len(self.same) == len(self.different):
            raise ValueError("a histogram has both shares between each two edges, one at least")


Judged = Literal["other persons", "cross-validation", "answers"]


@dataclass(frozen=True)
class Quality:
    """How good a calibration is, on persons that it was not fitted on.

    costs: Cllr of every method tried, in bits; cllr: of the chosen one, with its interval over
    persons; minimum_cllr: what is left after the best mapping of these very pairs;
    calibration_error: expected, at a prior of 1/2; fitting and judging: from what; expected_excess:
    bits that the fit is expected to cost above the best one, None where that was not asked; judged:
    on what. Where it is cross-validation, fitting and judging are the same persons; where it is
    answers, fitting counts these, and judging the pairs of the gallery, kinds as expected.
    """

    costs: Mapping[str, float]
    cllr: float
    cllr_interval: Interval
    minimum_cllr: float
    calibration_error: float
    equal_error_rate: Interval
    reliability: tuple[Reliability, ...]
    histogram: Histogram
    curve: DetCurve
    fitting: PairTotals
    judging: PairTotals
    expected_excess: float | None = None
    judged: Judged = "other persons"


@dataclass(frozen=True)
class Calibration:
    """From a distance to a likelihood ratio and to decisions at stated error rates.

    model: fingerprint; metric: distance; pooling: of the vectors; method: of the fit; points: the
    thresholds by false-match rate, ascending; false_match_rate: the one that decisions were to be
    asked at; sources: data sets; seed: of the division of persons and of the intervals, which hold
    at ``level``; warnings: what to know before trusting it.

    pairs: which it was fitted on. Different persons by one camera share its light, place and angle,
    and are nearer than by two: what holds across cameras says nothing of pairs within one. within:
    the calibration of these, None where the data had too few. conditions: of which images, None
    where that was not kept. lower and upper: ends of the interval of the LLR at each distance, from
    how few pairs or persons it was fitted on; None where it was not computed. between: of the same
    kind of pair by two cameras alone, where these were seen to differ from the others; cameras: the
    two (twice the one for pairs within it) as "SOURCE/CAMERA", the lesser first, () for all.
    """

    model: str
    metric: Metric
    pooling: str
    method: str
    curve: Curve
    points: tuple[OperatingPoint, ...]
    quality: Quality
    false_match_rate: float
    sources: tuple[str, ...]
    seed: int
    level: float
    warnings: tuple[str, ...] = ()
    pairs: PairKind = "across cameras"
    within: Calibration | None = None
    conditions: Conditions | None = None
    lower: Curve | None = None
    upper: Curve | None = None
    cameras: tuple[str, ...] = ()
    between: tuple[Calibration, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.false_match_rate < 1:
            raise ValueError(
                f"a false-match rate must be between 0 and 1, got {self.false_match_rate}"
            )
        rates = [point.false_match_rate for point in self.points]
        if rates != sorted(rates):
            raise ValueError("a calibration's points must be by ascending false-match rate")
        if self.within is not None and self.within.pairs != "within a camera":
            raise ValueError(f"`within` must be for pairs within a camera, got {self.within.pairs}")
        if any(len(one.cameras) != 2 or one.pairs != self.pairs for one in self.between):
            raise ValueError(f"`between` must be of two cameras each, for pairs {self.pairs}")

    @property
    def key(self) -> tuple[str, str, str]:
        """Model, metric and pooling: what it holds for."""
        return self.model, self.metric, self.pooling

    def for_pairs(self, one_camera: bool) -> Calibration | None:
        """The calibration of pairs by one camera, or by two; None where there is none.

        One of data without camera numbers stands for both.
        """
        if self.pairs == "any cameras" or one_camera == (self.pairs == "within a camera"):
            return self
        return self.within if one_camera else None

    def llr(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Natural log-likelihood ratios of distances of such pairs as it was fitted on."""
        return self.curve.llr(distances)

    def llr_ends(self, distances: ArrayLike) -> NDArray[np.float64]:
        """Lower and upper ends [2, ...] of the intervals of `llr`, NaN where they are not known."""
        middle = self.llr(distances)
        if self.lower is None or self.upper is None:
            return np.full((2, *middle.shape), np.nan)
        low, high = self.lower.llr(distances), self.upper.llr(distances)
        return np.stack([np.minimum(low, middle), np.maximum(high, middle)])

    def llr_interval(self, distance: float) -> Interval | None:
        """The interval of the log-likelihood ratio of a distance, None where it is not known."""
        low, high = self.llr_ends(distance).tolist()
        return None if np.isnan(low) else Interval(low, high)

    def probability(self, distances: ArrayLike, prior: float = 0.5) -> NDArray[np.float64]:
        """Probabilities that it is one person, at a prior probability. Errors as `probability`."""
        return probability(self.llr(distances), prior)

    def point(self, rate: float) -> OperatingPoint | None:
        """The operating point of the greatest kept rate that is not above ``rate``.

        None when the rate is less than one false match among the pairs: they cannot show it.
        Raises ValueError for a rate that is not between 0 and 1.
        """
        if not 0 < rate < 1:
            raise ValueError(f"a false-match rate must be between 0 and 1, got {rate}")
        kept = [p for p in self.points if p.false_match_rate <= rate * (1 + 1e-9)]
        return kept[-1] if kept else None

    def doubts(self, rate: float) -> tuple[str, ...]:
        """The warnings, and one more where the data are too few for a false-match rate."""
        judging = self.quality.judging
        # Images of two persons are not independent of each other: pairs of persons count.
        pairs = judging.persons * (judging.persons - 1) // 2
        enough = _FALSE_MATCHES / max(1, min(pairs, judging.different))
        if rate * (1 + 1e-9) >= enough:
            return self.warnings
        return (
            *self.warnings,
            f"too few data for a false-match rate of {rate:g}: {judging.persons} persons make "
            f"{pairs:,} pairs of persons, enough to measure {_FALSE_MATCHES} false matches at "
            f"{enough:.2g} or more",
        )

    def __str__(self) -> str:
        quality = self.quality
        low_high = quality.cllr_interval
        rows = [
            f"{self.method} calibration of {self.model or 'a model'} ({self.metric}, "
            f"{self.pooling}) for pairs {self.pairs}{_of(self.cameras)}, fitted on "
            f"{_basis(quality)}",
            f"Cllr {quality.cllr:.3f} ({low_high.low:.3f} to {low_high.high:.3f}) bits, "
            f"at best {quality.minimum_cllr:.3f}; expected calibration error "
            f"{100 * quality.calibration_error:.1f} %",
            "tried: " + ", ".join(f"{name} {cost:.3f}" for name, cost in quality.costs.items()),
        ]
        if quality.expected_excess is not None:
            rows.append(
                f"expected to cost {quality.expected_excess:.3f} bits more than the best curve "
                "would: more judged pairs bring that down"
            )
        point = self.point(self.false_match_rate)
        if point is not None and point.threshold_interval is not None:
            spread = point.threshold_interval
            rows.append(
                f"at a false-match rate of {point.false_match_rate:g}: distance below "
                f"{point.threshold:.4f} ({spread.low:.4f} to {spread.high:.4f}), where "
                f"{100 * point.true_match_rate:.1f} % of the pairs of the same person are"
            )
        if self.conditions is not None:
            rows.append(f"for images like those it is of: {self.conditions}")
        rows += [f"warning: {warning}" for warning in self.doubts(self.false_match_rate)]
        rows += [str(one) for one in self.between]
        if self.within is not None:
            rows.append(str(self.within))
        return "\n".join(rows)


def _of(cameras: tuple[str, ...]) -> str:
    """Of which cameras alone, in words."""
    return f" ({' and '.join(dict.fromkeys(cameras))} alone)" if cameras else ""


def _basis(quality: Quality) -> str:
    """What a calibration was fitted on and judged by, in words."""
    fitting, judging = quality.fitting, quality.judging
    if quality.judged == "answers":
        return (
            f"{fitting.same + fitting.different} judged pairs ({fitting.same} of one person, "
            f"{fitting.different} of two) and the distances of {judging.same + judging.different:,}"
            f" (about {judging.same:,} of one person)"
        )
    kinds = f"({judging.same:,} pairs of the same person, {judging.different:,} of different ones)"
    if quality.judged == "cross-validation":
        return f"{fitting.persons} persons, judged by cross-validation over them {kinds}"
    return f"{fitting.persons} persons, judged on {judging.persons} others {kinds}"


def pooled_key(pooling: str, images: int) -> str:
    """The pooling of a calibration of queries of several images.

    >>> pooled_key("flip", 4)
    'flip+mean of 2 to 4 images'
    """
    return f"{pooling}+mean of 2 to {images} images"
