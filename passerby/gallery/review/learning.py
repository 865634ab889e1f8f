"""From the answers that a gallery keeps, and from its footage, to the calibration of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.conditions import Conditions
from passerby.evaluation.decisions.judged.calibrating import (
    FEWEST,
    Subject,
    calibrate_answered,
    calibrate_labelled,
)
from passerby.evaluation.decisions.judged.camera_pairs import (
    Cameras,
    JudgedPairs,
    between_cameras,
)
from passerby.evaluation.decisions.pairs import PairKind
from passerby.gallery.pair_evidence import camera_names
from passerby.gallery.review.asking import Askable, askable, asked_distances, of_kind
from passerby.gallery.review.footage import footage_pairs
from passerby.gallery.reviewed_pairs import ReviewedPairs, reviewed_pairs
from passerby.gallery.stored_calibrations import calibration_of, keep_calibrations
from passerby.stores import Store
from passerby.tables.sightings import UNKNOWN, Sightings, by_look


@dataclass(frozen=True)
class Learnt:
    """calibration: as it is stored now, None where the answers are too few; notes: what to know."""

    calibration: Calibration | None
    notes: tuple[str, ...]

    def __str__(self) -> str:
        said = [] if self.calibration is None else [str(self.calibration)]
        return "\n".join([*said, *self.notes])


def learn_from_answers(store: Store) -> Learnt:
    """Calibrate a gallery on the answers that it keeps, and store the calibration with it.

    Pairs by one camera are calibrated on answers about such pairs, or else on the footage where it
    has tracklets and times. Where the answers are too few nothing changes, and the notes say so.
    """
    reviewed = reviewed_pairs(store)
    pairs = askable(store)
    across = _of_kind(store, reviewed, pairs)
    if across is None:
        return Learnt(None, (_too_few(reviewed, pairs.kind),))
    within: Calibration | None = None
    notes: tuple[str, ...] = ()
    if pairs.kind == "across cameras":
        within, notes = _within(store, reviewed)
    made = replace(across, within=within, conditions=_conditions(pairs.sightings, len(reviewed)))
    keep_calibrations(store, {"single": asdict(made)})
    return Learnt(made, notes)


def _of_kind(store: Store, reviewed: ReviewedPairs, pairs: Askable) -> Calibration | None:
    """The calibration of a kind of pair, and of two cameras alone where these differ; of labelled
    pairs where these are more than answers."""
    asked = asked_distances(reviewed, pairs.kind)
    labelled = asked_distances(reviewed, pairs.kind, labelled=True)
    subject = _subject(store, pairs.kind, len(pairs.sightings), pairs.sightings)
    enough = [_enough(each[1]) for each in (asked, labelled)]
    if enough[1] and (not enough[0] or len(labelled[1]) >= len(asked[1])):
        rows = of_kind(reviewed, pairs.kind) & reviewed.labelled
        groups = reviewed.first.ids[rows]
        made = calibrate_labelled(*labelled, groups, subject)
        judged = JudgedPairs(*labelled, groups, _cameras(reviewed, rows))
    elif enough[0]:
        rows = of_kind(reviewed, pairs.kind) & ~reviewed.labelled
        made = calibrate_answered(*asked, pairs.distances, subject)
        judged = JudgedPairs(
            *asked, reviewed.first.ids[rows], _cameras(reviewed, rows), _population(pairs)
        )
    else:
        return None
    if pairs.kind == "any cameras":
        return made
    return replace(made, between=between_cameras(judged, made, subject))


def _cameras(reviewed: ReviewedPairs, rows: NDArray[np.bool_]) -> NDArray[np.str_]:
    """The two cameras [n, 2] of some pairs, the lesser first."""
    both = (camera_names(one[rows]) for one in (reviewed.first, reviewed.second))
    return np.sort(np.stack([*both], axis=1), axis=1)


def _population(pairs: Askable) -> Callable[[Cameras | None], NDArray[np.float64]]:
    """The distances of the pairs by two cameras, or of all."""
    names = camera_names(pairs.sightings)
    one, other = names[pairs.first], names[pairs.second]

    def of(cameras: Cameras | None) -> NDArray[np.float64]:
        if cameras is None:
            return pairs.distances
        low, high = cameras
        return pairs.distances[((one == low) & (other == high)) | ((one == high) & (other == low))]

    return of


def _within(store: Store, reviewed: ReviewedPairs) -> tuple[Calibration | None, tuple[str, ...]]:
    try:
        made = _of_kind(store, reviewed, askable(store, one_camera=True))
    except ValueError:  # no camera saw two tracklets
        made = None
    made = made or footage_calibration(store)
    if made is not None:
        return made, ()
    return None, (
        "no calibration for pairs by one camera: ask about such pairs (--one-camera), or enrol "
        "footage with tracklets and times, which calibrates itself",
    )


def footage_calibration(store: Store) -> Calibration | None:
    """The calibration of pairs by one camera that footage gives of itself; None where too few of
    its tracklets are numbered and timed, or none of them overlap."""
    parts = [part[part.tracklets >= 0] for part in store.read()]
    if not any(map(len, parts)):
        return None
    sightings = by_look(Sightings.joined(parts))[0]
    pairs = footage_pairs(sightings)
    if not _enough(pairs.same):
        return None
    cosines = (sightings.vectors[pairs.first] * sightings.vectors[pairs.second]).sum(1)
    note = (
        "pairs by one camera were learnt from tracklets: the ratio is for pictures of one stay, "
        "and flatters those who come back"
    )
    subject = _subject(store, "within a camera", len(np.unique(pairs.groups)), sightings)
    distances = np.maximum(1 - cosines.astype(np.float64), 0)
    made = calibrate_labelled(distances, pairs.same, pairs.groups, subject)
    return replace(made, warnings=(note, *made.warnings))


def _subject(store: Store, kind: PairKind, count: int, sightings: Sightings) -> Subject:
    about = store.about
    return Subject(
        about.model,
        about.pooling,
        kind,
        calibration_of(about, "single", brought=True),
        tuple(sorted({*sightings.sources.tolist()} - {UNKNOWN})),
        count,
    )


def _enough(same: np.ndarray) -> bool:
    kinds = Counter(same.tolist())
    return len(same) >= FEWEST and min(kinds[True], kinds[False]) >= 2


def _too_few(reviewed: ReviewedPairs, kind: PairKind) -> str:
    same = reviewed.same[of_kind(reviewed, kind)]
    return (
        f"not calibrated yet: of the pairs {kind} {int(same.sum())} were judged to be of one "
        f"person and {int((~same).sum())} of two; {FEWEST} are needed, two of each at least"
    )


def _conditions(sightings: Sightings, pairs: int) -> Conditions:
    both = zip(sightings.sources.tolist(), sightings.cameras.tolist(), strict=True)
    places = {f"{source}/{camera}" for source, camera in both if camera != UNKNOWN}
    return Conditions(tuple(sorted(places)), 2 * pairs)
