"""What a gallery teaches about its own cameras and persons: learnt, kept with it, undone.

How it is seen then: `adapted`.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from passerby.adaptation.back_end import Apart, BackEnd, learnt, within_class_of
from passerby.gallery.adapted import back_end_of
from passerby.gallery.ledger.people import people
from passerby.gallery.link.rules import PREFIX
from passerby.gallery.reviewed_pairs import Constraints, constraints, reviewed_pairs
from passerby.gallery.tracklets import tracklet_numbers
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.stores.about import About
from passerby.tables.filters import Where
from passerby.tables.keys import numbered
from passerby.tables.sightings import UNKNOWN, Sightings, by_middle_look

MOST_OF_CAMERA = 2000
"""Sightings of a camera that are learnt from, one a passage."""

FEWEST_ANCHORS = 100
"""Passages below which hubs are not corrected: among so few everybody is near to everybody."""

_ANCHORS = 1000  # sightings, one a passage, to whose nearest all are compared


def adapt(store: Store, *, hubness: bool = True) -> BackEnd:
    """Learn from the sightings of a gallery and keep it with it; replaces what was learnt before.

    hubness: whether searches put what they find in an order that corrects hubs.
    Calibrations of the distances until then are set aside: they hold for these alone. Nothing is
    kept where nothing could be learnt. Raises ValueError for a gallery without sightings.
    """
    about = store.refresh_about()
    sightings = _taught(people(store))
    if not len(sightings):
        raise ValueError("the gallery is empty: there is nothing to learn from")
    said = constraints(store, sightings.ids)
    prior = within_class_of(about.place, about.model)
    found = learnt(
        sightings.vectors, sightings.sources, sightings.cameras,
        model=about.model, pooling=about.pooling, prior=prior,
        persons=_persons(store, sightings, said), apart=_apart(sightings, said),
    )  # fmt: skip
    if not found.acts:
        undo(store)
        return found
    tracked = int(np.sum(sightings.tracklets >= 0))
    if tracked:
        told = (
            f"of {count_of(tracked, 'track')} one sighting each: what varies within a track "
            "teaches nothing"
        )
        found = replace(found, decided=(*found.decided, told))
    if hubness:
        found = _with_anchors(found, sightings)
    text = base64.b64encode(found.to_bytes()).decode()

    def adapted(now: About) -> About:
        plain = now.set_aside if now.adapted else now.calibrations
        return replace(now, adapted=text, set_aside=plain, calibrations={})

    store.change_about(adapted)
    return found


def undo(store: Store) -> bool:
    """Forget what was learnt; the calibrations of before hold again. Whether there was anything."""
    found = bool(store.refresh_about().adapted)

    def plain(about: About) -> About:
        if not about.adapted:
            return about
        return replace(about, adapted="", calibrations=about.set_aside, set_aside={})

    store.change_about(plain)
    return found


def relearn(store: Store) -> BackEnd | None:
    """Learn anew where sightings were removed, so that nothing learnt from them stays; None where
    nothing had been learnt, or nothing can be any more."""
    if not store.refresh_about().adapted:
        return None
    if not people(store).count():
        undo(store)
        return None
    before = back_end_of(store.about)
    return adapt(store, hubness=before is not None and bool(before.anchors))


def _with_anchors(found: BackEnd, sightings: Sightings) -> BackEnd:
    """With some of the sightings that it was learnt from, by which hubs are told."""
    if len(sightings) < FEWEST_ANCHORS:
        said = (
            f"hubs are not corrected: {count_of(len(sightings), 'passage')}, {FEWEST_ANCHORS} "
            "needed"
        )
        return replace(found, decided=(*found.decided, said))
    rows = np.random.default_rng(23).permutation(len(sightings))[:_ANCHORS]
    said = f"the order of what is found corrects hubs, by {count_of(len(rows), 'passage')} (CSLS)"
    anchors = tuple(sorted(sightings.ids[rows].tolist()))
    return replace(found, decided=(*found.decided, said), anchors=anchors)


def _taught(store: Store) -> Sightings:
    """Some sightings of each camera, one a passage, in an order of their own."""
    parts = []
    for camera in sorted({*store.groups("camera")} - {UNKNOWN}):
        taken = 0
        for part in store.read(Where(cameras=(camera,)), batch=MOST_OF_CAMERA):
            one = part[np.unique(tracklet_numbers(part), return_index=True)[1]]
            parts.append(one[: MOST_OF_CAMERA - taken])
            taken += len(parts[-1])
            if taken >= MOST_OF_CAMERA:
                break
    if not parts:
        parts = [part[:MOST_OF_CAMERA] for part in store.read(batch=MOST_OF_CAMERA)][:1]
    if not parts:
        return Sightings([], np.empty((0, store.about.dimensions), np.float32))
    joined = by_middle_look(Sightings.joined(parts))  # a picture, as those who ask have
    return joined[np.argsort(joined.ids, kind="stable")]


def _apart(sightings: Sightings, said: Constraints) -> Apart:
    """Which pairs of rows are known to be of two persons: by names that people gave, answers, or
    what was told apart."""
    names = np.where(_named(sightings, said), sightings.persons, UNKNOWN)
    pairs = {*map(tuple, said.cannot.tolist())}

    def apart(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        one, other = names[rows[:, 0]], names[rows[:, 1]]
        asked = [(a, b) in pairs or (b, a) in pairs for a, b in rows.tolist()]
        told = np.zeros(len(rows), bool)
        for sides in said.decisions.apart:
            side = np.zeros(len(sightings), np.int64)
            side[sides[0]], side[sides[1]] = 1, -1
            told |= side[rows[:, 0]] * side[rows[:, 1]] < 0
        named = (one != UNKNOWN) & (other != UNKNOWN) & (one != other)
        return named | told | np.array(asked, bool).reshape(-1)

    return apart


def _named(sightings: Sightings, said: Constraints) -> NDArray[np.bool_]:
    """Which sightings have a name that people gave, or decided that it is theirs."""
    linked = np.char.startswith(sightings.persons, PREFIX)
    return (sightings.persons != UNKNOWN) & (~linked | (said.decisions.decided != UNKNOWN))


def _persons(store: Store, sightings: Sightings, said: Constraints) -> NDArray[np.int64]:
    """Who is known of N sightings: those with a name that people gave, and those of reviewed pairs
    of one person; -1 for the others. Names of a linking are guesses of the distances themselves."""
    persons = np.where(_named(sightings, said), numbered(sightings.persons), -1)
    if not store.about.answers:
        return persons
    pairs = reviewed_pairs(store)
    rows = {sighting: row for row, sighting in enumerate(sightings.ids.tolist())}
    same: Sequence[tuple[str, str]] = [
        *zip(
            pairs.first.ids[pairs.same].tolist(), pairs.second.ids[pairs.same].tolist(), strict=True
        )
    ]
    for number, (one, other) in enumerate(same, len(sightings)):
        both = [rows[each] for each in (one, other) if each in rows]
        if len(both) == 2 and (persons[both] < 0).all():
            persons[both] = number
    return persons
