"""Camera means: what all persons of one camera have in common, to be taken away from its vectors.

Light, angle and sharpness of a camera move the vectors of everybody it sees in one direction, so
that a stranger by the same camera can be nearer than the same person by another. The mean of a
camera's images shows that direction, without any label: Zhuang et al., "Rethinking the
Distribution Gap of Person Re-identification with Camera-based Batch Normalization", ECCV 2020, who
centre and scale within the network; here it is done to finished embeddings of any model.

One camera is one name of one source: joined sources may use the same numbers for other cameras.

The mean of few persons is their own as much as their camera's. How far a camera differs from its
source is therefore shrunk by how surely it does (James and Stein 1961, "Estimation with quadratic
loss": positive part), beside what the variance within cameras would make of it by chance. Where
"cameras" do not mean cameras nothing is taken but the mean of all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from passerby.tables.embeddings import Embeddings, require_one_model
from passerby.tables.keys import camera_keys
from passerby.tables.sightings import UNKNOWN
from passerby.tables.unit_length import unit

AXES = 40
"""Directions in which it is asked whether cameras differ: those of the largest variance within."""

CROSSED = 0.5
"""Of the variance within cameras, what stands for chance. Cameras that saw the same persons differ
by less than images of one camera do; 0.5 of 0.4 to 1 on held-out persons
(docs/decisions/packaged.md)."""

STEADY = 4.0  # of 0 to 50 on held-out persons of the set in docs/results/people.md, 0 to 10 alike

Texts = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class CameraMeans:
    """What is taken from the unit vectors of each camera.

    cameras: C pairs of (source, camera); means [C, D] float32, each shrunk;
    whole [D] float32: of images by an unknown or another camera; images: how many each camera's
    mean is of.
    """

    cameras: tuple[tuple[str, str], ...]
    means: NDArray[np.float32]
    whole: NDArray[np.float32]
    images: tuple[int, ...]

    def of(self, sources: Texts, cameras: Texts) -> NDArray[np.float32]:
        """The mean [N, D] that counts for each of N images, by its source and camera."""
        rows = {camera: row for row, camera in enumerate(self.cameras)}
        last = len(rows)
        pairs = zip(sources.tolist(), cameras.tolist(), strict=True)
        chosen = [rows.get(pair, last) for pair in pairs]
        made: NDArray[np.float32] = np.vstack([self.means, self.whole[None]])[chosen]
        return made

    def removed(
        self, vectors: NDArray[np.float32], sources: Texts, cameras: Texts
    ) -> NDArray[np.float32]:
        """Unit vectors [N, D] less the mean of their camera; no longer of length 1.

        Raises ValueError for vectors without a direction.
        """
        return unit(vectors) - self.of(sources, cameras)

    def preferred_to(self, other: CameraMeans) -> CameraMeans:
        """The other's cameras, those that are here too with their means of here."""
        rows = {camera: row for row, camera in enumerate(self.cameras)}
        pairs = [
            (self.means[rows[camera]], self.images[rows[camera]])
            if camera in rows
            else (other.means[row], other.images[row])
            for row, camera in enumerate(other.cameras)
        ]
        means = np.array([mean for mean, _ in pairs], np.float32).reshape(-1, len(other.whole))
        return replace(other, means=means, images=tuple(count for _, count in pairs))


def camera_means(
    vectors: NDArray[np.float32], sources: Texts, cameras: Texts, steady: float = STEADY
) -> CameraMeans:
    """The means of cameras over unlabelled images: of a gallery, and of queries where there are.

    vectors [N, D]: scaled to length 1 here; sources, cameras: names [N], "" where not known;
    steady: how many images its source counts for beside a camera's own, so that one with few is
    not centred on its own few persons; so does the whole beside a source, and nothing beside the
    whole. Ten to thirty images a camera are enough. Raises ValueError for vectors without a
    direction.

    What is taken is the whole, and by how much a camera differs from its source, as far as that is
    sure. How sources differ stays: persons are of one source, so that it never parts the images of
    one.
    """
    units = unit(vectors).astype(np.float64)
    whole = _shrunk(units, np.zeros(units.shape[1]), steady)
    found: dict[tuple[str, str], tuple[NDArray[np.float64], int]] = {}
    for source in np.unique(sources):
        own = sources == source
        of_source = _shrunk(units[own], whole, steady)
        known = own & (cameras != UNKNOWN)
        sure = _sureness(units[known], cameras[known])
        for camera in np.unique(cameras[known]).tolist():
            seen = units[known & (cameras == camera)]
            weight = min(len(seen) / (len(seen) + steady), sure.get(camera, 1.0))
            mean = whole + weight * (seen.mean(axis=0) - of_source)
            found[str(source), camera] = mean, len(seen)
    return CameraMeans(
        tuple(found),
        np.array([mean for mean, _ in found.values()], np.float32).reshape(-1, len(whole)),
        whole.astype(np.float32),
        tuple(count for _, count in found.values()),
    )


