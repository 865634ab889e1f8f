"""Two images of one person? Distance, likelihood ratio, probability and decision.

A ratio is given only where somebody measured what a distance is worth: by a calibration of the site
that the images come from, for their kind of pair, of images that look like crops of persons.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.assessment.calibrate import is_of_other_sites
from passerby.data.crop_quality import crop_faults
from passerby.embedding.embedder import Embedder
from passerby.embedding.familiarity import familiarity_beside
from passerby.embedding.image_inputs import AnyImage, pixels_of
from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.verification import OperatingPoint
from passerby.evaluation.decisions.wording import likelihood_in_words, percent
from passerby.evaluation.ranking.distances import Metric, VectorDistances


@dataclass(frozen=True)
class Evidence:
    """What a calibrated distance says.

    llr: natural log-likelihood ratio; at_limit: it is the greatest or least that the calibration
    can show; probability: of one person, at the prior; point: the threshold decided by, None where
    the data do not support the false-match rate asked, so that nothing is decided; interval: of the
    LLR, None where the calibration has none.
    """

    llr: float
    at_limit: bool
    prior: float
    probability: float
    false_match_rate: float
    point: OperatingPoint | None
    same_person: bool | None
    interval: Interval | None = None

    @property
    def likelihood_ratio(self) -> float:
        """How many times likelier the distance is if both images show one person."""
        return math.exp(self.llr)


@dataclass(frozen=True)
class PairComparison:
    """Two images, their distance, and the evidence: None where there is none, for ``reasons``."""

    first: str
    second: str
    distance: float
    metric: Metric
    evidence: Evidence | None
    warnings: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.metric} distance {self.distance:z.4f}",
                *self.conclusions(),
                *(f"warning: {warning}" for warning in self.warnings),
            ]
        )

    def conclusions(self) -> tuple[str, ...]:
        """What follows from the distance, in words."""
        found = self.evidence
        if found is None:
            return self.reasons
        return (
            likelihood_in_words(found.llr, found.at_limit, found.interval),
            f"probability of one person {percent(found.probability)} at a prior of "
            f"{100 * found.prior:.3g} %",
            _decision_in_words(found),
        )


def compare_images(
    embedder: Embedder,
    first: AnyImage,
    second: AnyImage,
    calibration: Calibration | None = None,
    *,
    metric: Metric = "cosine",
    prior: float = 0.5,
    false_match_rate: float = 1e-3,
    one_camera: bool = False,
) -> PairComparison:
    """Compare two images: files, the bytes of files, or pixels.

    prior: probability of one person before the images were seen. one_camera: both are by one
    camera, whose pairs need a calibration of their own. There is no evidence without a calibration
    for such pairs, with the one that came with the packaged model, which is of other sites, and
    where an image does not look like a crop of a person or its vector is unlike those of persons.
    An image of other heights in pixels than the calibration is of has a warning. Raises ValueError
    for a calibration of another model, distance or pooling, and for a prior that is not between 0
    and 1.
    """
    if not 0 < prior < 1:
        raise ValueError(f"the prior probability must be between 0 and 1, got {prior}")
    if calibration is not None:
        _require_key(calibration, (embedder.fingerprint, metric, embedder.pooling))
    names = (_name_of(first, "the first image"), _name_of(second, "the second image"))
    images = [
        pixels_of(image, embedder.colours, name)
        for image, name in zip((first, second), names, strict=True)
    ]
    vectors = embedder.of_pixels(images)
    distance = float(VectorDistances(vectors[:1], vectors[1:], metric).block(slice(0, 1))[0, 0])
    faults = [
        f"nothing follows: {file} does not look like a crop of a person, as {fault}"
        for file, image in zip(names, images, strict=True)
        for fault in crop_faults(image)
    ]
    fitting = None if calibration is None else calibration.for_pairs(one_camera)
    if not faults:
        faults = _unfamiliar(embedder, names, vectors)
    reasons = faults or _lacking(calibration, fitting, distance)
    if reasons or fitting is None:
        warnings = () if faults or fitting is None else fitting.warnings
        return PairComparison(*names, distance, metric, None, warnings, tuple(reasons))
    evidence = _evidence(fitting, distance, prior, false_match_rate)
    doubts = [
        f"{file}: {doubt}"
        for file, image in zip(names, images, strict=True)
        if (doubt := _height_doubt(fitting, image))
    ]
    warnings = (*fitting.doubts(false_match_rate), *doubts)
    return PairComparison(*names, distance, metric, evidence, warnings)


def _name_of(image: AnyImage, otherwise: str) -> str:
    return os.fspath(image) if isinstance(image, str | os.PathLike) else otherwise


def _height_doubt(calibration: Calibration, image: NDArray[np.uint8]) -> str:
    known = calibration.conditions
    return "" if known is None else known.height_doubt(image.shape[0])


def _unfamiliar(
    embedder: Embedder, names: tuple[str, str], vectors: NDArray[np.float32]
) -> list[str]:
    """What to say of images whose vectors are unlike those of persons."""
    known = familiarity_beside(embedder)
    if known is None:
        return []
    strange = known.strange(vectors).tolist()
    return [
        f"nothing follows: {name} is unlike all persons that the model has learnt from"
        for name, one in zip(names, strange, strict=True)
        if one
    ]


def _require_key(calibration: Calibration, wanted: tuple[str, str, str]) -> None:
    if calibration.key != wanted:
        raise ValueError(
            f"the calibration is of {', '.join(calibration.key)} and not of {', '.join(wanted)} "
            "(model, distance, pooling)"
        )


def _lacking(
    calibration: Calibration | None, fitting: Calibration | None, distance: float
) -> list[str]:
    """Why a calibration says nothing of this pair; nothing where it does."""
    if calibration is None:
        return [
            "not calibrated: a distance alone does not say whether it is one person "
            "(passerby calibrate MODEL --data ROOT)"
        ]
    if fitting is None:
        return [
            "no calibration for pairs of one camera: strangers are nearer there than by two "
            "cameras (passerby calibrate with data in which persons come back to a camera)"
        ]
    if not is_of_other_sites(fitting):
        return []
    curve = fitting.quality.curve
    true = 1 - np.interp(distance, curve.thresholds, curve.false_non_match_rates)
    false = np.interp(distance, curve.thresholds, curve.false_match_rates)
    return [
        "not calibrated where it is used, so that no probability follows",
        f"on another site ({', '.join(fitting.sources)}, {fitting.quality.judging.persons} "
        f"persons) {_of_a_thousand(true)} pairs of one person and {_of_a_thousand(false)} pairs "
        "of two were as near",
        "for yours: passerby calibrate default --data ROOT --out FILE, then compare with "
        "--calibration FILE",
    ]


def _of_a_thousand(share: float) -> str:
    return f"{1000 * share:.0f} of 1,000" if share >= 0.001 else "less than 1 of 1,000"


def _evidence(
    calibration: Calibration, distance: float, prior: float, false_match_rate: float
) -> Evidence:
    point = calibration.point(false_match_rate)
    llr = float(calibration.llr(distance))
    return Evidence(
        llr=llr,
        at_limit=llr in (calibration.curve.llrs[0], calibration.curve.llrs[-1]),
        prior=prior,
        probability=float(calibration.probability(distance, prior)),
        false_match_rate=false_match_rate,
        point=point,
        same_person=None if point is None else distance < point.threshold,
        interval=calibration.llr_interval(distance),
    )


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
