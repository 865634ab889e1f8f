"""What is given to be added: images are embedded, embeddings files taken as they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from passerby.data.crops import Labels, read_crops
from passerby.embedding.embedder import Embedder
from passerby.gallery.enrol.enrolment import Enrolled, enrol_crops, enrol_embeddings
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.tables.embeddings import Embeddings, read_in_batches
from passerby.tables.parts.folder import is_parts, read_manifest, unreadable_file


@dataclass(frozen=True)
class Inputs:
    """images: files, folders, tables and data sets; embeddings: what `passerby embed` wrote."""

    images: tuple[str, ...]
    embeddings: tuple[str, ...]
    labels: Labels

    @classmethod
    def of(
        cls, given: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], labels: Labels
    ) -> Inputs:
        """Told apart by their names. Raises ValueError when there is none."""
        listed = [given] if isinstance(given, str | os.PathLike) else given
        texts = [os.fspath(one) for one in listed]
        if not texts:
            raise ValueError("expected an image, folder, table, data set or embeddings file to add")
        saved = tuple(t for t in texts if Path(t).suffix.lower() == ".npz" or is_parts(t))
        return cls(tuple(text for text in texts if text not in saved), saved, labels)


def add(
    store: Store,
    inputs: Inputs,
    embedder: Callable[[], Embedder],
    *,
    keep_thumbnails: bool = False,
    replace: bool = False,
) -> Enrolled:
    """Add everything to a store. The embedder is opened only when there are images.

    Raises ValueError as `read_crops`, `enrol_crops` and `enrol_embeddings`.
    """
    done = []
    for path in inputs.embeddings:
        count, batches = read_in_batches(path)
        announced = _announced(store, batches, count)
        done.append(enrol_embeddings(store, announced, count, inputs.labels, replace=replace))
        done.append(Enrolled(notes=_set_aside_notes(path)))
    if inputs.images:
        crops = read_crops(inputs.images, inputs.labels)
        done.append(Enrolled(notes=crops.notes))
        done.append(
            enrol_crops(
                store,
                embedder(),
                crops.crops,
                keep_thumbnails=keep_thumbnails,
                replace=replace,
            )
        )
    return _sum([*done, Enrolled(notes=_index_notes(store))])


def _announced(store: Store, batches: Iterable[Embeddings], total: int) -> Iterator[Embeddings]:
    """The batches, of each of which the store is told first how many there are from it on. Images
    are not announced: to embed them takes longer than to index them."""
    for part in batches:
        store.expect(total)
        yield part
        total -= len(part)


def _set_aside_notes(path: str) -> tuple[str, ...]:
    """What could not be read when a folder of parts was made, which holds no vector of it."""
    lost = read_manifest(Path(path)).set_aside if is_parts(path) else 0
    report = unreadable_file(Path(path))
    return (
        (f"{path}: {count_of(lost, 'image has', 'images have')} no vector, see {report}",)
        if lost
        else ()
    )


def _index_notes(store: Store) -> tuple[str, ...]:
    """Have the index follow what was added, where that pays by now, and say so."""
    before, now = store.index_state(), store.update_index()
    if now.indexed == before.indexed:
        return ()
    recall = "" if now.recall is None else f", its recall at 10 is {now.recall:.3f}"
    return (f"the index now holds {now.indexed:,} of {count_of(now.rows, 'sighting')}{recall}",)


def _sum(parts: Sequence[Enrolled]) -> Enrolled:
    total: dict[str, object] = {}
    for field in fields(Enrolled):
        values = [getattr(part, field.name) for part in parts]
        total[field.name] = sum(values[1:], start=values[0])
    return Enrolled(**total)  # type: ignore[arg-type]
