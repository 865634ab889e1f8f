"""What the distances of two sightings are worth when they are linked, by whatever knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.calibration import Calibration
from passerby.gallery.own_distances import OwnDistances
from passerby.gallery.pair_evidence import (
    NONE,
    NOT_KNOWN,
    OTHER,
    SAME,
    camera_pairs,
    pair_ends,
    pair_llrs,
)
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit

Said = Callable[[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""Of distances, kinds of pairs and pairs of cameras (`pair_evidence`), of one shape."""

Basis = Literal["labelled pairs", "unlabelled sightings"]


@dataclass(frozen=True, eq=False)
class Worth:
    """llrs: natural log-likelihood ratios, NaN where nothing can be said; ends: of their intervals
    [2, ...], NaN where not known; pairs: which calibration of two cameras alone holds, for one
    camera and N others as "SOURCE/CAMERA" (`camera_pairs`); vectors: of N sightings, unit vectors
    [N, D] to measure them by; highest: the greatest LLR that is ever said; one_camera: whether
    something is said of pairs by one."""

    llrs: Said
    ends: Said
    pairs: Callable[[str, NDArray[np.str_]], NDArray[np.int64]]
    vectors: Callable[[Sightings], NDArray[np.float32]]
    highest: float
    one_camera: bool
    basis: Basis


def by_calibration(calibration: Calibration) -> Worth:
    """As a calibration has it, of the vectors as they are."""

    def pairs(one: str, others: NDArray[np.str_]) -> NDArray[np.int64]:
        return camera_pairs(calibration, one, others, np.where(others == one, SAME, OTHER))

    return Worth(
        llrs=partial(pair_llrs, calibration),
        ends=partial(pair_ends, calibration),
        pairs=pairs,
        vectors=lambda sightings: sightings.vectors,
        highest=calibration.curve.llrs[0],
        one_camera=calibration.for_pairs(one_camera=True) is not None,
        basis="labelled pairs",
    )


def by_own_distances(learnt: OwnDistances) -> Worth:
    """As the gallery's unlabelled distances have it, of vectors less their camera's mean."""
    both = [one for one in (learnt.across, learnt.within) if one is not None]
    known = {
        OTHER: [learnt.across] if learnt.across is not None else [],
        SAME: [learnt.within] if learnt.within is not None else [],
        NOT_KNOWN: both if len(both) == 2 else [],
    }

    def llrs(
        distances: NDArray[np.float64], kinds: NDArray[np.int64], pairs: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        del pairs
        found = np.full(distances.shape, np.nan)
        for kind, judges in known.items():
            rows = kinds == kind
            if judges and rows.any():
                found[rows] = np.min([one.llrs(distances[rows]) for one in judges], axis=0)
        return found

    def vectors(sightings: Sightings) -> NDArray[np.float32]:
        return unit(learnt.means.removed(sightings.vectors, sightings.sources, sightings.cameras))

    return Worth(
        llrs=llrs,
        ends=lambda distances, kinds, pairs: np.full((2, *distances.shape), np.nan),
        pairs=lambda one, others: np.full(len(others), NONE),
        vectors=vectors,
        highest=max(one.highest_llr for one in both),
        one_camera=learnt.within is not None,
        basis="unlabelled sightings",
    )
