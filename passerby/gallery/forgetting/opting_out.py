"""The opt-out list of a gallery: who is on it, how they are recognised, and how to leave it.

An entry keeps what refusing needs and nothing else: one vector, pooled from what was forgotten, in
half precision; how well its pictures agreed; digests of the pictures' ids; a threshold. No name, no
picture, no camera, no time of a sighting. It is biometric data, kept because the person asked.

The threshold is the distance below which a share of other persons' sightings lies. Where the
gallery has enough of them it is counted: the k-th nearest of N others to this very vector,
k / (N + 1) at most the share (`alarms.alarm_threshold`; exact whatever distances are like). Else
the gallery's calibration says it, of pairs on average; else the shape of strangers'
distances. Where none of them can, only the forgotten pictures themselves are refused.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from passerby.data.crops import content_id
from passerby.data.images import contents
from passerby.evaluation.decisions.alarms import alarm_threshold
from passerby.evaluation.decisions.calibration import Calibration
from passerby.gallery.ledger.people import people
from passerby.gallery.pair_evidence import NOT_KNOWN, calibrations_for, strictest
from passerby.gallery.search.population import Populations
from passerby.gallery.stored_calibrations import judge_of
from passerby.gallery.text_tables import aligned
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.stores.about import About, OptOut
from passerby.stores.opting_out import count_pictures, digests_of, distances_to, encoded
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit

if TYPE_CHECKING:
    from passerby.gallery.gallery import Gallery

RATE = 1e-3
"""Share of other persons' sightings that an entry refuses, unless another is asked for."""

MOST_PICTURES = 20_000
"""Digests of an entry; of more the first are kept."""


@dataclass(frozen=True)
class Entry:
    """What is told of an entry of the list: as in `OptOut`; pictures: how many it refuses by
    digest; holds: whether it refuses by looks, as an entry of the gallery's model with a threshold
    does."""

    id: str
    created: str
    holds: bool
    distance: float | None
    false_match_rate: float | None
    basis: str
    share: float | None
    pictures: int
    refused: int


def opt_outs(store: Store) -> tuple[Entry, ...]:
    """The list, the oldest first."""
    about = store.refresh_about()
    return tuple(_entry(one, about) for one in about.opt_outs)


def entries_text(entries: Sequence[Entry], *, as_json: bool = False) -> str:
    """The list as a table, or as JSON."""
    if as_json:
        return json.dumps({"opt_outs": [vars(one) for one in entries]}, indent=1)
    if not entries:
        return "nobody is on the opt-out list"
    rows = [["entry", "since", "refuses", "of others", "of theirs", "so far"]]
    rows += [
        [
            one.id,
            one.created,
            "looks" if one.holds else "pictures alone",
            "–" if one.false_match_rate is None or not one.holds else f"{one.false_match_rate:.2g}",
            "not known" if one.share is None or not one.holds else f"{100 * one.share:.0f} %",
            f"{one.refused:,}",
        ]
        for one in entries
    ]
    return "\n".join([f"{len(entries)} on the opt-out list", *aligned(rows)])


