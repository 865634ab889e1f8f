"""What distances are worth as evidence, by whether both pictures are by one camera.

Different persons by one camera share its light, place and angle, and are nearer than by two: a
calibration of pairs across cameras says nothing of them. Where it is not known whether two pictures
are by one camera, the lesser of both ratios counts, and none where there is but one. Two cameras
that have a calibration of their own (`Calibration.between`) are judged by it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.calibration import Calibration
from passerby.tables.sightings import UNKNOWN, Sightings

SAME, OTHER, NOT_KNOWN = 1, 0, -1
"""Whether two pictures are by one camera."""

NONE = -1
"""No calibration of the two cameras alone."""


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


def camera_names(sightings: Sightings) -> NDArray[np.str_]:
    """Their cameras [N] as "SOURCE/CAMERA", "" where not known."""
    names = np.char.add(np.char.add(sightings.sources, "/"), sightings.cameras)
    return np.where(sightings.cameras == UNKNOWN, UNKNOWN, names)


def camera_pairs(
    calibration: Calibration, one: str, others: NDArray[np.str_], kinds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """For a picture by a camera and N others, as "SOURCE/CAMERA", the row in ``between`` of the
    calibration of their kind [N]; NONE where the two cameras have none of their own."""
    found = np.full(len(others), NONE)
    for kind in (SAME, OTHER):
        for judge in calibrations_for(calibration, kind):
            for row, pair in enumerate(judge.between):
                if one in pair.cameras:
                    other = pair.cameras[pair.cameras[0] == one]
                    found[(others == other) & (kinds == kind)] = row
    return found


def calibrations_for(
    calibration: Calibration, kind: int, pair: int = NONE
) -> tuple[Calibration, ...]:
    """Those that say something of pairs of a kind: one, both where it is not known, or none.

    pair: of `camera_pairs`.
    """
    kinds = (False, True) if kind == NOT_KNOWN else (kind == SAME,)
    found = [calibration.for_pairs(one) for one in kinds]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return ()
    if pair != NONE:
        return (known[0].between[pair],)
    return (known[0],) if known[0] is known[-1] else tuple(known)


def pair_llrs(
    calibration: Calibration, distances: ArrayLike, kinds: ArrayLike, pairs: ArrayLike = NONE
) -> NDArray[np.float64]:
    """Natural log-likelihood ratios of pairs of these kinds, NaN where nothing can be said.

    distances, kinds, and pairs (`camera_pairs`): of one shape.
    """
    return _said(calibration, distances, kinds, pairs, Calibration.llr)


def pair_ends(
    calibration: Calibration, distances: ArrayLike, kinds: ArrayLike, pairs: ArrayLike = NONE
) -> NDArray[np.float64]:
    """Lower and upper ends [2, ...] of the intervals of `pair_llrs`, NaN where not known."""

    def low(one: Calibration, at: NDArray[np.float64]) -> NDArray[np.float64]:
        return one.llr_ends(at)[0]

    def high(one: Calibration, at: NDArray[np.float64]) -> NDArray[np.float64]:
        return one.llr_ends(at)[1]

    return np.stack([_said(calibration, distances, kinds, pairs, end) for end in (low, high)])


def _said(
    calibration: Calibration,
    distances: ArrayLike,
    kinds: ArrayLike,
    pairs: ArrayLike,
    of: Callable[[Calibration, NDArray[np.float64]], NDArray[np.float64]],
) -> NDArray[np.float64]:
    distances, kinds = np.asarray(distances, np.float64), np.asarray(kinds)
    rows_of = np.broadcast_to(np.asarray(pairs), distances.shape)
    found = np.full(distances.shape, np.nan)
    for kind in (SAME, OTHER, NOT_KNOWN):
        of_kind = kinds == kind
        for pair in np.unique(rows_of[of_kind]).tolist():
            rows = of_kind & (rows_of == pair)
            judges = calibrations_for(calibration, kind, pair)
            if judges:
                found[rows] = np.min([of(one, distances[rows]) for one in judges], axis=0)
    return found


def pair_interval(
    calibration: Calibration, distance: float, kind: int, pair: int = NONE
) -> Interval | None:
    """The interval of a pair's log-likelihood ratio; None where it is not known."""
    low, high = pair_ends(calibration, distance, kind, pair).tolist()
    return None if np.isnan(low) else Interval(low, high)


def strictest(calibrations: tuple[Calibration, ...], rate: float) -> Calibration:
    """Of one or more calibrations the one that accepts least at a false-match rate."""

    def threshold(one: Calibration) -> float:
        point = one.point(rate)
        return -np.inf if point is None else point.threshold

    return min(calibrations, key=threshold)
