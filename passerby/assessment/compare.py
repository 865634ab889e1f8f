"""Two images of one person? Distance, likelihood ratio, probability and decision."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from passerby.embedding.embedder import Embedder
from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.verification import OperatingPoint
from passerby.evaluation.ranking.distances import Metric, VectorDistances


@dataclass(frozen=True)
class Evidence:
    """What a calibrated distance says.

    llr: natural log-likelihood ratio; at_limit: it is the greatest or least that the calibration
    can show; probability: of one person, at the prior; point: the threshold decided by, None where
    the data do not support the false-match rate asked, so that nothing is decided.
    """

    llr: float
    at_limit: bool
    prior: float
    probability: float
    false_match_rate: float
    point: OperatingPoint | None
    same_person: bool | None

    @property
    def likelihood_ratio(self) -> float:
        """How many times likelier the distance is if both images show one person."""
        return math.exp(self.llr)


@dataclass(frozen=True)
class PairComparison:
    """Two images, their distance, and the evidence: None without a calibration."""

    first: str
    second: str
    distance: float
    metric: Metric
    evidence: Evidence | None
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.metric} distance {self.distance:.4f}",
                *self.conclusions(),
                *(f"warning: {warning}" for warning in self.warnings),
            ]
        )

    def conclusions(self) -> tuple[str, ...]:
        """What follows from the distance, in words."""
        if self.evidence is None:
            return (
                "not calibrated: a distance alone does not say whether it is one person "
                "(passerby calibrate MODEL --data ROOT)",
            )
        found = self.evidence
        return (
            likelihood_in_words(found.llr, found.at_limit),
            f"probability of one person {100 * found.probability:.3g} % at a prior of "
            f"{100 * found.prior:.3g} %",
            _decision_in_words(found),
        )


def compare_images(
    embedder: Embedder,
    first: str | os.PathLike[str],
    second: str | os.PathLike[str],
    calibration: Calibration | None = None,
    *,
    metric: Metric = "cosine",
    prior: float = 0.5,
    false_match_rate: float = 1e-3,
) -> PairComparison:
    """Compare two image files.

    prior: probability of one person before the images were seen. Raises ValueError for a
    calibration of another model, distance or pooling.
    """
    vectors = embedder([first, second])
    distance = float(VectorDistances(vectors[:1], vectors[1:], metric).block(slice(0, 1))[0, 0])
    comparison = PairComparison(str(first), str(second), distance, metric, None)
    if calibration is None:
        return comparison
    if calibration.key != (embedder.fingerprint, metric, embedder.pooling):
        raise ValueError(
            f"the calibration is of {', '.join(calibration.key)} and not of "
            f"{embedder.fingerprint}, {metric}, {embedder.pooling} (model, distance, pooling)"
        )
    point = calibration.point(false_match_rate)
    llr = float(calibration.llr(distance))
    evidence = Evidence(
        llr=llr,
        at_limit=llr in (calibration.curve.llrs[0], calibration.curve.llrs[-1]),
        prior=prior,
        probability=float(calibration.probability(distance, prior)),
        false_match_rate=false_match_rate,
        point=point,
        same_person=None if point is None else distance < point.threshold,
    )
    warnings = calibration.doubts(false_match_rate)
    return PairComparison(str(first), str(second), distance, metric, evidence, warnings)


def _decision_in_words(found: Evidence) -> str:
    if found.point is None:
        return (
            f"no decision at a false-match rate of {found.false_match_rate:g}: the calibration has "
            "too few pairs for it"
        )
    verdict = "accepted as one person" if found.same_person else "not accepted as one person"
    side = "below" if found.same_person else "not below"
    return (
        f"{verdict} at a false-match rate of {found.point.false_match_rate:g}: {side} "
        f"{found.point.threshold:.4f}, where {100 * found.point.true_match_rate:.0f} % of true "
        "pairs are found"
    )


def likelihood_in_words(llr: float, at_limit: bool = False) -> str:
    """The likelihood ratio as a sentence.

    >>> likelihood_in_words(math.log(50))
    'likelihood ratio 50: such a distance is 50 times likelier for one person'
    >>> likelihood_in_words(-math.log(50), at_limit=True)
    'likelihood ratio 1/50 or less: such a distance is 50 times likelier for two persons'
    """
    times = f"{math.exp(abs(llr)):.3g}"
    ratio = times if llr >= 0 else f"1/{times}"
    limit = (" or more" if llr >= 0 else " or less") if at_limit else ""
    side = "one person" if llr >= 0 else "two persons"
    return f"likelihood ratio {ratio}{limit}: such a distance is {times} times likelier for {side}"
