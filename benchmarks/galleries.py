"""Galleries to measure decisions and linking on: left-out sources of real crops, drawn sites.

The train persons of a mixed set (ROOT with ``sources.csv``, see people.py), a gallery a source,
never its test part; and drawn sites, whose persons no packaged model saw. Vectors are kept in a
folder by the model's fingerprint, so that a second measurement embeds nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from people import read_ranges

from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import Embedder
from passerby.synthesis.writing import write
from passerby.tables.embeddings import Embeddings
from passerby.tables.keys import numbered
from passerby.tables.sightings import Sightings

SITES = {f"drawn {seed}": seed for seed in (101, 102, 103)}
SITE = {"train_persons": 0, "test_persons": 250, "cameras": 5, "images": 2, "sites": 1}
MOST = 1_200  # sightings of a gallery, drawn by seed


def galleries(embedder: Embedder, root: Path | None, out: Path) -> dict[str, Sightings]:
    """Sightings with persons, cameras and a tracklet for each person by each camera, by name."""
    found = {}
    if root is not None:
        known = _embedded(embedder, f"market1501={root}", out / "people", "train")
        for first, last, source in read_ranges(root / "sources.csv"):
            rows = np.flatnonzero((known.persons >= first) & (known.persons <= last))
            if len(rows):
                found[source] = _sightings(known[rows], source)
    for name, seed in SITES.items():
        folder = out / f"site{seed}"
        if not folder.exists():
            write(folder, seed=seed, style="varied", distractors=0, junk=0, **SITE)
        known = _embedded(embedder, f"synthetic={folder}", out / f"vectors{seed}", "test")
        found[name] = _sightings(known, name)
    return found


def _embedded(embedder: Embedder, data: str, file: Path, part: str) -> Embeddings:
    saved = file.with_name(f"{file.name}-{embedder.fingerprint}.npz")
    if not saved.exists():
        split = read_split(data)
        records = split.train if part == "train" else split.query + split.gallery
        out = embedder.embed(records).embeddings
        saved.parent.mkdir(parents=True, exist_ok=True)
        out.save(saved)
    return Embeddings.load(saved)


def _sightings(known: Embeddings, source: str) -> Sightings:
    rows = np.sort(np.random.default_rng(0).permutation(len(known))[:MOST])
    some = known[rows]
    return Sightings(
        [f"{row:032x}" for row in rows.tolist()],
        some.vectors / np.linalg.norm(some.vectors, axis=1, keepdims=True),
        persons=[str(person) for person in some.persons.tolist()],
        cameras=[str(camera) for camera in some.cameras.tolist()],
        sources=[source] * len(some),
        tracklets=numbered(some.persons, some.cameras),
    )
