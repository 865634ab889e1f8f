"""Crops: images of persons that are to be embedded, from files, folders, data sets and tables."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Literal, get_args

from passerby.data.datasets.market1501 import DEFAULT_PATTERN
from passerby.data.datasets.table import COLUMNS, Table, crop_of, session_tracklet
from passerby.data.reading.cautions import cautions
from passerby.data.reading.listing import Listing, examples, list_tree, path_given
from passerby.data.reading.name_pattern import NamePattern, all_match
from passerby.data.reading.name_spellings import (
    camera_spellings,
    first_places,
    person_spellings,
    spelling_note,
)
from passerby.data.reading.reader import known_layout, open_reader
from passerby.data.reading.table_rows import TABLE_SUFFIXES, Row, read_rows
from passerby.process.spelling import count_of
from passerby.tables.records import JUNK, Crop, Record, Split

Part = Literal["all", "train", "validation", "query", "gallery", "test"]

_NAMED = re.compile(r"(?:\w[\w.-]+:)?\w[\w-]*(?:\(.*\))?=.+")  # [NAME:]KIND=ROOT


@dataclass(frozen=True)
class Labels:
    """What is said of all crops at once, and how their names are read.

    person, camera, source, time: of every crop, whatever its input says; session: the video or run
    of a tracker that tracklets are numbered in, see `session_tracklet`; zone: of times in tables
    that state none; names: "auto" reads file names that are all like Market-1501's, "none" reads
    none, anything else is a regular expression with the groups person, camera, frame, tracklet;
    part: of a data set.
    """

    person: str = ""
    camera: str = ""
    source: str = ""
    time: datetime | None = None
    zone: tzinfo | None = None
    names: str = "auto"
    part: Part = "all"
    session: str = ""

    def __post_init__(self) -> None:
        if self.time is not None and self.time.tzinfo is None:
            raise ValueError(
                f"the time {self.time.isoformat()} has no zone: add Z or an offset, such as "
                "2024-05-01T08:30:00+02:00"
            )
        if self.part not in get_args(Part):
            raise ValueError(f"part must be one of {', '.join(get_args(Part))}, got {self.part!r}")

    def of(self, crop: Crop) -> Crop:
        """A crop with what is said of all."""
        said = {name: getattr(self, name) for name in ("person", "camera", "source", "time")}
        given = {name: value for name, value in said.items() if value}
        if self.person:  # a number that evaluation would take for someone else
            given["number"] = None
        if self.camera:
            given["view"] = None
        if self.session and crop.tracklet is not None:
            given["tracklet"] = session_tracklet(self.session, crop.tracklet)
        return replace(crop, **given) if given else crop


@dataclass(frozen=True)
class Crops:
    """crops: each image once, in the order of the inputs; notes: what was decided in reading."""

    crops: tuple[Crop, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Found:
    crops: list[Crop] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def content_id(data: bytes) -> str:
    """What tells images apart: 32 hexadecimal digits, BLAKE2b-128 of the file's content.

    >>> content_id(b"")
    'cae66941d9efbd404e4d88758ea67670'
    """
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def read_crops(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    labels: Labels = Labels(),
) -> Crops:
    """The crops of images, folders (with all below them), tables and data sets ([KIND=]ROOT).

    A folder in the layout of a published data set is read as that; file names like Market-1501's
    tell person, camera and frame. The images are not opened. Raises ValueError for what does not
    exist, a table with broken rows or with times without a zone, and when there is no image at all.
    """
    listed = [inputs] if isinstance(inputs, str | os.PathLike) else inputs
    texts = [os.fspath(given) for given in listed]
    found = _Found()
    for given in texts:
        _read_one(given, labels, found)
    each = [labels.of(crop) for crop in {crop.image: crop for crop in found.crops}.values()]
    crops = _in_one_spelling(each, found)
    if not crops:
        raise ValueError(f"no image in {examples(texts)}; {'; '.join(found.notes)}".rstrip("; "))
    return Crops(crops, tuple(found.notes))


def _in_one_spelling(crops: Sequence[Crop], found: _Found) -> tuple[Crop, ...]:
    """The crops with one spelling of each name of a source; nobody has none.

    Raises:
        ValueError: Two names may be one person or one camera.
    """
    by_source: dict[str, list[Crop]] = {}
    for crop in crops:
        by_source.setdefault(crop.source, []).append(crop)
    spelled: dict[str, Crop] = {}
    for own in by_source.values():
        # Persons with numbers are of a data set, whose reader has seen to it.
        persons = person_spellings(
            first_places((c.person, c.image) for c in own if c.number is None)
        )
        cameras = camera_spellings(first_places((c.camera, c.image) for c in own if c.camera))
        found.notes += filter(None, [spelling_note(cameras)])
        for crop in own:
            person = persons[crop.person] if crop.number is None else crop.person
            camera = cameras.get(crop.camera, "")
            spelled[crop.image] = replace(crop, person=person, camera=camera)
    return tuple(spelled[crop.image] for crop in crops)


def _read_one(given: str, labels: Labels, found: _Found) -> None:
    path = path_given(given)
    if not os.path.exists(path) and _NAMED.fullmatch(given):
        _read_named(given, labels, found)
    elif os.path.isdir(path):
        _read_folder(path, labels, found)
    elif path.suffix.lower() in TABLE_SUFFIXES:
        _read_table(path, path.absolute().parent, labels, found)
    elif path.suffix.lower() == ".npz":
        raise ValueError(f"{path} holds embeddings, not images: passerby gallery add takes it")
    elif not os.path.lexists(path):
        raise ValueError(f"no such file or folder: {path}")
    else:
        found.crops.append(Crop(os.path.abspath(path)))


def _read_named(given: str, labels: Labels, found: _Found) -> None:
    reader, located = open_reader(given)
    if isinstance(reader, Table):
        _read_table(located, reader.images_folder(located).absolute(), labels, found)
        return
    split = reader.read(located)
    _add_split(split, located, labels.part, found)


def _read_folder(folder: Path, labels: Labels, found: _Found) -> None:
    known = known_layout(folder) if labels.names == "auto" else None
    # A data set further below is read with all else that lies there: nothing is passed over.
    if known is not None and not _is_below(known[1], folder):
        reader, located = known
        found.notes.append(f"{folder} is read as {type(reader).__name__}, from {located}")
        # One folder of a data set, as its gallery: read with the others, for what numbers mean.
        below = "" if _same(located, folder) else str(folder)
        _add_split(reader.read(located), located, labels.part, found, below)
        return
    listings = list(list_tree(folder))
    others = [path for listing in listings for path in listing.other_paths()]
    if others:
        found.notes.append(
            f"{count_of(len(others), 'file is no image', 'files are no images')}: "
            f"{examples(others)}"
        )
    source = labels.source or folder.absolute().name
    pattern = _pattern(labels.names, listings, found)
    depths = {len(each.folder.relative_to(folder).parts) for each in listings if each.images}
    if pattern is None and not labels.person and depths and depths <= {1, 2}:
        found.notes.append(
            f"persons are not read from the names of folders; where each folder in {folder} is a "
            f"person, give folder={folder}"
        )
    for listing in listings:
        if pattern is None:
            prefix = os.path.join(os.path.abspath(listing.folder), "")
            found.crops += [Crop(prefix + name) for name in listing.images]
        elif listing.images:
            records = pattern.records(listing, source)
            found.crops += [_of_record(r, "" if r.person <= 0 else r.person_name) for r in records]


def _pattern(names: str, listings: Sequence[Listing], found: _Found) -> NamePattern | None:
    """How file names are read, if they are."""
    if names == "none":
        return None
    if names != "auto":
        return NamePattern.of(names)
    pattern = NamePattern.of(DEFAULT_PATTERN)
    if not all_match([n for listing in listings for n in listing.images], pattern.expression):
        return None
    found.notes.append(
        "file names are read as Market-1501's: person, camera, frame; persons 0 and -1 are nobody "
        'known (names="none" reads nothing from them)'
    )
    return pattern


def _add_split(split: Split, located: Path, part: Part, found: _Found, below: str = "") -> None:
    """The images of a data set's part; with ``below`` only those in that folder."""
    parts = split.parts
    wanted = {"all": tuple(parts), "test": ("query", "gallery")}.get(part, (part,))
    chosen = [(name, record) for name in wanted for record in parts.get(name, ())]
    if not chosen:
        held = ", ".join(parts) or "nothing"
        raise ValueError(f"{located} has no images in its part {part}: it holds {held}")
    inner = os.path.join(os.path.abspath(below), "") if below else ""
    nobody = {JUNK, split.distractor}
    for name, record in chosen:
        crop = _of_record(record, "" if record.person in nobody else _named(record, split, name))
        if not crop.image.startswith(inner):
            continue
        if split.person_names:  # numbers that the reader made mean nothing beside another set
            crop = replace(crop, number=None)
        if record.camera is not None and split.camera_names:
            crop = replace(crop, camera=split.camera_names[record.camera])
        found.crops.append(crop)
    found.notes += [*split.notes, *cautions(split)]


