"""Persons held out of the train part, to choose by them without looking at the test parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from passerby.tables.records import JUNK, Record, Split


@dataclass(frozen=True)
class HoldOut:
    """train: the remaining records; query and gallery: those of the persons held out."""

    train: tuple[Record, ...]
    query: tuple[Record, ...]
    gallery: tuple[Record, ...]
    persons: tuple[tuple[str, int], ...]

    @property
    def tests(self) -> tuple[Split, ...]:
        """Query and gallery of each source: persons of two sources are not told apart by a test."""
        return tuple(
            Split(
                source,
                query=tuple(r for r in self.query if r.source == source),
                gallery=tuple(r for r in self.gallery if r.source == source),
            )
            for source in dict.fromkeys(r.source for r in self.query)
        )


def hold_out(records: Sequence[Record], persons: int, seed: int) -> HoldOut:
    """Hold out ``persons`` persons, drawn by seed among those that can be matched across cameras.

    Of each held-out person one image by each camera asks, and all others are searched; without
    cameras one image asks. The gallery also holds the query images, as the camera rule hides an
    image from itself; without cameras it does not. Of several sources each may have cameras or
    not. Raises ValueError when there are too few.
    """
    if persons == 0:
        return HoldOut(tuple(records), (), (), ())
    images = _by_person(records)
    fit = _fit(images)
    if len(fit) < persons or len(images) - persons < 2:
        raise ValueError(
            f"validation_persons={persons}, but only {len(fit)} of {len(images)} train persons "
            + ("were seen by two cameras" if _seen(records) else "have two images")
            + ": lower it with --set validation_persons=N (0 holds out none)"
        )
    random = np.random.default_rng([seed, 1])
    held = {fit[i] for i in random.choice(len(fit), persons, replace=False)}
    return _held(records, images, held, random)


def folds(
    records: Sequence[Record], count: int, seed: int, sources: Sequence[str] = ()
) -> tuple[HoldOut, ...]:
    """Divide the persons that can be matched across cameras into ``count`` held-out groups.

    Each is in one group, every group has its share of each source, and all other persons are in
    every train part; with ``sources`` so are the persons of all other sources, such as drawn ones
    that help to train and are no measure. Queries and gallery as of `hold_out`. Raises ValueError
    for fewer than two groups, or fewer such persons than groups.
    """
    images = _by_person(records)
    fit = [key for key in _fit(images) if not sources or key[0] in sources]
    if count < 2 or len(fit) < count:
        theirs = f"are of {' or '.join(sources)} and " if sources else ""
        raise ValueError(
            f"expected 2 to {len(fit)} folds, got {count}: {len(fit)} of {len(images)} train "
            f"persons {theirs}can be matched across cameras"
        )
    random = np.random.default_rng([seed, 11])
    shuffled = [fit[i] for i in random.permutation(len(fit))]
    dealt = sorted(shuffled, key=lambda key: key[0])  # stable: by source, shuffled within it
    return tuple(_held(records, images, {*dealt[n::count]}, random) for n in range(count))


def without_source(split: Split, source: str, seed: int) -> HoldOut:
    """Train on all sources but one, and test on all persons of that one, its test parts included.

    Queries and gallery as of `hold_out`. Raises ValueError when no person of it can be matched
    across cameras, or no other source is there.
    """
    records = [r for part in split.joined or (split,) for own in part.parts.values() for r in own]
    theirs = list({r.image: r for r in records if r.source == source}.values())
    rest = tuple(record for record in split.train if record.source != source)
    images = _by_person(theirs)
    fit = _fit(images)
    if not fit or not rest:
        raise ValueError(
            f"{source} cannot be left out: {len(fit)} of its persons can be matched across "
            f"cameras, and {len(rest)} images of other sources are there to train on"
        )
    random = np.random.default_rng([seed, 12])
    return replace(_held(theirs, images, {*fit}, random), train=rest)


def _by_person(records: Sequence[Record]) -> dict[tuple[str, int], list[Record]]:
    images: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in records:
        images[record.person_key].append(record)
    return images


def _fit(images: Mapping[tuple[str, int], list[Record]]) -> list[tuple[str, int]]:
    """Persons with images that can be matched: by two cameras, or two images without cameras."""
    return sorted(
        key
        for key, own in images.items()
        if key[1] != JUNK and (len({r.camera for r in own}) > 1 if _seen(own) else len(own) > 1)
    )


def _held(
    records: Sequence[Record],
    images: Mapping[tuple[str, int], list[Record]],
    held: Set[tuple[str, int]],
    random: np.random.Generator,
) -> HoldOut:
    query: list[Record] = []
    gallery: list[Record] = []
    for key in sorted(held):
        asking = _one_a_camera(images[key], random)
        query += asking
        own = images[key]
        gallery += own if _seen(own) else [r for r in own if r not in asking]
    train = tuple(r for r in records if r.person_key not in held)
    return HoldOut(train, tuple(query), tuple(gallery), tuple(sorted(held)))


def _seen(records: Sequence[Record]) -> bool:
    """Whether the cameras are known, which within a source is so for all images or for none."""
    return records[0].camera is not None


def _one_a_camera(images: Sequence[Record], random: np.random.Generator) -> list[Record]:
    by_camera: dict[int | None, list[Record]] = defaultdict(list)
    for record in images:
        by_camera[record.camera].append(record)
    return [own[int(random.integers(len(own)))] for own in by_camera.values()]