def opt_out(store: Store, theirs: Sightings, ids: Sequence[str], rate: float = RATE) -> OptOut:
    """Put a person on the list.

    Args:
        theirs: N of their sightings, with vectors as the network made them; they do not count among
            others.
        ids: of pictures that are refused whatever they look like.
        rate: share of other persons' sightings that may be refused with them.

    Raises:
        ValueError: No sighting, sightings that have nothing in common, or a rate out of range.
    """
    if not 0 < rate < 0.5:
        raise ValueError(f"a share of others that is refused must be above 0, below 0.5: {rate}")
    if not len(theirs):
        raise ValueError("expected a sighting or a picture of the person at least")
    about = store.refresh_about()
    vector, coherence = _pooled(theirs)
    name = secrets.token_hex(8)
    bare = OptOut(
        name, about.model, about.pooling, encoded(vector), coherence,
        digests_of(name, ids[:MOST_PICTURES]), None, None,
        "the forgotten pictures alone: nothing says here what a distance is worth",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip
    made = _with_threshold(store, bare, {*theirs.ids.tolist()}, rate)
    store.change_about(lambda now: replace(now, opt_outs=(*now.opt_outs, made)))
    return made


def opt_out_images(
    gallery: Gallery, images: Sequence[str | os.PathLike[str] | bytes], rate: float = RATE
) -> OptOut:
    """Put the person in some images on the list: files, or their bytes.

    Raises:
        ValueError: As `opt_out`.
        UnreadableImage: An image cannot be read.
    """
    given = [one if isinstance(one, bytes) else contents(one) for one in images]
    ids = [content_id(one) for one in given]
    vectors = unit(gallery.embedder([*given])) if given else np.empty((0, 1))
    return opt_out(gallery.store, Sightings(ids, vectors), ids, rate)


def withdraw(store: Store, which: str) -> Entry:
    """Take an entry off the list, its vector with it; which: its id, or the beginning of it.

    Raises:
        ValueError: No entry, or several, have it.
    """
    found = [one for one in opt_outs(store) if len(which) >= 4 and one.id.startswith(which)]
    if len(found) != 1:
        raise ValueError(
            f"expected the id of an entry of the opt-out list, or its beginning, got {which!r}: "
            "passerby gallery opt-out list"
        )
    gone = found[0].id
    store.change_about(
        lambda now: replace(now, opt_outs=tuple(one for one in now.opt_outs if one.id != gone))
    )
    return found[0]


def _entry(one: OptOut, about: About) -> Entry:
    ours = (one.model, one.pooling) == (about.model, about.pooling)
    return Entry(
        one.id, one.created, ours and one.distance is not None, one.distance,
        one.false_match_rate, one.basis, one.share, count_pictures(one), one.refused,
    )  # fmt: skip


def _pooled(theirs: Sightings) -> tuple[NDArray[np.float32], float]:
    """One vector of all pictures that sightings were made of, and how well these agree."""
    weights = np.where(np.isnat(theirs.untils) | np.isnan(theirs.coherences), 1, theirs.coherences)
    mean = (weights[:, None] * theirs.vectors.astype(np.float64)).mean(0)
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        raise ValueError("these sightings have nothing in common: they are hardly of one person")
    return unit((mean / length).astype(np.float32)[None])[0], min(1.0, length)


def _with_threshold(store: Store, bare: OptOut, own: set[str], rate: float) -> OptOut:
    about = store.about
    parts = [np.empty(0)]
    for part in people(store).read():  # a share of persons is meant
        others = part[~np.isin(part.ids, [*own])]
        parts.append(distances_to(others, bare, about.dimensions))
    counted = alarm_threshold(np.concatenate(parts), rate)
    calibration = _calibration(store)
    if counted is not None and counted.counted:
        basis = f"counted among {count_of(counted.strangers, 'sighting')} of others"
        return _at(bare, counted.distance, counted.shown, basis, calibration)
    if calibration is not None:
        point = strictest(_both(calibration), rate).point(rate)
        if point is not None:
            basis = "the gallery's calibration, of pairs on average"
            return _at(bare, point.threshold, point.false_match_rate, basis, calibration)
    if counted is not None:
        basis = (
            "the shape of strangers' distances: "
            f"{count_of(counted.strangers, 'sighting of others is', 'sightings of others are')} "
            f"too few to count {rate:g}"
        )
        return _at(bare, counted.distance, counted.shown, basis, calibration)
    return bare


def _at(
    bare: OptOut, distance: float, rate: float, basis: str, calibration: Calibration | None
) -> OptOut:
    share = None
    if calibration is not None:
        below = [p for p in _both(calibration)[0].points if p.threshold <= distance * (1 + 1e-9)]
        share = below[-1].true_match_rate if below else None
    return replace(bare, distance=distance, false_match_rate=rate, basis=basis, share=share)


def _both(calibration: Calibration) -> tuple[Calibration, ...]:
    """Of pairs by one camera and by two, since either may come; what there is, where one lacks."""
    return calibrations_for(calibration, NOT_KNOWN) or (calibration,)


def _calibration(store: Store) -> Calibration | None:
    """What holds here of distances as the network makes them."""
    about = store.about
    plain = replace(
        about,
        adapted="",
        set_aside={},
        calibrations=about.set_aside if about.adapted else about.calibrations,
    )
    return judge_of(plain, 1, Populations(store).cameras).calibration
