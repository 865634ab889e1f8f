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
from passerby.tables.records import Record
from passerby.tables.sightings import Sightings

# Style and seed; rendered ones, as "rendered:105", need copies of their assets.
SITES = ("varied:101", "varied:102", "varied:103", "street:104", "street:106")
PERSONS = 250  # of a site
SITE = {"train_persons": 0, "cameras": 5, "images": 2, "sites": 1}
MOST = 1_200  # sightings of a gallery, drawn by seed


def galleries(
    embedder: Embedder,
    root: Path | None,
    out: Path,
    sites: Sequence[str] = SITES,
    persons: int = PERSONS,
) -> dict[str, Sightings]:
    """Sightings with persons, cameras and a tracklet for each person by each camera, by name.

    sites: style and seed of drawn ones, as "street:104"; persons: of each.
    """
    found = {}
    if root is not None:
        known = read_split(f"market1501={root}").train
        for first, last, source in read_ranges(root / "sources.csv"):
            records = [record for record in known if first <= record.person <= last]
            if records:
                found[source] = _sightings(embedder, records, source, out / source)
    for site in sites:
        style, _, seed = site.partition(":")
        folder, name = out / f"{style}{seed}", f"{style} {seed}"
        if not folder.exists():
            drawn = {"style": style, "distractors": 0, "junk": 0, "test_persons": persons}
            write(folder, seed=int(seed), **SITE, **drawn)
        split = read_split(f"synthetic={folder}")
        records = [*split.query, *split.gallery]
        found[name] = _sightings(embedder, records, name, out / name)
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


def _sightings(embedder: Embedder, records: Sequence[Record], source: str, file: Path) -> Sightings:
    """Some of the records as sightings of a source; file: of their vectors, kept by the model."""
    rows = np.sort(np.random.default_rng(0).permutation(len(records))[:MOST])
    saved = file.with_name(f"{file.name}-{embedder.fingerprint}.npz")
    if not saved.exists():
        saved.parent.mkdir(parents=True, exist_ok=True)
        embedder.embed([records[row] for row in rows.tolist()]).embeddings.save(saved)
    some = Embeddings.load(saved)
    return Sightings(
        [f"{row:032x}" for row in rows.tolist()],
        some.vectors / np.linalg.norm(some.vectors, axis=1, keepdims=True),
        persons=[str(person) for person in some.persons.tolist()],
        cameras=[str(camera) for camera in some.cameras.tolist()],
        sources=[source] * len(some),
        tracklets=numbered(some.persons, some.cameras),
    )
