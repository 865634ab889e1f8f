"""Pseudo persons: which unlabelled sightings are taken for one person while a model is tuned.

The links of a gallery, by what its own distances are worth once its cameras' means are taken away
(`gallery.adapted`, `gallery.link`): mutual neighbours over cameras that are joined where their
likelihood ratios say so, never against a name, a time in two places or what people said of a pair.
A passage is one sighting, and its kept pictures are of one pseudo person whatever is linked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.data.crops import read_crops
from passerby.embedding.embedder import Embedder, load
from passerby.embedding.loading import hash_image
from passerby.gallery.adapted import view
from passerby.gallery.adapting import adapt
from passerby.gallery.binding import describe
from passerby.gallery.enrol.enrolment import enrol_crops
from passerby.gallery.enrol.reembedding import reembed
from passerby.gallery.ledger.carrying import carry_ledger
from passerby.gallery.ledger.people import people
from passerby.gallery.link.linking import DEFAULTS, link
from passerby.gallery.link.rules import Rules
from passerby.gallery.reviewed_pairs import carry_answers
from passerby.process.json_files import read_object
from passerby.process.spelling import count_of
from passerby.process.whole_files import write_whole
from passerby.stores import Store
from passerby.stores.engines.memory import MemoryStore
from passerby.stores.opening import open_store
from passerby.tables.filters import Where
from passerby.tables.keys import numbered
from passerby.tables.records import Record, Split
from passerby.tables.sightings import UNKNOWN, without_thumbnails

SOURCE = "sightings"

FEWEST_SIGHTINGS = 100
FEWEST_PERSONS = 8
"""Below so many sightings, or persons that two cameras saw, nothing is moved."""

_AT_ONCE = 512  # sightings whose pictures are in memory

_numbers = count()  # of stores in memory: names are taken once in a process


@dataclass(frozen=True, eq=False)
class PseudoPersons:
    """Of N pictures: images [N], paths; sightings [N], the id of which each is of: several of a
    passage; persons [N], −1 where left out; cameras [N], numbers."""

    images: NDArray[np.str_]
    sightings: NDArray[np.str_]
    persons: NDArray[np.int64]
    cameras: NDArray[np.int64]

    def write(self, file: Path) -> None:
        """Keep it for a call that goes on."""
        content = {name: column.tolist() for name, column in vars(self).items()}
        write_whole(file, json.dumps(content) + "\n")

    @classmethod
    def read(cls, file: Path) -> PseudoPersons:
        """Read what `write` wrote."""
        content = read_object(file, "the pseudo persons of an adaptation")
        images, sightings = (np.array(content[name], np.str_) for name in ("images", "sightings"))
        persons, cameras = (np.array(content[name], np.int64) for name in ("persons", "cameras"))
        return cls(images, sightings, persons, cameras)

    @property
    def split(self) -> Split:
        """Those that are taken for somebody, to be trained on."""
        rows = zip(self.images.tolist(), self.persons.tolist(), self.cameras.tolist(), strict=True)
        train = [Record(image, who, camera, SOURCE) for image, who, camera in rows if who >= 0]
        return Split(SOURCE, train=tuple(train))

    @property
    def count(self) -> int:
        """How many persons."""
        return len({*self.persons.tolist()} - {-1})

    def __str__(self) -> str:
        taken = len({*self.sightings[self.persons >= 0].tolist()})
        pictures = int((self.persons >= 0).sum())
        shown = f", by {count_of(pictures, 'picture')}" if pictures > taken else ""
        return (
            f"{taken:,} of {count_of(self.seen, 'sighting')} {'is' if taken == 1 else 'are'} taken "
            f"for {count_of(self.count, 'person')} whom two cameras or more saw{shown}; "
            f"{self.seen - taken:,} that are linked to no other camera's are left out"
        )

    @property
    def seen(self) -> int:
        """How many sightings."""
        return len({*self.sightings.tolist()})


def pseudo_persons(
    store: Store, embedder: Embedder, folder: Path, rules: Rules = DEFAULTS
) -> PseudoPersons:
    """Group the sightings of a gallery as an embedder sees them; the gallery stays as it is.

    Sightings whose picture is gone or another take no part; nor do those without a camera and
    those linked to no other camera's. folder: where the pictures of passages that are taken for
    somebody are written, as files to train on. Raises ValueError where there are too few, by one
    camera alone, or too few links.
    """
    return _pictured(store, _grouped(_copied(store, embedder), rules), folder)


def gallery_of_crops(model: str, inputs: Sequence[str], device: str | None) -> Store:
    """Crops that are in no gallery as one in memory; what is said of their persons is forgotten.

    inputs: as of ``passerby gallery add``; of a folder without any other layout each sub-folder is
    a camera. Raises ValueError as `read_crops`.
    """
    embedder = load(model, flip=True, device=device)
    store = MemoryStore(describe(embedder))
    crops = [
        replace(crop, person="", number=None, camera=crop.camera or _folder_of(crop.image, inputs))
        for crop in read_crops(inputs).crops
    ]
    enrol_crops(store, embedder, crops)
    return store


def _folder_of(image: str, inputs: Sequence[str]) -> str:
    """The sub-folder of an input that an image lies in, "" where it lies in none."""
    for given in inputs:
        path = Path(image).absolute()
        if path.is_relative_to(Path(given).absolute()):
            return "/".join(path.relative_to(Path(given).absolute()).parts[:-1])
    return ""


def _grouped(own: Store, rules: Rules) -> PseudoPersons:
    cameras = own.groups("camera")
    seen = sum(number for camera, number in cameras.items() if camera != UNKNOWN)
    if seen < FEWEST_SIGHTINGS:
        raise ValueError(
            f"too little to learn from: {count_of(seen, 'sighting')} with a picture and a camera, "
            f"at least {FEWEST_SIGHTINGS} are needed; nothing was done"
        )
    if len({*cameras} - {UNKNOWN}) < 2:
        raise ValueError(
            "all sightings are by one camera: what cameras change in a person is learnt from two "
            "or more (name them: passerby gallery add ... --camera NAME); nothing was done"
        )
    adapt(own)
    linking = link(view(own), rules=rules)
    places = numbered(linking.sightings.sources, linking.sightings.cameras)
    known = linking.sightings.cameras != UNKNOWN
    # Who is linked within one camera alone may stand in another's pictures unlinked: to learn that
    # these are somebody else would teach the model the camera.
    pairs = np.unique(np.stack([linking.groups[known], places[known]]), axis=1)
    groups, views = np.unique(pairs[0], return_counts=True)
    taken = known & np.isin(linking.groups, groups[views > 1])
    persons = np.where(taken, linking.groups, -1)
    found = PseudoPersons(linking.sightings.images, linking.ids, persons, places)
    if found.count < FEWEST_PERSONS:
        raise ValueError(
            f"too few links: {count_of(found.count, 'group')} of sightings by two cameras, at "
            f"least {FEWEST_PERSONS} are needed. Did the cameras see the same people? More "
            "sightings, tracklets or reviewed pairs (passerby gallery calibrate --review) help; "
            "nothing was done"
        )
    return found


def _copied(store: Store, embedder: Embedder) -> Store:
    """The gallery in memory as a model sees it, with what people said and decided."""
    about = store.about
    if (embedder.fingerprint, embedder.pooling) != (about.model, about.pooling):
        place = f"memory://fine-tuning-{next(_numbers)}"
        reembed(store, embedder, place)
        return open_store(place)
    own = MemoryStore(
        replace(
            about, calibrations={}, brought={}, adapted="", set_aside={}, decisions=0, not_persons=0
        )
    )
    for part in people(store).read(with_thumbnails=True, batch=_AT_ONCE):
        there = [
            bool(kept) if looks is not None else bool(path) and hash_image(path) == name
            for path, name, looks, kept in zip(
                part.images.tolist(), part.ids.tolist(), part.looks, part.pictures, strict=True
            )
        ]
        own.write(without_thumbnails(part[np.array(there, bool)]))
    carry_answers(store, own)
    carry_ledger(store, own)
    return own


def _pictured(store: Store, found: PseudoPersons, folder: Path) -> PseudoPersons:
    """With a row for each kept picture of the passages that are taken for somebody."""
    taken = found.sightings[found.persons >= 0].tolist()
    files: dict[str, list[str]] = {}
    for start in range(0, len(taken), _AT_ONCE):
        where = Where(ids=tuple(taken[start : start + _AT_ONCE]))
        for part in store.read(where, with_vectors=False, with_thumbnails=True):
            for name, looks, jpegs in zip(
                part.ids.tolist(), part.looks, part.pictures, strict=True
            ):
                if looks is not None:
                    files[name] = _written(folder, name, jpegs)
    images = [
        files.get(name, [path])
        for name, path in zip(found.sightings.tolist(), found.images.tolist(), strict=True)
    ]
    rows = np.repeat(np.arange(len(images)), [*map(len, images)])
    return PseudoPersons(
        np.array([*chain(*images)], np.str_), found.sightings[rows], found.persons[rows],
        found.cameras[rows],
    )  # fmt: skip


def _written(folder: Path, name: str, jpegs: Sequence[bytes]) -> list[str]:
    """The files of a passage's pictures, readable by the user alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    files = [folder / f"{name}-{number}.jpg" for number in range(len(jpegs))]
    for file, jpeg in zip(files, jpegs, strict=True):
        write_whole(file, jpeg)
    return [str(file.absolute()) for file in files]
