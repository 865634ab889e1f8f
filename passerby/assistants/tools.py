"""What an assistant may ask of a gallery, answered as JSON can hold it.

Every answer says what its numbers are worth: likelihood ratios and probabilities only where a
calibration holds, and beside them what they are not. No answer tells a path of this machine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from passerby.assistants.asked_pictures import picture_bytes
from passerby.data.reading.cells import time_of
from passerby.evaluation.decisions.wording import support
from passerby.gallery.case.folders import last_part, without_folders
from passerby.gallery.listing import sightings_of
from passerby.gallery.paths.path import Path as PersonPath
from passerby.gallery.paths.path import Stay, path_of_sightings
from passerby.gallery.search.by_sighting import search_like
from passerby.gallery.search.matches import Match, Matches
from passerby.gallery.search.options import SearchOptions
from passerby.gallery.text_tables import time_text
from passerby.gallery.visitors.parts import Question
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings

if TYPE_CHECKING:
    from passerby.gallery.gallery import Gallery

MOST_PASSAGES = 200
"""In one answer."""

MOST_SIGHTINGS = 100_000
"""Among which passages are listed; a narrower time is asked for beyond."""

LIMITS = (
    "a likelihood ratio compares two pictures: so many times likelier is such a distance for one "
    "person than for two; it is not the probability that it is one person, and clothes count as "
    "much as bodies. Without a calibration there is none: a false-match rate is the share of pairs "
    "of two persons that are as near. Say neither as an identification"
)


@dataclass(frozen=True)
class Filter:
    """Which sightings are meant; "" and None: all. since, until: ISO 8601 with a zone."""

    camera: str = ""
    person: str = ""
    since: str = ""
    until: str = ""
    known: bool | None = None

    def where(self) -> Where:
        """Raises ValueError for a time without a zone, or that is none."""
        return Where(
            persons=(self.person,) if self.person else (),
            cameras=(self.camera,) if self.camera else (),
            since=time_of(self.since) if self.since else None,
            until=time_of(self.until) if self.until else None,
            known=self.known,
        )


class Tools:
    """Reading tools of one gallery; for one thread at a time.

    Args:
        gallery: that is asked.
        pictures: folder of files that may be asked with, None for none.
    """

    def __init__(self, gallery: Gallery, pictures: Path | None = None) -> None:
        self._gallery, self._pictures = gallery, pictures

    def overview(self) -> dict[str, Any]:
        """What the gallery holds."""
        found = self._gallery.show()
        return {
            "sightings": found.sightings,
            "cameras": found.cameras,
            "days": found.days,
            "persons": {name: n for name, n in found.persons.items() if name},
            "calibrated": bool(self._gallery.about.calibrations),
            "limits": LIMITS,
        }

    def search(
        self, picture: str, picture_base64: str, sighting: str, most: int, chosen: Filter
    ) -> dict[str, Any]:
        """Passages of those who are likest to a picture, or to a sighting."""
        options = SearchOptions(min(most, MOST_PASSAGES), chosen.where())
        if sighting:
            if picture or picture_base64:
                raise ValueError("expected a picture or a sighting, not both")
            return _found(self._by_sighting(sighting, options))
        image = picture_bytes(picture, picture_base64, self._pictures)
        return _found(self._gallery.search_with([image], options))

    def passages(self, chosen: Filter, most: int, skip: int) -> dict[str, Any]:
        """Passages in the order of time, so many after so many."""
        where = chosen.where()
        self._gallery.count(where)  # says which names are not known
        people = self._gallery.people
        count = people.count(where)
        if count > MOST_SIGHTINGS:
            raise ValueError(
                f"{count:,} sightings are more than {MOST_SIGHTINGS:,}: ask for a camera, a person "
                "or a shorter time"
            )
        if not count:
            return {"passages": [], "in_all": 0, "sightings": 0}
        rows = Sightings.joined([*people.read(where, with_vectors=False)])
        stays = path_of_sightings("all", rows).stays
        shown = stays[skip : skip + min(most, MOST_PASSAGES)]
        return {
            "passages": [_stay(stay) for stay in shown],
            "in_all": len(stays),
            "sightings": count,
        }

    def visitors(self, chosen: Filter, by: Literal["", "hour", "day", "camera"]) -> dict[str, Any]:
        """How many different persons were seen, with intervals of 95 %."""
        question = Question(chosen.where(), by or None, UTC)
        counted: dict[str, Any] = json.loads(self._gallery.visitors(question).to_json())
        return {**counted, "limits": "low to high holds the true number in 95 of 100 such counts"}

    def path(
        self, person: str, picture: str, picture_base64: str, chosen: Filter
    ) -> dict[str, Any]:
        """Which way a person went, named or shown."""
        if bool(person) == bool(picture or picture_base64):
            raise ValueError("expected a person by name, or a picture of one")
        if person:
            where = Filter(chosen.camera, person, chosen.since, chosen.until).where()
            return _path(self._gallery.path(where))
        image = picture_bytes(picture, picture_base64, self._pictures)
        return _path(self._gallery.path(chosen.where(), [image]))

    def _by_sighting(self, sighting: str, options: SearchOptions) -> Matches:
        found = sightings_of(self._gallery.store, [sighting])
        if found is None:
            raise ValueError(f"no sighting is {sighting[:80]!r}")
        return search_like(self._gallery, found, options)


def _found(found: Matches) -> dict[str, Any]:
    return {
        "passages": [_match(found, match) for match in found],
        "searched": found.searched,
        "answer": None if found.decision is None else str(found.decision),
        "not_in_the_gallery": None if found.posterior is None else found.posterior.absent,
        "prior_of_that": None if found.posterior is None else found.posterior.prior_absent,
        "notes": [without_folders(note) for note in found.notes],
        "limits": LIMITS,
    }


def _match(found: Matches, match: Match) -> dict[str, Any]:
    spread = match.llr_interval
    return {
        "rank": match.rank,
        **_seen(match.person, match.camera, match.source, match.first or match.time, match.last),
        "sightings": match.sightings,
        "sighting": match.sighting,
        "distance": round(match.distance, 6),
        "likelihood_ratio": None if match.llr is None else _ratio(match.llr),
        "likelihood_ratio_interval": spread and [_ratio(spread.low), _ratio(spread.high)],
        "support": None if match.llr is None else support(match.llr),
        "false_match_rate": match.false_match_rate,
        "probability": found.probability(match),
    }


def _path(path: PersonPath) -> dict[str, Any]:
    return {
        "passages": [
            {
                **_stay(stay),
                "likelihood_ratio": None if stay.llr is None else _ratio(stay.llr),
                "seconds_since_the_one_before": stay.seconds_before,
                "impossible": stay.impossible or None,
            }
            for stay in path.stays
        ],
        "notes": [without_folders(note) for note in path.notes],
        "limits": LIMITS,
    }


def _stay(stay: Stay) -> dict[str, Any]:
    return {
        **_seen(None, stay.camera, stay.source, stay.first, stay.last),
        "sightings": stay.sightings,
        "sighting": stay.sighting,
    }


def _seen(
    person: str | None, camera: str, source: str, first: datetime | None, last: datetime | None
) -> Mapping[str, Any]:
    who = {} if person is None else {"person": person or None}
    return {
        **who,
        "camera": camera or None,
        "source": last_part(source) or None,
        "from": time_text(first) or None,
        "to": time_text(last) or None,
    }


def _ratio(llr: float) -> float:
    return float(f"{math.exp(llr):.4g}")
