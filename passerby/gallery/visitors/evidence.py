"""The evidence a count rests on: passages, the ratios between any two, and who cannot be one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.link.merging import place_kinds, place_pairs, seeing_the_same
from passerby.gallery.link.passages import REPRESENTATIVES, Passages, passages_of, places_of
from passerby.gallery.link.rules import Rules
from passerby.gallery.link.worth import Worth
from passerby.gallery.reviewed_pairs import Constraints
from passerby.gallery.visitors.partitions import APART
from passerby.gallery.visitors.stays import PlacedStays, placed_stays
from passerby.tables.keys import numbered
from passerby.tables.sightings import UNKNOWN, Sightings, by_look

_MOST = 16  # sightings of a passage that are compared with those of another
_BLOCK = 2_000_000  # distances measured at once
_SECOND = 1_000_000  # microseconds


@dataclass(frozen=True, eq=False)
class Evidence:
    """Of P passages of N sightings: tracklets, single sightings, or all of a known person.

    of [N]: the passage of each sighting; stays: where and when these were; names [P]: of their
    person, "" where not known; llrs [P, P] float32: means over some sightings of both, 0 on the
    diagonal and where nothing can be said, `APART` where the two are not of one person; doubts
    [P, P] float32: how far the ends of the interval of an LLR lie from it on average, 0 where not
    known.
    """

    of: NDArray[np.int64]
    stays: PlacedStays
    names: NDArray[np.str_]
    llrs: NDArray[np.float32]
    doubts: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.names)

    def shifted(self, by: float) -> NDArray[np.float32]:
        """The ratios were the calibration off by so many half-widths of its interval, everywhere in
        one direction: what is not known of it is alike for all pairs."""
        apart = self.llrs <= APART
        moved: NDArray[np.float32] = np.where(apart, self.llrs, self.llrs + by * self.doubts)
        return moved


def evidence(
    sightings: Sightings, names: NDArray[np.str_], worth: Worth, said: Constraints, rules: Rules
) -> Evidence:
    """Of N sightings with vectors; names [N]: of known persons, "" for the others; said: of pairs
    of them by people; rules: tolerance, overlapping cameras and gap."""
    told = said.decisions.apart
    passages = _as_said(passages_of(sightings, names, rules.gap, told), said)
    stays, count = placed_stays(sightings, passages.tracklets, passages.of), len(passages)
    llrs, doubts = _ratios(sightings, passages, worth)
    apart = np.zeros((count, count), bool)
    named = np.where(passages.names == UNKNOWN, -1, numbered(passages.names))
    apart |= (named[:, None] != named) & (named[:, None] >= 0) & (named >= 0)
    for one, other in (
        *at_one_time(sightings, stays, rules).tolist(),
        *passages.of[said.cannot].reshape(-1, 2).tolist(),
    ):
        apart[one, other] = apart[other, one] = True
    for side, other_side in told:
        one, other = np.unique(passages.of[side]), np.unique(passages.of[other_side])
        apart[np.ix_(one, other)] = apart[np.ix_(other, one)] = True
    llrs[apart] = APART
    np.fill_diagonal(llrs, 0)
    return Evidence(passages.of, stays, passages.names, llrs, doubts)


def at_one_time(sightings: Sightings, stays: PlacedStays, rules: Rules) -> NDArray[np.int64]:
    """Pairs of passages [E, 2] that no one person made: by two cameras, that do not overlap,
    within ``rules.tolerance`` seconds, or two tracks that one camera saw at once.

    A camera that overlaps with itself has a mirror: its tracks may be of one person.
    """
    joined = seeing_the_same(sightings, rules)
    mirrors = {one for one, other in rules.overlapping if one == other}
    tracked = stays.tracked & ~np.isin(sightings.cameras[stays.row], [*mirrors])
    gap = round(rules.tolerance * _SECOND)
    ends = np.searchsorted(stays.first, stays.last + gap, side="right")
    found = [np.empty((0, 2), np.int64)]
    for one, end in enumerate(ends.tolist()):
        later = np.arange(one + 1, end)  # begin after it, and before it has ended
        here = stays.place[later] == stays.place[one]
        at_once = tracked[later] & tracked[one] & (stays.first[later] < stays.last[one])
        apart = np.where(here, at_once, ~joined[stays.place[one], stays.place[later]])
        found.append(np.stack([np.full(len(later), one), later], axis=1)[apart])
    pairs = stays.passage[np.concatenate(found)]
    return pairs[pairs[:, 0] != pairs[:, 1]]


def _as_said(passages: Passages, said: Constraints) -> Passages:
    """The same, with those of a pair that is of one person as one passage."""
    root = np.arange(len(passages))
    for one, other in passages.of[np.concatenate([said.must, _chained(said)])].tolist():
        if root[one] != root[other]:
            root[root == root[other]] = root[one]
    kept, number = np.unique(root, return_inverse=True)
    number = number.reshape(-1)
    names = passages.names[kept]
    for passage, name in enumerate(passages.names.tolist()):
        if name != UNKNOWN:
            names[number[passage]] = name
    return Passages(
        number[passages.of], names, passages.representatives, number[passages.shown],
        passages.tracklets, passages.torn,
    )  # fmt: skip


def _chained(said: Constraints) -> NDArray[np.int64]:
    """Rows [M, 2] that hold together the sightings of each person that people decided of."""
    decided = said.decisions.decided
    rows = np.flatnonzero(decided != UNKNOWN)
    rows = rows[np.argsort(decided[rows], kind="stable")]
    alike = decided[rows[:-1]] == decided[rows[1:]]
    return np.stack([rows[:-1], rows[1:]], axis=1)[alike]


def _ratios(
    sightings: Sightings, passages: Passages, worth: Worth
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean LLRs [P, P], and by how much their intervals reach to either side."""
    rows, of = _compared(passages)
    shown, looks = by_look(sightings[rows], REPRESENTATIVES)
    owners = of[looks]
    vectors = worth.vectors(shown)
    places = np.where(shown.cameras == UNKNOWN, -1, places_of(shown))
    between = place_pairs(shown, places, worth)
    count = len(passages)
    starts = np.searchsorted(owners, np.arange(count + 1))
    sums = np.zeros((3, count, count), np.float32)  # of LLRs, of half-widths, and how many
    step = max(1, _BLOCK // max(1, len(shown)))
    begin = 0
    while begin < count:
        end = max(begin + 1, int(np.searchsorted(starts, starts[begin] + step, side="right")) - 1)
        part = slice(starts[begin], starts[end])
        distances = np.maximum(1 - vectors[part] @ vectors.T, 0).astype(np.float64)
        kinds = place_kinds(places[part, None], places)
        pairs = between[places[part, None], places]
        llrs, ends = worth.llrs(distances, kinds, pairs), worth.ends(distances, kinds, pairs)
        half = np.nan_to_num((ends[1] - ends[0]) / 2)
        cuts = starts[begin:end] - starts[begin]
        for layer, values in enumerate((np.nan_to_num(llrs), half, ~np.isnan(llrs))):
            summed = np.add.reduceat(values.astype(np.float64), cuts, axis=0)
            sums[layer, begin:end] = np.add.reduceat(summed, starts[:-1], axis=1)
        begin = end
    counts = np.maximum(sums[2], 1)
    means, halves = sums[0] / counts, sums[1] / counts
    return (means + means.T) / 2, (halves + halves.T) / 2


def _compared(passages: Passages) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of sightings [R] and their passages [R], ascending; of each passage some, spread."""
    order = np.argsort(passages.shown, kind="stable")
    cuts = np.searchsorted(passages.shown[order], np.arange(1, len(passages)))
    chosen = []
    for own in np.split(order, cuts):
        spread = np.linspace(0, len(own) - 1, min(len(own), _MOST)).round().astype(np.int64)
        chosen.append(own[spread])
    places = np.concatenate(chosen)
    return passages.representatives[places], passages.shown[places]
