"""What a gallery is of: one model, its preprocessing and its calibration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from passerby.process.json_files import parse_object, read_value

FORMAT = 1


@dataclass(frozen=True)
class Answer:
    """What a person said of two sightings (ids, the lesser first).

    same: of one person or of two, None where it could not be said; labelled: the pair was chosen
    whatever its distance, and not asked about because of it.
    """

    first: str
    second: str
    same: bool | None
    labelled: bool = False

    def __post_init__(self) -> None:
        if not self.first < self.second:
            raise ValueError(
                "an answer is of two sightings, the lesser id first, got "
                f"{self.first!r} and {self.second!r}"
            )


@dataclass(frozen=True)
class Alert:
    """Somebody to be told of whenever a camera sees them (`gallery.alerts`).

    name: its own in the gallery; id: 32 hexadecimal digits; vectors: R reference images, float32
    [R, D] of length 1, in base 64; images: their file names; a_week: false alarms at most;
    traffic: passages a week to reckon with while too few have times, 0 where not stated; person:
    whose passages in the gallery are no strangers', "" for nobody's; elsewhere: no camera of the
    gallery took the images; to: where hits go, passwords left out; with_picture: hits carry a
    small JPEG; paused: nobody is told; created: when, ISO 8601 in UTC; confirmed: ids of sightings
    that people said are of them.
    """

    name: str
    id: str
    vectors: str
    images: tuple[str, ...]
    a_week: float
    traffic: float = 0.0
    person: str = ""
    elsewhere: bool = False
    to: tuple[str, ...] = ()
    with_picture: bool = False
    paused: bool = False
    created: str = ""
    confirmed: tuple[str, ...] = ()


@dataclass(frozen=True)
class OptOut:
    """Somebody who was forgotten on request and is not enrolled again (`stores.opting_out`).

    id: 16 hexadecimal digits, by chance; model, pooling: of the vector, and what it holds for;
    vector: float16 [D], pooled from what was forgotten, in base 64; coherence: of what it was
    pooled from; pictures: digests of the ids of these, in base 64; distance: below which a sighting
    is refused, None where pictures alone are; false_match_rate: share of other persons' sightings
    that is refused with it, and basis: how that is known; share: of the person's own that
    is refused, as the calibration says, None where it does not; created: when, ISO 8601 in UTC;
    refused: how many sightings were.
    """

    id: str
    model: str
    pooling: str
    vector: str
    coherence: float
    pictures: str
    distance: float | None
    false_match_rate: float | None
    basis: str
    share: float | None = None
    created: str = ""
    refused: int = 0


@dataclass(frozen=True)
class About:
    """Stored with a gallery, so that no other model's embeddings come into it.

    model: fingerprint of the network; pooling: how an image becomes a vector ("plain", "flip",
    ...); dimensions: D; name and place: of the model, to open it again; input: its preprocessing;
    calibrations: of distances in this gallery, by kind ("single", "pooled"), as calibration.json
    has them; brought: those that lay beside the model, learnt wherever that was; answers: of whom
    pairs of its sightings are, as people said; adapted: what was learnt of its sightings
    (`gallery.adapted`), in base 64, "" for nothing; set_aside: calibrations of the distances
    without it, while there is something; alerts: persons to be told of; opt_outs: who is not
    enrolled again; decisions: of people about who is who, that hold (`gallery.ledger`);
    not_persons: sightings that are none, as they said; created: when, ISO 8601 in UTC; format: of
    the gallery.
    """

    model: str
    pooling: str
    dimensions: int
    name: str = ""
    place: str = ""
    input: Mapping[str, object] = field(default_factory=dict)
    calibrations: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    brought: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    created: str = ""
    adapted: str = ""
    set_aside: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    alerts: tuple[Alert, ...] = ()
    decisions: int = 0
    not_persons: int = 0
    opt_outs: tuple[OptOut, ...] = ()
    format: int = FORMAT

    def to_json(self) -> str:
        """As text that `from_json` reads."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> About:
        """Read what `to_json` wrote. Raises ValueError for anything else or a newer format."""
        content = parse_object(text, "the gallery's description is damaged", FORMAT)
        about: About = read_value(cls, content, "the gallery's description")
        return about
