"""A gallery moved to another model: the enrolled images are embedded anew, into a new place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from passerby.data.images import UnreadableImage, decode_contents
from passerby.embedding.embedder import Embedder
from passerby.embedding.loading import LoadedImage, load_image, prefetched
from passerby.gallery.adapted import back_end_of
from passerby.gallery.adapting import adapt
from passerby.gallery.binding import describe
from passerby.gallery.enrol.enrolment import Acknowledged, Pace
from passerby.gallery.ledger.carrying import carry_ledger
from passerby.gallery.reviewed_pairs import carry_answers
from passerby.process.interruption import StopRequest
from passerby.process.reporting import progress
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.stores.about import About
from passerby.stores.opening import open_or_create_store
from passerby.tables.filters import Where
from passerby.tables.looks import pool
from passerby.tables.sightings import Sightings, with_columns
from passerby.tables.unit_length import unit

_LOOKED_UP = 512


@dataclass(frozen=True)
class Reembedded:
    """added: sightings in the new gallery; present: that were there from a call before; left_out:
    sightings whose image is gone, changed or cannot be read, with the reason; alerts: names of
    those left behind, whose images are not kept; refused: sightings that the opt-out list of the
    old gallery, or of the new one, keeps out; opt_outs: entries that went along, of which only the
    digests of pictures hold for the new model."""

    added: int
    present: int
    left_out: tuple[UnreadableImage, ...]
    alerts: tuple[str, ...] = ()
    refused: int = 0
    opt_outs: int = 0

    def __str__(self) -> str:
        text = (
            f"{count_of(self.added, 'sighting')} embedded anew, {self.present} were there already"
        )
        if self.left_out:
            text += f"; {len(self.left_out)} left out, the first: {self.left_out[0]}"
        if self.alerts:
            text += (
                f"\nalerts are of the model and stay behind: {', '.join(self.alerts)} (passerby "
                "gallery alert add, with the images again)"
            )
        if self.refused:
            text += f"\n{self.refused} refused by the opt-out list"
        if self.opt_outs:
            text += (
                f"\nof the opt-out list {count_of(self.opt_outs, 'entry is', 'entries are')} of "
                "the old model: here they refuse the very pictures that were forgotten, and nobody "
                "by looks, before they are made anew (passerby gallery opt-out add)"
            )
        return text


def reembed(
    store: Store,
    embedder: Embedder,
    place: str | os.PathLike[str],
    *,
    trust_paths: bool = False,
    pace: Pace = Pace(),  # noqa: B008 - frozen
) -> Reembedded:
    """Make a gallery of another model at a new place, from the images that sightings refer to.

    Passages that are one sighting are embedded from the pictures that are kept of them, which are
    their looks from then on. Persons, cameras, times, thumbnails, the answers about pairs and all
    that people decided are kept, and where the gallery was adapted the new one is, to the new
    vectors; a thumbnail is never embedded, as its vector would not be the image's. A file that is
    not the one that was enrolled is left out, unless ``trust_paths`` (needed where ids are not
    those of files, as after adding vectors alone). Called again it goes on where it was stopped.
    Raises ValueError when another gallery is there."""
    target = _target(embedder, place, store)
    left_out: list[UnreadableImage] = []
    try:
        with progress("embedding") as advance, StopRequest() as stop:
            way = Acknowledged(target, store.count(), pace, False, advance)
            carried = _carry_opt_outs(store, target)
            for waiting, passed in _missing(store, target, way):
                stays = np.array([looks is not None for looks in waiting.looks], bool)
                parts = (
                    _embedded(waiting[~stays], embedder, trust_paths, left_out),
                    _passages(waiting[stays], embedder, left_out),
                )
                for part in chain(*parts):
                    way.take(part, 0)
                    way.stop_if_requested(stop)
                way.take(None, passed)
                way.stop_if_requested(stop)
            way.flush()
        carry_answers(store, target)
        carry_ledger(store, target)
        learnt = back_end_of(store.about)
        if learnt is not None and target.count():
            adapt(target, hubness=bool(learnt.anchors))
    finally:
        target.close()
    names = tuple(alert.name for alert in store.about.alerts)
    counted = way.counted
    return Reembedded(
        counted.added, counted.present, tuple(left_out), names, counted.refused, carried
    )


def _target(embedder: Embedder, place: str | os.PathLike[str], store: Store) -> Store:
    about = describe(embedder)
    if (about.model, about.pooling) == (store.about.model, store.about.pooling):
        raise ValueError(f"the gallery is of this model already ({about.name} {about.model})")

    def key(a: About) -> About:
        return replace(
            a,
            created="",
            place="",
            calibrations={},
            brought={},
            answers=(),
            decisions=0,
            not_persons=0,
            alerts=(),
            opt_outs=(),
            adapted="",
            set_aside={},
        )

    return open_or_create_store(place, about, lambda a: key(a) == key(about))


def _missing(store: Store, target: Store, way: Acknowledged) -> Iterator[tuple[Sightings, int]]:
    """The sightings that the target lacks, by hundreds, with how many were looked at for them."""
    listed = bool(store.refresh_about().opt_outs)  # of this model, so held against these vectors
    for given in store.read(with_vectors=listed, with_thumbnails=True, batch=_LOOKED_UP):
        for start in range(0, len(given), _LOOKED_UP):
            looked_at = given[start : start + _LOOKED_UP]
            part = looked_at[store.refusals(looked_at) < 0] if listed else looked_at
            way.refuse(len(looked_at) - len(part))
            asked = Where(ids=tuple(part.ids.tolist()))  # without any it would mean all
            found = [] if asked.everything else target.read(asked, with_vectors=False)
            there = [known.ids for known in found]
            missing = part[~np.isin(part.ids, np.concatenate(there))] if there else part
            way.skip(len(part) - len(missing))
            yield missing, len(looked_at)


def _carry_opt_outs(store: Store, target: Store) -> int:
    """Let the entries of the opt-out list go along; returns how many there are."""
    entries = store.refresh_about().opt_outs

    def with_entries(about: About) -> About:
        known = {one.id for one in about.opt_outs}
        new = (replace(one, refused=0) for one in entries if one.id not in known)
        return replace(about, opt_outs=(*about.opt_outs, *new))

    if entries:
        target.change_about(with_entries)
    return len(entries)


def _embedded(
    waiting: Sightings, embedder: Embedder, trust_paths: bool, left_out: list[UnreadableImage]
) -> Iterator[Sightings]:
    size = embedder.batch_size
    chunks = (range(s, min(s + size, len(waiting))) for s in range(0, len(waiting), size))

    def load(row: int) -> LoadedImage | UnreadableImage:
        path = str(waiting.images[row])
        if not path:
            return UnreadableImage(f"sighting {waiting.ids[row]}", "no image file is known of it")
        expected = "" if trust_paths else str(waiting.ids[row])
        return load_image(path, embedder.input, expected=expected)

    for rows, images in prefetched(chunks, load):
        left_out += [image for image in images if isinstance(image, UnreadableImage)]
        pairs = [
            (row, image.image)
            for row, image in zip(rows, images, strict=True)
            if isinstance(image, LoadedImage)
        ]
        if pairs:
            vectors = embedder.of_inputs([image for _, image in pairs]).embeddings
            yield with_columns(waiting[[row for row, _ in pairs]], vectors=unit(vectors))


def _passages(
    waiting: Sightings, embedder: Embedder, left_out: list[UnreadableImage]
) -> Iterator[Sightings]:
    """Passages one by one, each by its pictures."""
    for row in range(len(waiting)):
        one = waiting[[row]]
        looks, jpegs = one.looks[0], one.pictures[0]
        name = f"passage {one.ids[0]}"
        if looks is None or not jpegs:
            left_out.append(UnreadableImage(name, "no picture of it is kept"))
            continue
        try:
            pixels = [decode_contents(jpeg, name) for jpeg in jpegs]
        except UnreadableImage as error:
            left_out.append(error)
            continue
        rgb = embedder.colours == "rgb"
        vectors = unit(embedder([image if rgb else image[..., ::-1] for image in pixels]))
        vector, coherence = pool(vectors)
        seen = replace(looks.pictured(len(jpegs)), vectors=vectors)
        yield with_columns(one, vectors=vector[None], coherences=[coherence], looks=[seen])
