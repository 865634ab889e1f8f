"""Records and splits: what every data set is read into, and all that the rest knows of data.

Person and camera numbers are kept as the data set has them, from the file name to the report:
renumbering cameras silently changes which pairs count (and has cost toolkits points of mAP).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

JUNK = -1
"""The person number of images that evaluation ignores (bad or partial boxes in Market-1501)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One image of one person by one camera, as a data set numbers them.

    Args:
        image: Path of the file.
        person: Number as the data set has it; −1 is junk.
        camera: Number as the data set has it, None when it is not known.
        source: The data set; numbers of different sources are unrelated.
        tracklet: Number of the tracklet.
        frame: Frame number within its video.
        time: When it was seen, with a zone.
        joints: Column, row and visibility of COCO's 17 joints one after the other, in pixels of the
            file's image; () where they are not known.

    Examples:
        >>> record = Record("0002_c1s1_000451_03.jpg", 2, 1, "market1501")
        >>> record.person_name
        'market1501/2'
    """

    image: str
    person: int
    camera: int | None
    source: str
    tracklet: int | None = None
    frame: int | None = None
    time: datetime | None = None
    joints: tuple[float, ...] = ()

    @property
    def person_key(self) -> tuple[str, int]:
        """(source, person): who it is among several data sets."""
        return self.source, self.person

    @property
    def camera_key(self) -> tuple[str, int | None]:
        """(source, camera): by what it was seen among several data sets."""
        return self.source, self.camera

    @property
    def person_name(self) -> str:
        """Who it is, as text."""
        return person_name(*self.person_key)


def person_name(source: str, person: int) -> str:
    """A person of a data set as one name: "source/number"."""
    return f"{source}/{person}"


@dataclass(frozen=True, slots=True)
class Crop:
    """One image and what is known of it in names; "" and None where it is not.

    image: path of the file; time: with a zone; until: of a passage, when it was seen last; frame:
    number within its video, which is no time; number and view: of person and camera as the data set
    numbers them, for evaluation; part: train, validation, query or gallery, "" where the set is not
    divided; joints: as of `Record`.
    """

    image: str
    person: str = ""
    camera: str = ""
    source: str = ""
    time: datetime | None = None
    frame: int | None = None
    tracklet: int | None = None
    quality: float | None = None
    number: int | None = None
    view: int | None = None
    part: str = ""
    until: datetime | None = None
    joints: tuple[float, ...] = ()


@dataclass(frozen=True)
class Split:
    """A data set in its parts.

    Args:
        source: Name of the data set.
        train: Records to train on.
        query: Images that are asked for.
        gallery: Images that are searched.
        validation: A part of its own to choose a checkpoint by, where the set has one.
        distractor: Person number that stands for "none of the test persons" (0 in Market-1501).
        separate_namespaces: Train and test persons are numbered independently (MSMT17), so that
            equal numbers are different persons.
        person_names: Of persons that the reader numbered; empty where the set has numbers itself.
        camera_names: Likewise of cameras.
        notes: Choices of the reader that change figures, printed and stored with the model.
        ignored: Files that are not images of the data set.
        joined: Splits whose train parts this one's is (`join_splits`); they keep their test parts.

    Examples:
        >>> split = Split("mine", gallery=(Record("a.jpg", 1, None, "mine"),))
        >>> list(split.parts), split.has_cameras
        (['gallery'], False)
    """

    source: str
    train: tuple[Record, ...] = ()
    query: tuple[Record, ...] = ()
    gallery: tuple[Record, ...] = ()
    validation: tuple[Record, ...] = ()
    distractor: int | None = None
    separate_namespaces: bool = False
    person_names: Mapping[int, str] = field(default_factory=dict)
    camera_names: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    joined: tuple[Split, ...] = ()

    @property
    def parts(self) -> dict[str, tuple[Record, ...]]:
        """The parts that hold images, by name."""
        named = {
            "train": self.train,
            "validation": self.validation,
            "query": self.query,
            "gallery": self.gallery,
        }
        return {name: records for name, records in named.items() if records}

    @property
    def has_cameras(self) -> bool:
        """Whether the images carry camera numbers (readers refuse sets where only some do)."""
        if self.joined:
            return all(split.has_cameras for split in self.joined)
        return all(r.camera is not None for part in self.parts.values() for r in part[:1])

    @property
    def fingerprint(self) -> str:
        """Tells train parts apart by file names, persons and cameras, not by pixels or place."""
        if self.joined:
            return _hashed(f"{split.source} {split.fingerprint}" for split in self.joined)
        return _hashed(map(_listed, self.train))

    @property
    def test_fingerprint(self) -> str:
        """Tells test parts apart, query and gallery, in the same way."""
        return _hashed((*map(_listed, self.query), "gallery", *map(_listed, self.gallery)))

    def without(self, images: frozenset[str]) -> Split:
        """The same split less some images (set aside because they cannot be read)."""
        kept = {
            name: tuple(r for r in records if r.image not in images)
            for name, records in self.parts.items()
        }
        joined = tuple(split.without(images) for split in self.joined)
        return replace(self, joined=joined, **kept)  # type: ignore[arg-type]

    def of_source(self, source: str) -> Split:
        """The same split under another name, in itself and in its records."""
        renamed = {
            name: tuple(replace(r, source=source) for r in records)
            for name, records in self.parts.items()
        }
        return replace(self, source=source, **renamed)  # type: ignore[arg-type]


def _listed(record: Record) -> str:
    return f"{os.path.basename(record.image)} {record.person} {record.camera}"


def _hashed(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def persons_of(records: tuple[Record, ...]) -> set[int]:
    """The person numbers that occur."""
    return {record.person for record in records}
