"""The back-end between embedding and distance: linear, learnt in seconds, without training.

In this order: vectors to length 1; less their camera's mean (`camera_means`); shortened where one
person varies (`within_class`); to length 1 again. Hubs are corrected in the order of what was found
alone (`hubness`). What is taken into it, and what not, `learnt`
decides by counts, and says why.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from passerby.adaptation.camera_means import CameraMeans, camera_means, camera_texts
from passerby.adaptation.pseudo_pairs import MOST_CAMERAS, expected_right, mutual_neighbours
from passerby.adaptation.within_class import (
    WithinClass,
    alike_everywhere,
    blended,
    within_class,
)
from passerby.process.json_files import parse_object
from passerby.tables.embeddings import Embeddings, require_one_model
from passerby.tables.unit_length import unit

Texts = NDArray[np.str_]
Apart = Callable[[NDArray[np.int64]], NDArray[np.bool_]]

FORMAT = 1

WITHIN_CLASS = "within_class.safetensors"
"""Beside a model's weights: how one person varies in its vectors (`passerby adapt`)."""

FEWEST_IMAGES = 30
"""Below this many images no camera's mean is taken away."""

FEWEST_PAIRS = 30
"""Below this many images of persons seen here nothing is learnt of how a person varies."""

PRIOR_IMAGES = 300
"""So many images what is thought before counts for beside what is seen here: the model's own
within-class covariance, or that all directions are alike.
Pseudo pairs of some persons then cost others next to nothing (benchmarks/adaptation.py)."""


