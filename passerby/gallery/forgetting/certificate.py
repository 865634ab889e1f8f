"""The certificate of a removal: what is gone, when, by whom, and what this program cannot reach.

It names sightings by their ids, which are hashes of pictures: who has a picture can tell whether it
was among them, and nobody else can tell anything. It holds no picture and no vector.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from passerby.process.json_files import parse_object
from passerby.process.spelling import count_of

FORMAT = 1
_SEALED = "sha256"


@dataclass(frozen=True)
class Gone:
    """What was in the sightings that are gone. vector_bytes: of embeddings and looks;
    picture_bytes: of the JPEGs that the gallery kept; first, last: when they were seen, "" where
    not known."""

    sightings: int
    vector_bytes: int
    picture_bytes: int
    cameras: dict[str, int]
    first: str
    last: str


@dataclass(frozen=True)
class Compaction:
    """As `stores.Erased`."""

    bytes_before: int | None
    bytes_after: int | None
    meaning: str


@dataclass(frozen=True)
class OptedOut:
    """The entry of the opt-out list that was made: see `opting_out`."""

    id: str
    distance: float | None
    false_match_rate: float | None
    basis: str


@dataclass(frozen=True)
class Remains:
    """Something outside, or of another kind, that may still be of the person. what: in short; said:
    what it is and what to do; count: of it, None where it cannot be known from here."""

    what: str
    said: str
    count: int | None = None


@dataclass(frozen=True)
class Certificate:
    """A removal, certified.

    made: when, ISO 8601 in UTC; by, reason: in their words; gallery, model: of which (its name, and
    the model's fingerprint); removed: ids of sightings that were there and no longer are;
    not_there: ids that were asked for and were gone already; gone: what was in them; checked: how
    many of the ids are found now (0); compaction; relearnt: whether what the gallery learnt of its
    cameras was learnt anew without them; alerts: names of those removed; opted_out: the entry that
    was made, None for none; still_there: ids of sightings like the person that were not among those
    to go, as they came meanwhile; remains: what this does not reach.
    """

    made: str
    version: str
    by: str
    reason: str
    gallery: str
    model: str
    removed: tuple[str, ...]
    not_there: tuple[str, ...]
    gone: Gone
    checked: int
    compaction: Compaction
    relearnt: bool
    alerts: tuple[str, ...]
    opted_out: OptedOut | None
    still_there: tuple[str, ...]
    remains: tuple[Remains, ...]

    def to_json(self) -> str:
        """With its own SHA-256 as the last field."""
        content: dict[str, object] = {"format": FORMAT, "kind": "removal", **asdict(self)}
        return json.dumps({**content, _SEALED: _digest(content)}, indent=1) + "\n"

    @property
    def sha256(self) -> str:
        """Of all other fields, as they stand in the JSON text in order, without blanks."""
        return _digest({"format": FORMAT, "kind": "removal", **asdict(self)})

    def __str__(self) -> str:
        gone = self.gone
        cameras = ", ".join(f"{name or 'not known'}: {n}" for name, n in gone.cameras.items())
        seen = f", seen {gone.first} to {gone.last}" if gone.first else ""
        lines = [
            f"certificate of removal, {self.made}, by {self.by}: {self.reason}",
            f"{count_of(gone.sightings, 'sighting')} removed ({cameras}){seen}: "
            f"{gone.vector_bytes:,} bytes of vectors, {gone.picture_bytes:,} of pictures",
            f"{self.checked} of them are found now; {self.compaction.meaning}",
        ]
        if self.not_there:
            lines.append(f"{len(self.not_there)} that were asked for were gone already")
        if self.alerts:
            lines.append(f"alerts removed with their images' vectors: {', '.join(self.alerts)}")
        if self.relearnt:
            lines.append("what the gallery had learnt of its cameras was learnt anew without them")
        if self.opted_out is not None:
            lines.append(f"opt-out {self.opted_out.id}: {self.opted_out.basis}")
        if self.still_there:
            like = count_of(len(self.still_there), "sighting")
            lines.append(
                f"STILL THERE: {like} like the person, come meanwhile or not chosen: look at them"
            )
        lines.append("not reached by this:")
        for one in self.remains:
            count = "" if one.count is None else f" ({one.count:,})"
            lines.append(f"  {one.what}{count}: {one.said}")
        return "\n".join([*lines, f"SHA-256 of this certificate: {self.sha256}"])


def is_unchanged(text: str | bytes) -> bool:
    """Whether a certificate's JSON is as it was made. That nobody made another shows only in
    the number itself, kept elsewhere.

    Raises:
        ValueError: It is no certificate.
    """
    content = parse_object(text, "this is no certificate of a removal")
    if content.get("kind") != "removal" or not isinstance(content.get(_SEALED), str):
        raise ValueError("this is no certificate of a removal: it has no kind or no sha256")
    said = content.pop(_SEALED)
    return said == _digest(content)


def _digest(content: dict[str, object]) -> str:
    plain = json.dumps(content, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(plain.encode()).hexdigest()
