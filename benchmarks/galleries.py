"""Galleries to measure decisions and linking on: left-out sources of real crops, drawn sites.

The train persons of a mixed set (ROOT with ``sources.csv``, see people.py), a gallery a source,
never its test part; and drawn sites, whose persons no packaged model saw. Vectors are kept in a
folder by the model's fingerprint, so that a second measurement embeds nothing. `made`: a gallery of
any size, by normal distributions of what the drawn sites' vectors are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from people import read_ranges

from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import Embedder
from passerby.synthesis.writing import write
from passerby.tables.embeddings import Embeddings
from passerby.tables.keys import numbered
from passerby.tables.sightings import Sightings

SITES = (101, 102, 103)  # seeds
PERSONS = 250  # of a site
SITE = {"train_persons": 0, "cameras": 5, "images": 2, "sites": 1}
MOST = 1_200  # sightings of a gallery, drawn by seed


def galleries(
    embedder: Embedder,
    root: Path | None,
    out: Path,
    sites: Sequence[int] = SITES,
    persons: int = PERSONS,
) -> dict[str, Sightings]:
    """Sightings with persons, cameras and a tracklet for each person by each camera, by name.

    sites: seeds of drawn ones; persons: of each.
    """
    found = {}
    if root is not None:
        known = _embedded(embedder, f"market1501={root}", out / "people", "train")
        for first, last, source in read_ranges(root / "sources.csv"):
            rows = np.flatnonzero((known.persons >= first) & (known.persons <= last))
            if len(rows):
                found[source] = _sightings(known[rows], source)
    for seed in sites:
        folder, name = out / f"site{seed}", f"drawn {seed}"
        if not folder.exists():
            drawn = {"style": "varied", "distractors": 0, "junk": 0, "test_persons": persons}
            write(folder, seed=seed, **SITE, **drawn)
        known = _embedded(embedder, f"synthetic={folder}", out / f"vectors{seed}", "test")
        found[name] = _sightings(known, name)
    return found


def made(drawn: Sequence[Sightings], count: int, seed: int = 0) -> Sightings:
    """A gallery of so many made sightings, four of a person on average, by twenty cameras.

    A vector is that of a camera, of a person and of the moment together, each from the normal
    distribution of these in drawn sites: means of cameras, means of persons, and the rest.
    """
    site = Sightings.joined(drawn)
    random = np.random.default_rng(seed)
    views = numbered(site.sources, site.cameras)
    whole = site.vectors.mean(axis=0)
    of_view = _means(site.vectors - whole, views)
    centred = site.vectors - whole - of_view[views]
    owners = numbered(site.sources, site.persons)
    of_person = _means(centred, owners)
    rest = centred - of_person[owners]
    within = rest.T @ rest / max(len(rest) - len(of_person), 1)
    # Means of a few moments differ by what these differ, too.
    between = of_person.T @ of_person / len(of_person) - within * len(of_person) / len(rest)
    cameras, persons = random.integers(20, size=count), random.integers(count // 4, size=count)
    vectors = whole + _drawn(of_view.T @ of_view / len(of_view), 20, random)[cameras]
    vectors += _drawn(between, count // 4, random)[persons] + _drawn(within, count, random)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Sightings(
        [f"{row:032x}" for row in range(count)],
        vectors.astype(np.float32),
        persons=[str(person) for person in persons.tolist()],
        cameras=[str(camera) for camera in cameras.tolist()],
        sources=["made"] * count,
    )


def _means(vectors: np.ndarray, groups: np.ndarray) -> np.ndarray:
    sums = np.zeros((int(groups.max()) + 1, vectors.shape[1]))
    np.add.at(sums, groups, vectors)
    return sums / np.bincount(groups)[:, None]


def _drawn(covariance: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Rows [count, D] from the normal distribution around zero of a covariance [D, D]."""
    values, axes = np.linalg.eigh(covariance)
    roots = (np.sqrt(np.maximum(values, 0)) * axes).astype(np.float32)
    return random.standard_normal((count, len(roots)), np.float32) @ roots.T


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