@dataclass(frozen=True, eq=False)
class BackEnd:
    """A map of vectors of one model. model, pooling: whose, as embeddings say; within, means: its
    parts, None where left out; decided: what was done and why; images: it was learnt from; anchors:
    ids of the sightings whose nearness tells hubs (`hubness`), () where these are not corrected."""

    model: str
    pooling: str
    within: WithinClass | None
    means: CameraMeans | None
    decided: tuple[str, ...] = ()
    images: int = 0
    anchors: tuple[str, ...] = ()

    def applied(
        self, vectors: NDArray[np.float32], sources: Texts, cameras: Texts
    ) -> NDArray[np.float32]:
        """Vectors [N, D] by cameras of sources [N] ("" where not known) as unit vectors [N, D].

        Raises ValueError for vectors without a direction.
        """
        made = unit(vectors)
        if self.means is not None:
            made = made - self.means.of(sources, cameras)
        if self.within is not None:
            made = self.within.damped(made)
        return unit(made)

    @property
    def acts(self) -> bool:
        """Whether it changes anything."""
        return self.within is not None or self.means is not None

    @cached_property
    def fingerprint(self) -> str:
        """Ties distances to what was learnt: eight hexadecimal digits."""
        return hashlib.sha256(self.to_bytes()).hexdigest()[:8]

    def to_bytes(self) -> bytes:
        """As safetensors, in half precision; `from_bytes` reads it."""
        said: dict[str, object] = {
            "format": FORMAT, "model": self.model, "pooling": self.pooling, "decided": self.decided,
            "images": self.images, "anchors": self.anchors,
        }  # fmt: skip
        arrays: dict[str, NDArray] = {}
        if self.within is not None:
            arrays["directions"] = self.within.directions.astype(np.float16)
            arrays["variances"] = np.append(self.within.variances, np.float32(self.within.rest))
            said["within_images"] = self.within.images
        if self.means is not None:
            arrays["means"] = np.vstack([self.means.means, self.means.whole]).astype(np.float16)
            said["cameras"] = self.means.cameras
            said["camera_images"] = self.means.images
        arrays["about"] = np.frombuffer(json.dumps(said).encode(), np.uint8)
        made: bytes = safetensors.numpy.save(arrays)
        return made

    @classmethod
    def from_bytes(cls, data: bytes) -> BackEnd:
        """Read what `to_bytes` wrote. Raises ValueError for anything else."""
        try:
            arrays = safetensors.numpy.load(data)
            said = parse_object(arrays["about"].tobytes(), "its description", FORMAT)
            within = means = None
            if "directions" in arrays:
                variances = arrays["variances"].astype(np.float32)
                directions = _finite(arrays["directions"], len(variances) - 1)
                within = WithinClass(
                    directions, variances[:-1], float(variances[-1]), int(said["within_images"])
                )
            if "means" in arrays:
                cameras = tuple((str(source), str(camera)) for source, camera in said["cameras"])
                rows = _finite(arrays["means"], len(cameras) + 1)
                means = CameraMeans(cameras, rows[:-1], rows[-1], tuple(said["camera_images"]))
            decided = tuple(map(str, said["decided"]))
            return cls(
                str(said["model"]), str(said["pooling"]), within, means, decided,
                int(said["images"]), tuple(map(str, said.get("anchors", ()))),
            )  # fmt: skip
        except (SafetensorError, KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
            raise ValueError(f"what was learnt is damaged ({error}): learn it anew") from None


def within_class_of(folder: str | os.PathLike[str], model: str) -> WithinClass | None:
    """What lies beside a model of this fingerprint; None where there is none, or another model's.

    Raises ValueError for a damaged file.
    """
    file = Path(folder) / WITHIN_CLASS
    if not folder or not file.is_file():
        return None
    found = BackEnd.from_bytes(file.read_bytes())
    return found.within if found.model == model else None


def learnt(
    vectors: NDArray[np.float32],
    sources: Texts,
    cameras: Texts,
    *,
    model: str = "",
    pooling: str = "",
    prior: WithinClass | None = None,
    persons: NDArray[np.int64] | None = None,
    pairs: bool = True,
    apart: Apart | None = None,
) -> BackEnd:
    """What unlabelled images teach: of vectors [N, D] by cameras of sources [N], "" not known.

    prior: the model's own within-class covariance, None where it brings none: all directions are
    then taken as alike before anything is seen; persons [N]: numbers equal for images that are
    known to be of one person (tracks, reviewed pairs, names), -1 for the others; pairs: take images
    of two cameras that are each other's nearest for one person, too; apart: says of which pairs of
    rows [P, 2] it is known [P] that they are of two, as names and reviewed pairs tell: these are
    not taken, however near.
    """
    decided = []
    means = None
    if len(vectors) < FEWEST_IMAGES:
        decided.append(f"no camera means: {len(vectors)} images, at least {FEWEST_IMAGES} needed")
    else:
        means = camera_means(vectors, sources, cameras)
        decided.append(f"means of {len(means.cameras)} cameras over {len(vectors)} images")
    begun = BackEnd(model, pooling, prior, means)
    found = np.empty((0, 2), np.int64)
    if pairs:
        near = begun.applied(vectors, sources, cameras)
        found = mutual_neighbours(near, sources, cameras)
        wrong = np.zeros(len(found), bool) if apart is None else apart(found)
        if wrong.any():
            found = found[~wrong]
            decided.append(
                f"{int(wrong.sum())} near pairs were left out: known to be of two persons"
            )
        found, said = _mostly_right(near, sources, cameras, found)
        decided += said
    centred = unit(vectors) if means is None else means.removed(vectors, sources, cameras)
    seen = _seen_here(centred, persons, found)
    within = prior
    if seen is None or seen.images < FEWEST_PAIRS:
        count = 0 if seen is None else seen.images
        brought = "as the model brings it" if prior else "not known, all directions are alike"
        decided.append(
            f"how a person varies: {brought}"
            + f" ({count} pairs of images here, at least {FEWEST_PAIRS} needed, by sources of at "
            f"most {MOST_CAMERAS} cameras: name each site as a source)" * pairs
        )
    else:
        within = blended(prior or alike_everywhere(seen), seen, PRIOR_IMAGES)
        brought = "what the model brings" if prior else "all directions alike"
        decided.append(
            f"how a person varies: of {seen.images} pairs of images here, beside {PRIOR_IMAGES} "
            f"that stand for {brought}"
        )
    return BackEnd(model, pooling, within, means, tuple(decided), len(vectors))


def adapted(
    query: Embeddings,
    gallery: Embeddings,
    prior: WithinClass | None,
    *,
    pairs: bool = True,
) -> tuple[Embeddings, Embeddings, BackEnd]:
    """Both after what their images teach without labels, and that. prior: as of `learnt`.

    Images without a camera count as of one unknown camera. Raises ValueError for stripe vectors,
    tables of two models, an empty gallery, and vectors without a direction.
    """
    require_one_model(query, gallery)
    if query.local is not None or gallery.local is not None:
        raise ValueError("stripe vectors are compared as they are: nothing is learnt for them")
    if not len(gallery):
        raise ValueError("the gallery is empty: there is nothing to learn from")
    blind = query.cameras is None or gallery.cameras is None
    texts = [(np.full(len(part), ""),) * 2 for part in (query, gallery)]
    asking, showing = texts if blind else camera_texts(query, gallery)
    sources, cameras = (np.concatenate(both) for both in zip(asking, showing, strict=True))
    vectors = np.concatenate([query.vectors, gallery.vectors])
    found = learnt(
        vectors, sources, cameras,
        model=gallery.model, pooling=gallery.pooling, prior=prior, pairs=pairs,
    )  # fmt: skip
    return (
        replace(query, vectors=found.applied(query.vectors, *asking)),
        replace(gallery, vectors=found.applied(gallery.vectors, *showing)),
        found,
    )


def _mostly_right(
    vectors: NDArray[np.float32], sources: Texts, cameras: Texts, pairs: NDArray[np.int64]
) -> tuple[NDArray[np.int64], list[str]]:
    """The pairs of sources where most are right, and what is said of the others."""
    right = expected_right(vectors, sources, cameras, pairs)
    kept, said = np.ones(len(pairs), bool), []
    for source in np.unique(sources[pairs[:, 0]]).tolist():
        own = sources[pairs[:, 0]] == source
        share = float(right[own].mean())
        if share >= 0.5:
            continue
        kept[own] = False
        why = "too few distances there tell how many of them are of one person"
        if not math.isnan(share):
            why = (
                f"by all distances there {100 * share:.0f} % of them are of one person, and fewer "
                "than half would mislead"
            )
        of = f" of {source}" if source else ""
        said.append(f"{int(own.sum())} near pairs{of} teach nothing: {why}")
    return pairs[kept], said


def _seen_here(
    centred: NDArray[np.float32], persons: NDArray[np.int64] | None, pairs: NDArray[np.int64]
) -> WithinClass | None:
    """How persons vary in vectors [N, D]: those known [N], and pseudo pairs, rows [P, 2]."""
    known = np.empty(0, np.int64) if persons is None else np.flatnonzero(persons >= 0)
    groups = known if persons is None else persons[known]
    first = int(groups.max(initial=-1)) + 1
    numbers = np.concatenate([groups, np.repeat(np.arange(first, first + len(pairs)), 2)])
    if len(numbers) == len(np.unique(numbers)):
        return None
    return within_class(centred[np.concatenate([known, pairs.reshape(-1)])], numbers)


def _finite(array: NDArray, rows: int) -> NDArray[np.float32]:
    made = array.astype(np.float32)
    if made.ndim != 2 or len(made) != rows or not np.isfinite(made).all():
        raise ValueError(f"expected {rows} finite rows, got the shape {list(array.shape)}")
    return made
