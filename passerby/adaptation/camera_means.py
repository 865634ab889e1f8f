"""Camera means: what all persons of one camera have in common, to be taken away from its vectors.

Light, angle and sharpness of a camera move the vectors of everybody it sees in one direction, so
that a stranger by the same camera can be nearer than the same person by another. The mean of a
camera's images shows that direction, without any label: Zhuang et al., "Rethinking the
Distribution Gap of Person Re-identification with Camera-based Batch Normalization", ECCV 2020, who
centre and scale within the network; here it is done to finished embeddings of any model.

One camera is one name of one source: joined sources may use the same numbers for other cameras.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from passerby.tables.embeddings import Embeddings, require_one_model
from passerby.tables.keys import camera_keys
from passerby.tables.sightings import UNKNOWN
from passerby.tables.unit_length import unit

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


def camera_means(
    vectors: NDArray[np.float32], sources: Texts, cameras: Texts, steady: float = STEADY
) -> CameraMeans:
    """The means of cameras over unlabelled images: of a gallery, and of queries where there are.

    vectors [N, D]: scaled to length 1 here; sources, cameras: names [N], "" where not known;
    steady: how many images its source counts for beside a camera's own, so that one with few is
    not centred on its own few persons; so does the whole beside a source, and nothing beside the
    whole. Ten to thirty images a camera are enough. Raises ValueError for vectors without a
    direction.

    What is taken is the whole, and by how much a camera differs from its source. How sources differ
    stays: persons are of one source, so that it never parts the images of one.
    """
    units = unit(vectors).astype(np.float64)
    whole = _shrunk(units, np.zeros(units.shape[1]), steady)
    found: dict[tuple[str, str], tuple[NDArray[np.float64], int]] = {}
    for source in np.unique(sources):
        own = sources == source
        of_source = _shrunk(units[own], whole, steady)
        for camera in np.unique(cameras[own & (cameras != UNKNOWN)]):
            seen = units[own & (cameras == camera)]
            mean = whole + _shrunk(seen, of_source, steady) - of_source
            found[str(source), str(camera)] = mean, len(seen)
    return CameraMeans(
        tuple(found),
        np.array([mean for mean, _ in found.values()], np.float32).reshape(-1, len(whole)),
        whole.astype(np.float32),
        tuple(count for _, count in found.values()),
    )


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