def _named(record: Record, split: Split, part: str) -> str:
    if split.separate_namespaces and part in ("train", "validation"):
        return f"{record.source}/train/{record.person}"  # another person than that of the test
    return split.person_names.get(record.person, "") or record.person_name


def _of_record(record: Record, person: str) -> Crop:
    return Crop(
        os.path.abspath(record.image),
        person,
        "" if record.camera is None else str(record.camera),
        record.source,
        record.time,
        record.frame,
        record.tracklet,
        number=record.person,
        view=record.camera,
    )


def _read_table(path: Path, folder: Path, labels: Labels, found: _Found) -> None:
    """The rows of a table."""

    def crop_at(place: str, row: Row) -> Crop:
        del place
        told = {**row, "time": None, "until": None} if labels.time else row
        return crop_of(told, folder, labels.zone)

    try:
        crops, notes = read_rows(path, COLUMNS, ("image",), crop_at)
    except ValueError as error:
        zone = "\nIf one zone holds for all of them, name it: --zone Europe/Berlin"
        raise ValueError(f"{error}{zone if 'has no zone' in str(error) else ''}") from None
    parts = {"test": ("query", "gallery")}.get(labels.part, (labels.part,))
    chosen = [crop for crop in crops if labels.part == "all" or crop.part in parts]
    found.crops += [replace(crop, image=os.path.abspath(crop.image), part="") for crop in chosen]
    found.notes += notes


def _is_below(one: Path, other: Path) -> bool:
    return not _same(one, other) and Path(os.path.realpath(one)).is_relative_to(
        os.path.realpath(other)
    )


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)
