"""The transit times of a gallery: learnt from who was linked, and told."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.link.passages import places_of
from passerby.gallery.pair_evidence import camera_names
from passerby.gallery.paths.transits import (
    EDGES,
    FEWEST_PERSONS,
    Times,
    Transit,
    bins_of,
    learn_transits,
)
from passerby.gallery.text_tables import LONGEST, aligned, printable
from passerby.gallery.visitors.stays import placed_stays

if TYPE_CHECKING:
    from passerby.gallery.link.linking import Linking

SURELY = math.log(10)
"""By how much the weakest of the joins that made a person must be above what linking asked for,
that the times of the person are learnt from."""

_SECOND = 1e6  # microseconds


@dataclass(frozen=True, eq=False)
class Transits:
    """What was learnt of a gallery: transits, those that are worth something; cameras: how many
    there are; persons: it was learnt from."""

    transits: tuple[Transit, ...]
    cameras: int
    persons: int

    def llrs(self, one: str, other: str, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Natural log-likelihood ratios of times from a passage by one camera to a passage by the
        other, as "SOURCE/CAMERA" (`signed_seconds`); 0 where nothing is known."""
        for transit in self.transits:
            if {one, other} == {*transit.cameras}:
                turned = seconds if transit.cameras[0] == one else -seconds
                found = transit.llrs[-1, -1, bins_of(turned)]
                return np.where(np.isnan(turned), 0.0, found)
        return np.zeros(seconds.shape)

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
        pairs = self.cameras * (self.cameras - 1) // 2
        if not self.transits:
            return (
                f"transit times say nothing: {self.persons:,} linked persons by {self.cameras} "
                f"cameras; two cameras need {FEWEST_PERSONS} persons that both saw, whose times "
                "differ from those of others"
            )
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
            f"transit times of {len(self.transits)} of {pairs} pairs of cameras say something, by "
            f"{self.persons:,} linked persons"
        )
        return "\n".join([said, *aligned(rows)])


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
    linked = np.unique(stays.passage, return_counts=True)[1]
    return Transits(learn_transits(times, known), len(known), int((linked > 1).sum()))
