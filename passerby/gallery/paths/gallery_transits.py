"""The transit times of a gallery: learnt from who was linked, and told."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.link.passages import places_of
from passerby.gallery.pair_evidence import camera_names
from passerby.gallery.paths.transits import (
    EDGES,
    FEWEST_PERSONS,
    FOLDS,
    Times,
    Transit,
    bins_of,
    learn_transits,
    signed_seconds,
)
from passerby.gallery.text_tables import LONGEST, aligned, printable
from passerby.gallery.visitors.stays import placed_stays
from passerby.process.spelling import count_of
from passerby.tables.sightings import Sightings, ends

if TYPE_CHECKING:
    from passerby.gallery.link.linking import Linking

SURELY = math.log(10)
"""By how much the weakest of the joins that made a person must be above what linking asked for,
that the times of the person are learnt from."""

_SECOND = 1e6  # microseconds


@dataclass(frozen=True, eq=False)
class Moments:
    """Where and when N sightings were: camera [N]: its row in `Transits.names`, -1 where none is;
    first, last [N]: of the stay, in seconds, NaN where not known; fold [N]: of whose person the
    transits were learnt in, FOLDS where of none."""

    camera: NDArray[np.int64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]
    fold: NDArray[np.int64]

    def joined_with(self, other: Moments) -> Moments:
        """Both."""
        return Moments(
            np.concatenate([self.camera, other.camera]),
            np.concatenate([self.first, other.first]),
            np.concatenate([self.last, other.last]),
            np.concatenate([self.fold, other.fold]),
        )

    def __getitem__(self, rows: NDArray[np.int64]) -> Moments:
        return Moments(self.camera[rows], self.first[rows], self.last[rows], self.fold[rows])


_NOWHERE = Moments(np.array([-1]), np.array([np.nan]), np.array([np.nan]), np.array([FOLDS]))


@dataclass(frozen=True, eq=False)
class Transits:
    """What was learnt of a gallery: transits, those that are worth something; cameras: how many
    there are; persons: it was learnt from; stays: those it was learnt from, the last one nowhere;
    rows: by the id of a sighting, that of its stay."""

    transits: tuple[Transit, ...]
    cameras: int
    persons: int
    stays: Moments = _NOWHERE
    rows: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Cameras that something is said of, as "SOURCE/CAMERA"."""
        return tuple(camera_rows(self.transits))

    @cached_property
    def highest(self) -> float:
        """The greatest log-likelihood ratio that is ever said."""
        return max((float(transit.llrs.max()) for transit in self.transits), default=0.0)

    def moments(self, ids: Sequence[str] | NDArray[np.str_]) -> Moments:
        """Of sightings that it was learnt from, and where it was not."""
        return self.stays[np.array([self.rows.get(str(name), -1) for name in ids], np.int64)]

    def moments_of(self, sightings: Sightings) -> Moments:
        """Of any sightings: those that came later are stays by themselves, of nobody known."""
        known = self.moments(sightings.ids)
        since, until = (
            np.where(np.isnat(times), np.nan, times.astype("datetime64[us]").astype(np.int64))
            / _SECOND
            for times in (sightings.times, ends(sightings))
        )
        cameras = [self.camera_of(name) for name in camera_names(sightings).tolist()]
        later = np.isnan(known.first)
        return Moments(
            np.where(later, np.array(cameras, np.int64), known.camera),
            np.where(later, since, known.first),
            np.where(later, until, known.last),
            known.fold,
        )

    def camera_of(self, name: str) -> int:
        """The row in `names` of a camera, -1 where nothing is said of it."""
        return self.names.index(name) if name in self.names else -1

    def llrs(self, one: Moments, other: Moments) -> NDArray[np.float64]:
        """Natural log-likelihood ratios of the times between sightings, learnt without either's
        person; 0 where nothing is known. Broadcast."""
        seconds = signed_seconds(one.first, one.last, other.first, other.last)
        which, sign = self._table[one.camera, other.camera], self._signs[one.camera, other.camera]
        known = (which >= 0) & ~np.isnan(seconds)
        found = np.zeros(known.shape)
        folds = (np.broadcast_to(each.fold, known.shape)[known] for each in (one, other))
        found[known] = self._llrs[which[known], *folds, bins_of((sign * seconds)[known])]
        return found

    @cached_property
    def _llrs(self) -> NDArray[np.float64]:
        return np.stack([transit.llrs for transit in self.transits])

    @cached_property
    def _table(self) -> NDArray[np.int64]:
        """Which transit is between two cameras, -1 where none; the last row is no camera."""
        table = np.full((len(self.names) + 1,) * 2, -1)
        for number, transit in enumerate(self.transits):
            one, other = (self.names.index(name) for name in transit.cameras)
            table[one, other] = table[other, one] = number
        return table

    @cached_property
    def _signs(self) -> NDArray[np.float64]:
        """-1 where the times of a transit are those of the other way."""
        return np.where(np.tri(len(self.names) + 1, k=-1, dtype=bool), -1.0, 1.0)

    @property
    def said(self) -> str:
        """Whether they count as evidence, as a note."""
        if not self.transits:
            return f"transit times do not count: {self._silence}"
        return (
            f"transit times count between {len(self.transits)} of "
            f"{count_of(self._pairs, 'pair of cameras', 'pairs of cameras')}, as {self.persons:,} "
            "persons who are surely linked without them show"
        )

    @property
    def _pairs(self) -> int:
        return self.cameras * (self.cameras - 1) // 2

    @property
    def _silence(self) -> str:
        return (
            f"{count_of(self.persons, 'surely linked person')} by "
            f"{count_of(self.cameras, 'camera')} with times; two cameras need {FEWEST_PERSONS} "
            "persons that both saw, whose times differ from those of others"
        )

    def fastest(self, one: str, other: str) -> float | None:
        """The least seconds that anybody took from a camera to another, None where not known."""
        for transit in self.transits:
            ways = (transit.cameras, transit.there), (transit.cameras[::-1], transit.back)
            for cameras, seconds in ways:
                if cameras == (one, other) and len(seconds):
                    return float(seconds[0])
        return None

    def to_json(self) -> str:
        """All of it, with the times persons took."""
        content = {
            "cameras": self.cameras,
            "persons": self.persons,
            "bins": EDGES[1:-1].tolist(),
            "transits": [
                {
                    "cameras": transit.cameras,
                    "persons": transit.persons,
                    "pairs": transit.pairs,
                    "cost_bits": transit.cost,
                    "log_likelihood_ratios": transit.llrs[-1, -1].tolist(),
                    "seconds": transit.there.tolist(),
                    "seconds_back": transit.back.tolist(),
                }
                for transit in self.transits
            ],
        }
        return json.dumps(content, indent=1)

    def __str__(self) -> str:
        if not self.transits:
            return f"transit times say nothing: {self._silence}"
        rows = [["from", "to", "transits", "fastest", "quartiles, s", "Cllr, bits"]]
        for transit in self.transits:
            ways = (transit.cameras, transit.there), (transit.cameras[::-1], transit.back)
            for (one, other), seconds in ways:
                if len(seconds):
                    low, middle, high = np.quantile(seconds, (0.25, 0.5, 0.75))
                    names = (printable(name, LONGEST) for name in (one, other))
                    spread = f"{low:.0f}, {middle:.0f}, {high:.0f}"
                    cells = (str(len(seconds)), f"{seconds[0]:.1f} s", spread)
                    rows.append([*names, *cells, f"{transit.cost:.2f}"])
        said = (
            f"transit times of {len(self.transits)} of "
            f"{count_of(self._pairs, 'pair of cameras', 'pairs of cameras')} say something, by "
            f"{count_of(self.persons, 'surely linked person')}"
        )
        return "\n".join([said, *aligned(rows)])


