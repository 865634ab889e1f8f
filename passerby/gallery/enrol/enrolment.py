"""Enrolment: crops and saved embeddings become sightings, each once, acknowledged in batches."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from passerby.data.crops import Labels
from passerby.data.datasets.table import session_tracklet
from passerby.data.images import UnreadableImage
from passerby.embedding.embedder import Embedder
from passerby.embedding.loading import LoadedImage, hash_image, load_image, prefetched
from passerby.gallery.binding import (
    require_matching_embedder,
    require_matching_embeddings,
    require_single_vectors,
    vector_id,
)
from passerby.gallery.enrol.thumbnails import thumbnail
from passerby.process.interruption import Stopped, StopRequest
from passerby.process.reporting import Advance, progress
from passerby.process.spelling import count_of
from passerby.stores import Store, Written
from passerby.tables.columns import COHERENCES, IDS, SIGHTING_COLUMNS
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where, moment
from passerby.tables.keys import person_names
from passerby.tables.records import Crop
from passerby.tables.sightings import NOT_A_PERSON, Sightings, with_columns
from passerby.tables.unit_length import unit

_LOOKED_UP = 512  # images asked for at once, whether they are there already


@dataclass(frozen=True)
class Enrolled:
    """What came of adding: added, replaced, present and refused as `Written`; set_aside: images
    that could not be read, with the reason; timeless: of the new sightings, those whose time is not
    known; notes: what was decided in reading the inputs."""

    added: int = 0
    replaced: int = 0
    present: int = 0
    timeless: int = 0
    set_aside: tuple[UnreadableImage, ...] = ()
    notes: tuple[str, ...] = ()
    refused: int = 0

    def __str__(self) -> str:
        parts = [f"{count_of(self.added, 'sighting')} added", f"{self.present} were there already"]
        if self.replaced:
            parts.insert(1, f"{self.replaced} replaced")
        if self.refused:
            parts.append(f"{self.refused} refused by the opt-out list")
        if self.set_aside:
            parts.append(
                f"{count_of(len(self.set_aside), 'image')} cannot be read: {self.set_aside[0].path}"
            )
        if self.timeless:
            parts.append(f"{self.timeless} of the new ones without a time")
        return ", ".join(parts)


@dataclass(frozen=True)
class Pace:
    """When waiting sightings are written: at ``least`` that many some ``seconds`` after the last
    write, and at ``most`` that many. Engines slow down with many small writes."""

    least: int = 512
    most: int = 4096
    seconds: float = 5.0

    def is_full(self, waiting: int, passed: float) -> bool:
        """Whether it is time to write."""
        return waiting >= self.most or (waiting >= self.least and passed >= self.seconds)


class Acknowledged:
    """Sightings on their way into a store: kept until a batch is full, counted once on disk.

    total: inputs in all; pace: when a batch is full.
    """

    def __init__(
        self, store: Store, total: int, pace: Pace, replace: bool, advance: Advance
    ) -> None:
        self._store, self._total, self._pace, self._replace = store, total, pace, replace
        self._advance = advance
        self._written = time.monotonic()
        self._waiting: list[Sightings] = []
        self._done = 0
        self._passed = 0
        self.counted = Enrolled()

    def take(self, new: Sightings | None, passed: int) -> None:
        """Take over new sightings; passed: inputs that are dealt with by them, known ones too."""
        if new is not None and len(new):
            self._waiting.append(new)
        self._passed += passed
        if self._pace.is_full(sum(map(len, self._waiting)), time.monotonic() - self._written):
            self.flush()
        elif not self._waiting:
            self._report()

    def flush(self) -> None:
        """Write what waits; only then it is said to be done."""
        if self._waiting:
            new = Sightings.joined(self._waiting)
            self._waiting = []
            written = self._store.write(new, replace=self._replace)
            self._written = time.monotonic()
            self._count(written, int(np.isnat(new.times).sum()))
        self._report()

    def stop_if_requested(self, stop: StopRequest) -> None:
        """Write what waits and raise Stopped, if that was asked for."""
        if stop.number:
            self.flush()
            raise Stopped(
                f"stopped; kept so far: {self.counted}. The same command goes on", stop.number
            )

    def skip(self, count: int) -> None:
        """Count sightings that were there already."""
        self._count(Written(0, 0, count), 0)

    def refuse(self, count: int) -> None:
        """Count sightings that the opt-out list keeps out before they were made."""
        if count:
            self._count(Written(0, 0, 0, count), 0)

    def _count(self, written: Written, timeless: int) -> None:
        known = self.counted
        self.counted = Enrolled(
            known.added + written.added,
            known.replaced + written.replaced,
            known.present + written.present,
            known.timeless + min(timeless, written.added + written.replaced),
            refused=known.refused + written.refused,
        )

    def _report(self) -> None:
        self._done += self._passed
        self._passed = 0
        self._advance(self._done, self._total)


def enrol_crops(
    store: Store,
    embedder: Embedder,
    crops: Sequence[Crop],
    *,
    keep_thumbnails: bool = False,
    replace: bool = False,
    pace: Pace = Pace(),
) -> Enrolled:
    """Embed crops and add them; those whose content is there already are not embedded again.

    The same content twice is one sighting: the one in the gallery stays, of several new ones the
    first counts; with ``replace`` the new one takes its place. Images that cannot be read are set
    aside. Sightings are written at the given pace, and progress counts those on disk:
    after a kill the same call goes on where that was. Raises ValueError when the
    embedder is not the gallery's or not one image can be read, Stopped after Ctrl-C or SIGTERM,
    with everything embedded so far written.
    """
    require_matching_embedder(store.about, embedder)
    require_single_vectors(embedder)
    require_persons(crop.person for crop in crops)
    set_aside: list[UnreadableImage] = []
    with progress("adding") as advance, StopRequest() as stop:
        way = Acknowledged(store, len(crops), pace, replace, advance)
        for new, passed in _unknown(store, crops, replace, way, set_aside):
            for vectors, chunk in _embedded(embedder, new, keep_thumbnails, set_aside):
                way.take(_sightings(chunk, vectors), 0)
                way.stop_if_requested(stop)
            way.take(None, passed)
            way.stop_if_requested(stop)
        way.flush()
    if len(set_aside) == len(crops):
        raise ValueError(
            f"none of {count_of(len(crops), 'image')} can be read; the first: {set_aside[0]}"
        )
    return _finished(way.counted, set_aside)


def enrol_embeddings(
    store: Store,
    batches: Iterable[Embeddings],
    total: int,
    labels: Labels = Labels(),  # noqa: B008 - frozen
    *,
    replace: bool = False,
) -> Enrolled:
    """Add saved embeddings, batch by batch, each acknowledged when it is on disk.

    Their ids are the hashes of the images where these are known, else of the vectors. labels: what
    is said of all. Raises ValueError when they are not of the gallery's model.
    """
    with progress("adding") as advance, StopRequest() as stop:
        way = Acknowledged(store, total, Pace(1, 1), replace, advance)
        for part in batches:
            require_matching_embeddings(store.about, part)
            made = _labelled(sightings_of(part), labels)
            require_persons(made.persons.tolist())
            way.take(made, len(part))
            way.stop_if_requested(stop)
    return way.counted


def require_persons(names: Iterable[str]) -> None:
    """Refuse the word by which galleries know what was set aside: nobody would have decided it, and
    nothing could take it back. Raises ValueError."""
    if NOT_A_PERSON in names:
        raise ValueError(
            f"{NOT_A_PERSON!r} is no name of a person: add the sightings without, and set them "
            "aside (passerby gallery person not-a-person)"
        )


def sightings_of(part: Embeddings) -> Sightings:
    """Embeddings as sightings; persons −1 and cameras below 0 are not known."""
    ids = part.hashes
    if ids is None:
        ids = np.array([vector_id(vector, part.model) for vector in part.vectors], np.str_)
    persons = part.named_persons
    if persons is None:
        persons = np.where(part.persons < 0, "", person_names(part))
    cameras = part.named_cameras
    if cameras is None and part.cameras is not None:
        cameras = np.where(part.cameras < 0, "", part.cameras.astype(np.str_))
    return Sightings(
        ids,
        unit(part.vectors),
        persons=persons,
        cameras=cameras,
        sources=part.sources,
        times=part.times,
        frames=part.frames,
        tracklets=part.tracklets,
        qualities=part.qualities,
        images=part.images,
        untils=part.untils,
    )


def _unknown(
    store: Store,
    crops: Sequence[Crop],
    replace: bool,
    way: Acknowledged,
    set_aside: list[UnreadableImage],
) -> Iterator[tuple[list[Crop], int]]:
    """The crops that are to be embedded, by hundreds, with how many were looked at for them."""
    slices = (crops[start : start + _LOOKED_UP] for start in range(0, len(crops), _LOOKED_UP))
    for chunk, hashes in prefetched(slices, lambda crop: hash_image(crop.image)):
        firsts: dict[str, Crop] = {}
        for crop, found in zip(chunk, hashes, strict=True):
            if isinstance(found, UnreadableImage):
                set_aside.append(found)
            elif found in firsts:
                way.skip(1)
            else:
                firsts[found] = crop
        if not replace and firsts:
            for part in store.read(Where(ids=tuple(firsts)), with_vectors=False):
                for known in part.ids.tolist():
                    way.skip(1)
                    del firsts[known]
        yield list(firsts.values()), len(chunk)


def _embedded(
    embedder: Embedder,
    crops: Sequence[Crop],
    keep_thumbnails: bool,
    set_aside: list[UnreadableImage],
) -> Iterator[tuple[np.ndarray, list[tuple[Crop, LoadedImage]]]]:
    small = thumbnail if keep_thumbnails else None
    size = embedder.batch_size
    chunks = (crops[start : start + size] for start in range(0, len(crops), size))
    loaded = prefetched(chunks, lambda crop: load_image(crop.image, embedder.input, small))
    for chunk, images in loaded:
        set_aside += [image for image in images if isinstance(image, UnreadableImage)]
        pairs = [
            (crop, image)
            for crop, image in zip(chunk, images, strict=True)
            if isinstance(image, LoadedImage)
        ]
        if pairs:
            yield embedder.of_inputs([image.image for _, image in pairs]).embeddings, pairs


def _sightings(pairs: Sequence[tuple[Crop, LoadedImage]], vectors: np.ndarray) -> Sightings:
    crops, images = [crop for crop, _ in pairs], [image for _, image in pairs]
    known = [column for column in SIGHTING_COLUMNS if column not in (IDS, COHERENCES)]
    columns: dict[str, Any] = {column.name: column.of(crops) for column in known}
    return Sightings(
        [image.id for image in images],
        unit(vectors),
        thumbnails=[image.thumbnail for image in images],
        **columns,
    )


def _labelled(sightings: Sightings, labels: Labels) -> Sightings:
    """Sightings with what is said of all."""
    said = {"persons": labels.person, "cameras": labels.camera, "sources": labels.source}
    columns: dict[str, object] = {
        name: [text] * len(sightings) for name, text in said.items() if text
    }
    if labels.time is not None:
        columns["times"] = np.full(len(sightings), moment(labels.time))
        columns["untils"] = None
    if labels.session:
        columns["tracklets"] = [
            number if number < 0 else session_tracklet(labels.session, number)
            for number in sightings.tracklets.tolist()
        ]
    return with_columns(sightings, **columns) if columns else sightings


def _finished(counted: Enrolled, set_aside: Sequence[UnreadableImage]) -> Enrolled:
    return replace(counted, set_aside=tuple(set_aside))
