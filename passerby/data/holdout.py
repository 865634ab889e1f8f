"""Persons held out of the train part, to choose an epoch without looking at the test parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from passerby.data.records import JUNK, Record, Split


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
    images: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in records:
        images[record.source, record.person].append(record)
    fit = sorted(
        key
        for key, own in images.items()
        if key[1] != JUNK and (len({r.camera for r in own}) > 1 if _seen(own) else len(own) > 1)
    )
    if len(fit) < persons or len(images) - persons < 2:
        raise ValueError(
            f"validation_persons={persons}, but only {len(fit)} of {len(images)} train persons "
            + ("were seen by two cameras" if _seen(records) else "have two images")
            + ": lower it with --set validation_persons=N (0 holds out none)"
        )
    random = np.random.default_rng([seed, 1])
    held = {fit[i] for i in random.choice(len(fit), persons, replace=False)}
    query: list[Record] = []
    gallery: list[Record] = []
    for key in sorted(held):
        asking = _one_a_camera(images[key], random)
        query += asking
        own = images[key]
        gallery += own if _seen(own) else [r for r in own if r not in asking]
    train = tuple(r for r in records if (r.source, r.person) not in held)
    return HoldOut(train, tuple(query), tuple(gallery), tuple(sorted(held)))


def _seen(records: Sequence[Record]) -> bool:
    """Whether the cameras are known, which within a source is so for all images or for none."""
    return records[0].camera is not None


def _one_a_camera(images: Sequence[Record], random: np.random.Generator) -> list[Record]:
    by_camera: dict[int | None, list[Record]] = defaultdict(list)
    for record in images:
        by_camera[record.camera].append(record)
    return [own[int(random.integers(len(own)))] for own in by_camera.values()]