def camera_rows(transits: Sequence[Transit]) -> dict[str, int]:
    """A row for each camera that something is said of."""
    names = sorted({name for each in transits for name in each.cameras})
    return {name: row for row, name in enumerate(names)}


def transits_of(linking: Linking, without: Sequence[str] = ()) -> Transits:
    """Learnt of those who were surely linked by their looks; without: ids of sightings whose
    persons are left out.

    Who was linked wrongly, or not, draws the times of a person and those of two towards each other:
    the ratios say too little then, and not too much.
    """
    sightings, persons = linking.sightings, linking.groups
    names, places = camera_names(sightings), places_of(sightings)
    stays = placed_stays(sightings, linking.tracklets, persons)
    stays = stays.of(~np.isin(stays.passage, persons[np.isin(sightings.ids, [*without])]))
    known = dict(zip(places[stays.row].tolist(), names[stays.row].tolist(), strict=True))
    weakest = linking.weakest[stays.row]
    sure = np.isnan(weakest) | (weakest > linking.least_llr + SURELY)
    times = Times(stays.place, stays.first / _SECOND, stays.last / _SECOND, stays.passage, sure)
    linked = np.unique(stays.passage[sure], return_counts=True)[1]
    transits = learn_transits(times, known)
    told = camera_rows(transits)
    cameras = [told.get(known[place], -1) for place in stays.place.tolist()]
    folds = stays.passage % FOLDS
    there = Moments(np.array(cameras, np.int64), times.first, times.last, folds)
    of_tracklet = dict(zip(linking.tracklets[stays.row].tolist(), range(len(stays)), strict=True))
    rows = {
        str(name): of_tracklet[tracklet]
        for name, tracklet in zip(sightings.ids.tolist(), linking.tracklets.tolist(), strict=True)
        if tracklet in of_tracklet
    }
    count = int((linked > 1).sum())
    return Transits(transits, len(known), count, there.joined_with(_NOWHERE), rows)