def _sureness(units: NDArray[np.float64], cameras: Texts) -> dict[str, float]:
    """By camera, from 0 to 1, how surely it differs from all [N] of its source: 1 less what chance
    would make of the squared distance of its mean, in the metric of the variance within cameras.

    Nothing for cameras of which nothing can be said.
    """
    names, rows, counts = np.unique(cameras, return_inverse=True, return_counts=True)
    free = len(units) - len(names)
    if len(names) < 2 or free < 1:
        return {}
    means = np.stack([units[rows == row].mean(axis=0) for row in range(len(names))])
    axes, variances = _largest((units - means[rows]) / np.sqrt(free), min(AXES, free))
    if not len(axes):
        return {}
    apart = ((means - units.mean(axis=0)) @ axes.T) ** 2 / variances  # [cameras, axes]
    chance = 1 / counts - 1 / len(units)
    found = 1 - CROSSED * len(axes) * chance / np.maximum(apart.sum(axis=1), 1e-300)
    return dict(zip(names.tolist(), np.maximum(found, 0).tolist(), strict=True))


def _largest(
    rows: NDArray[np.float64], most: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions [K, D] of the largest sums of squares of rows [N, D], and these sums [K]."""
    if len(rows) < rows.shape[1]:  # of the smaller product of both
        values, left = np.linalg.eigh(rows @ rows.T)
        vectors = left.T @ rows / np.sqrt(np.maximum(values, 1e-300))[:, None]
    else:
        values, right = np.linalg.eigh(rows.T @ rows)
        vectors = right.T
    kept = np.flatnonzero(values > 1e-9 * max(values[-1], 1e-300))[::-1][:most]
    kept = kept[values[kept] > 1e-12]
    return vectors[kept], values[kept]


def _shrunk(
    units: NDArray[np.float64], towards: NDArray[np.float64], steady: float
) -> NDArray[np.float64]:
    """The mean [D] of vectors [N, D], where another mean counts for ``steady`` more of them."""
    mean: NDArray[np.float64] = (units.sum(axis=0) + steady * towards) / (len(units) + steady)
    return mean


def camera_texts(*parts: Embeddings) -> tuple[tuple[Texts, Texts], ...]:
    """For each table the names [N] of its images' sources and cameras, as `camera_means` takes
    them; sources are "" unless all tables have them. Raises ValueError without cameras."""
    if any(part.cameras is None for part in parts):
        raise ValueError("without cameras nothing can be centred on them")
    return tuple(
        (
            np.array([source for source, _ in keys], np.str_),
            np.array([UNKNOWN if camera < 0 else str(camera) for _, camera in keys], np.str_),
        )
        for keys in camera_keys(*parts)
    )


def centred(
    query: Embeddings, gallery: Embeddings, steady: float = STEADY
) -> tuple[Embeddings, Embeddings]:
    """Both, scaled to length 1 and less the mean of their camera's images in either.

    No label is used, and queries are images as others are: a camera that the gallery lacks has its
    own mean by them. Raises ValueError without cameras, for stripe vectors, which are not centred,
    for an empty gallery, and for vectors without a direction.
    """
    for name, some in (("query", query), ("gallery", gallery)):
        if some.cameras is None:
            raise ValueError(
                f"the {name} has no cameras, and without them nothing can be centred on them"
            )
        if some.local is not None:
            raise ValueError(f"the {name} has stripe vectors, which are not centred on cameras")
    require_one_model(query, gallery)
    if not len(gallery):
        raise ValueError("the gallery is empty: cameras have no mean")
    asking, showing = camera_texts(query, gallery)
    sources, cameras = (np.concatenate(texts) for texts in zip(asking, showing, strict=True))
    vectors = np.concatenate([query.vectors, gallery.vectors])
    means = camera_means(vectors, sources, cameras, steady)
    return (
        replace(query, vectors=means.removed(query.vectors, *asking)),
        replace(gallery, vectors=means.removed(gallery.vectors, *showing)),
    )
