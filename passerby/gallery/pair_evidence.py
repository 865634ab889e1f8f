"""What distances are worth as evidence, by whether both pictures are by one camera.

Different persons by one camera share its light, place and angle, and are nearer than by two: a
calibration of pairs across cameras says nothing of them. Where it is not known whether two pictures
are by one camera, the lesser of both ratios counts, and none where there is but one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.calibration import Calibration
from passerby.tables.sightings import UNKNOWN

SAME, OTHER, NOT_KNOWN = 1, 0, -1
"""Whether two pictures are by one camera."""


def one_camera(
    camera: str, cameras: NDArray[np.str_], *, elsewhere: bool = False
) -> NDArray[np.int64]:
    """SAME, OTHER or NOT_KNOWN [N] for a picture by a camera ("": not known) and N others.

    elsewhere: it is known to be by none of theirs.
    """
    if elsewhere:
        return np.full(len(cameras), OTHER)
    kinds = np.where(cameras == camera, SAME, OTHER)
    return np.where((cameras == UNKNOWN) | (camera == UNKNOWN), NOT_KNOWN, kinds)


def calibrations_for(calibration: Calibration, kind: int) -> tuple[Calibration, ...]:
    """Those that say something of pairs of a kind: one, both where it is not known, or none."""
    kinds = (False, True) if kind == NOT_KNOWN else (kind == SAME,)
    found = [calibration.for_pairs(one) for one in kinds]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return ()
    return (known[0],) if known[0] is known[-1] else tuple(known)


def pair_llrs(
    calibration: Calibration, distances: ArrayLike, kinds: ArrayLike
) -> NDArray[np.float64]:
    """Natural log-likelihood ratios of pairs of these kinds, NaN where nothing can be said.

    distances, kinds: of one shape.
    """
    distances, kinds = np.asarray(distances, np.float64), np.asarray(kinds)
    llrs = np.full(distances.shape, np.nan)
    for kind in (SAME, OTHER, NOT_KNOWN):
        rows = kinds == kind
        found = calibrations_for(calibration, kind)
        if found and rows.any():
            llrs[rows] = np.min([one.llr(distances[rows]) for one in found], axis=0)
    return llrs


def pair_interval(calibration: Calibration, distance: float, kind: int) -> Interval | None:
    """The interval of a pair's log-likelihood ratio; None where it is not known."""
    found = [one.llr_interval(distance) for one in calibrations_for(calibration, kind)]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    return Interval(min(one.low for one in known), min(one.high for one in known))


def strictest(calibrations: tuple[Calibration, ...], rate: float) -> Calibration:
    """Of one or more calibrations the one that accepts least at a false-match rate."""

    def threshold(one: Calibration) -> float:
        point = one.point(rate)
        return -np.inf if point is None else point.threshold

    return min(calibrations, key=threshold)
