"""Familiarity: is a vector like those of the persons that a model learnt from?

A network gives every image a vector. Images without content (blank, noise, black frames, blurred
beyond use) get nearly the same one, so that two of them are nearer than two pictures of one person.
Among unit vectors of persons they lie far out: their Mahalanobis distance within the first axes is
beyond that of nearly every person (Lee et al. 2018, "A Simple Unified Framework for Detecting
Out-of-Distribution Samples and Adversarial Attacks", here with one class). A small file beside a
model keeps the mean, the axes and the limit; `benchmarks/default_model.py` writes it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from passerby.embedding.embedder import Embedder
from passerby.process.whole_files import write_whole
from passerby.tables.unit_length import unit

FILE = "familiarity.safetensors"

_AXES = (16, 32, 48, 64, 96, 128)  # how many are tried
_MARGIN = 1.1  # above what 999 of 1,000 persons stay below
_WAYS = {"plain", "flip"}  # of pooling, whose vectors lie alike


@dataclass(frozen=True, eq=False)
class Familiarity:
    """Of one model: mean [D], axes [D, K], each divided by the deviation along it; limit: of the
    score, above which a vector is of no person."""

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    limit: float

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mean square [N] along the axes; 1 on average over persons. vectors [N, D]: of any
        length above zero."""
        along = (unit(vectors) - self.mean) @ self.axes
        found: NDArray[np.float32] = np.mean(along * along, axis=1)
        return found

    def strange(self, vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of the vectors [N, D] are unlike those of persons."""
        return self.scores(vectors) > self.limit


def learn_familiarity(
    persons: NDArray[np.float32], contentless: NDArray[np.float32]
) -> Familiarity:
    """Learn from vectors of persons [N, D]; of several numbers of axes the one that tells most of
    the images without content [M, D] apart.

    Raises ValueError for fewer vectors of persons than are needed for the axes.
    """
    if len(persons) < 4 * _AXES[-1]:
        raise ValueError(f"expected {4 * _AXES[-1]} vectors of persons or more, got {len(persons)}")
    units = unit(persons).astype(np.float64)
    mean = units.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(units.T, bias=True))
    variances, axes = variances[::-1], axes[:, ::-1]
    best, most = None, -1.0
    for count in _AXES:
        scaled = axes[:, :count] / np.sqrt(variances[:count])
        # As it will be read: in half precision.
        kept = scaled.astype(np.float16).astype(np.float32)
        made = Familiarity(mean.astype(np.float32), kept, np.inf)
        limit = _MARGIN * float(np.quantile(made.scores(persons), 0.999))
        margin = float(np.median(made.scores(contentless))) / limit
        if margin > most:
            best, most = Familiarity(made.mean, kept, limit), margin
    assert best is not None
    return best


def contentless_images(count: int = 30, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Images of crops' size without content: of one colour, noise, and slopes of brightness."""
    random = np.random.default_rng([seed, 11])
    made: list[NDArray[np.uint8]] = []
    for _ in range(count):
        made.append(np.full((128, 64, 3), random.integers(0, 256, 3), np.uint8))
        made.append(random.integers(0, 256, (128, 64, 3), np.uint8))
        ends = random.uniform(0, 255, (3, 2))
        slopes = [np.tile(np.linspace(low, high, 128)[:, None], 64) for low, high in ends]
        made.append(np.stack(slopes, axis=-1).astype(np.uint8))
    return made


def write_familiarity(folder: str | os.PathLike[str], learnt: Familiarity) -> Path:
    """Put it beside a model."""
    path = Path(folder) / FILE
    tensors: dict[str, NDArray[Any]] = {
        "mean": learnt.mean,
        "axes": learnt.axes.astype(np.float16),
        "limit": np.array([learnt.limit], np.float32),
    }
    write_whole(path, save(tensors))
    return path


def familiarity_of(place: str, pooling: str, dimensions: int) -> Familiarity | None:
    """What lies beside the model at a place, for vectors of a pooling; None where nothing does.

    Raises ValueError for a damaged file.
    """
    path = Path(place) / FILE
    if not place or pooling not in _WAYS or not path.is_file():
        return None
    learnt = _read(path, path.stat().st_mtime_ns)
    return learnt if len(learnt.mean) == dimensions else None


def familiarity_beside(embedder: Embedder) -> Familiarity | None:
    """The same, of an open model."""
    return familiarity_of(embedder.place, embedder.pooling, embedder.dimensions)


@lru_cache(maxsize=4)
def _read(path: Path, _written: int) -> Familiarity:
    try:
        tensors = load(path.read_bytes())
        mean, axes = tensors["mean"], tensors["axes"].astype(np.float32)
        (limit,) = tensors["limit"].tolist()
        whole = mean.ndim == 1 and axes.ndim == 2 and len(axes) == len(mean)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}): fetch the model anew") from None
    if not whole or not (np.isfinite(mean).all() and np.isfinite(axes).all() and limit > 0):
        raise ValueError(f"{path} is damaged (its numbers do not fit): fetch the model anew")
    return Familiarity(mean.astype(np.float32), axes, float(limit))
