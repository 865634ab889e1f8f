"""How images come into train, query and gallery: by folder, or by a rule when undivided."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from passerby.data.reading.listing import Listing, first_images, list_folder
from passerby.data.reading.name_pattern import NamePattern
from passerby.tables.records import JUNK, Record, Split


@dataclass(frozen=True)
class PartFolders:
    """The names of the folders that hold the three parts."""

    train: str = "bounding_box_train"
    query: str = "query"
    gallery: str = "bounding_box_test"

    @property
    def names(self) -> tuple[str, str, str]:
        """train, query, gallery."""
        return self.train, self.query, self.gallery

    def are_in(self, root: Path) -> bool:
        """Whether train is there, or query and gallery."""
        train, query, gallery = ((root / name).is_dir() for name in self.names)
        return train or (query and gallery)

    def some_names(self, root: Path) -> list[str]:
        """A few image names of every part."""
        return [image for name in self.names for image in first_images(root / name, 5)]


@dataclass(frozen=True)
class Parts:
    """The records of the three folders, with what was left out of them."""

    train: tuple[Record, ...]
    query: tuple[Record, ...]
    gallery: tuple[Record, ...]
    notes: tuple[str, ...] = field(default=())
    ignored: tuple[str, ...] = field(default=())


def read_parts(root: Path, folders: PartFolders, pattern: NamePattern, source: str) -> Parts:
    """Read the folders that there are.

    Raises ValueError when there is no image, query and gallery are not both there, names do not
    match, or some images have a camera and some have none.
    """
    listings = {
        name: list_folder(root / name)
        if (root / name).is_dir()
        else Listing(root / name, (), (), ())
        for name in folders.names
    }
    read = [pattern.records(listing, source) for listing in listings.values()]
    query, gallery = (bool(records) for records in read[1:])
    if query != gallery:
        empty = folders.gallery if query else folders.query
        other = folders.query if query else folders.gallery
        raise ValueError(
            f"{root / empty} has no images but {root / other} has: an evaluation needs both. "
            "Copy what is missing, or remove both to train only."
        )
    if not any(read):
        raise ValueError(f"no image in {', '.join(folders.names)} of {root}")
    require_cameras_of_all_or_none([record for records in read for record in records])
    parts = ("train", "query", "gallery")
    kept = [without_junk(part, records) for part, records in zip(parts, read, strict=True)]
    ignored = tuple(
        path
        for listing in listings.values()
        for path in (*listing.other_paths(), *(f"{listing.folder / f}/" for f in listing.folders))
    )
    train, queries, tested = (records for records, _ in kept)
    return Parts(train, queries, tested, tuple(note for _, note in kept if note), ignored)


def without_junk(part: str, records: Sequence[Record]) -> tuple[tuple[Record, ...], str]:
    """The records of a part without junk, which only the gallery keeps, and a note on what went."""
    kept = tuple(r for r in records if r.person != JUNK or part == "gallery")
    left = len(records) - len(kept)
    return kept, f"{left} images of person -1 (junk) are left out of {part}" if left else ""


def require_cameras_of_all_or_none(records: Sequence[Record]) -> None:
    """ValueError when some records have a camera and some have none."""
    without = [record.image for record in records if record.camera is None]
    if without and len(without) < len(records):
        raise ValueError(
            f"{len(without)} of {len(records)} images have no camera, the first is "
            f"{without[0]}: expected a camera for all or for none"
        )


@dataclass(frozen=True)
class Division:
    """How an undivided set is divided. train_share: the share of persons that train, 0 to 1.

    Which persons those are follows from their names alone (by a hash, so neither from their order
    nor from chance). The others are tested: the first image of every person and camera that has
    at least two is a query; a person without such a camera gives the first image, if there is
    another; all else is gallery. With train_share 0 all persons are tested, with 1 none.
    """

    train_share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.train_share <= 1:
            raise ValueError(f"train_share must be from 0 to 1, got {self.train_share!r}")

    def applied(
        self, split: Split, records: Sequence[Record], name_of: Callable[[int], str]
    ) -> Split:
        """The split with its parts filled. name_of: a person's lasting name, which is hashed."""
        persons = {record.person for record in records} - {JUNK}

        def rank(person: int) -> bytes:
            return hashlib.sha256(name_of(person).encode(errors="surrogatepass")).digest()

        ranked = sorted(persons, key=rank)
        chosen = frozenset(ranked[: round(self.train_share * len(ranked))])
        tested = [r for r in records if r.person not in chosen] if chosen != persons else []
        queries = _queries([record for record in tested if record.person != JUNK])
        note = (
            f"divided by rule (train_share={self.train_share:g}): {len(chosen)} persons train, "
            f"{len(persons) - len(chosen)} are tested, one query per person and camera"
        )
        return replace(
            split,
            train=tuple(record for record in records if record.person in chosen),
            query=tuple(record for record in tested if record.image in queries),
            gallery=tuple(record for record in tested if record.image not in queries),
            notes=(*split.notes, note),
        )


def _queries(records: Sequence[Record]) -> set[str]:
    """The images that become queries, by the rule of `Division`."""
    images: dict[int, dict[int | None, list[str]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        images[record.person][record.camera].append(record.image)
    queries = set()
    for cameras in images.values():
        firsts = [min(seen) for seen in cameras.values() if len(seen) > 1]
        if not firsts and len(cameras) > 1:
            firsts = [min(image for seen in cameras.values() for image in seen)]
        queries.update(firsts)
    return queries
