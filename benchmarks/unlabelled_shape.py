"""The shape of strangers' distances, and the place of the same persons'.

    python benchmarks/unlabelled_shape.py OUT [--root ROOT] [--model MODEL]

The constants of `passerby.evaluation.decisions.unlabelled` are these. OUT keeps drawn sites and
vectors (see galleries.py: seeds 101 to 103, 250 persons by five cameras each, nobody of whom a
packaged model saw); ROOT is a mixed set of real crops, of which the train persons are taken. Of
pairs by two cameras, less the cameras' means: the skewness and tails of the sinh-arcsinh
distribution whose quantiles correlate most with those of strangers' distances (Filliben 1975, "The
probability plot correlation coefficient test for normality", Technometrics 17); and of one person
the root of the distance, beside that of the median of all pairs, and its spread. The shape that is
kept is that of the drawn sites, the place that of the mean of all galleries.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import NormalDist

import numpy as np
from galleries import SITES, galleries

from passerby.adaptation.camera_means import camera_means
from passerby.embedding.embedder import load
from passerby.evaluation.decisions import unlabelled
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit

LEVELS = (np.arange(400) + 0.5) / 400
SKEWNESS = np.arange(-80, 21) / 100
TAILS = np.arange(70, 141) / 100


def distances_of(sightings: Sightings) -> tuple[np.ndarray, np.ndarray]:
    """Of all pairs by two cameras: distances [P] less the cameras' means, whether of one person."""
    means = camera_means(sightings.vectors, sightings.sources, sightings.cameras)
    vectors = unit(means.removed(sightings.vectors, sightings.sources, sightings.cameras))
    one, other = np.triu_indices(len(sightings), 1)
    across = sightings.cameras[one] != sightings.cameras[other]
    one, other = one[across], other[across]
    distances = np.maximum(1 - vectors @ vectors.T, 0)[one, other].astype(np.float64)
    return distances, sightings.persons[one] == sightings.persons[other]


def shape(galleries_of: list[np.ndarray]) -> tuple[float, float]:
    """Skewness and tails whose quantiles (Jones and Pewsey 2009) correlate most with distances."""
    normal = np.arcsinh([NormalDist().inv_cdf(level) for level in LEVELS.tolist()])
    known = np.stack([np.quantile(distances, LEVELS) for distances in galleries_of])
    known = known - known.mean(axis=1, keepdims=True)
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    best = (-np.inf, 0.0, 1.0)
    for skewness in SKEWNESS.tolist():
        for tails in TAILS.tolist():
            standard = np.sinh((normal + skewness) / tails)
            standard -= standard.mean()
            fit = float((known @ standard).mean() / np.linalg.norm(standard))
            best = max(best, (fit, skewness, tails))
    return best[1], best[2]


def main(out: Path, root: Path | None, model: str) -> None:
    """Print a table."""
    embedder = load(model)
    print(f"model {embedder.fingerprint}\n\n| gallery | skewness | tails | same root | spread |")
    print("|---|---|---|---|---|")
    drawn, same_persons = [], []
    for name, sightings in galleries(embedder, root, out).items():
        if len(np.unique(sightings.cameras)) < 2:
            continue
        distances, same = distances_of(sightings)
        if not same.any():
            continue
        own = np.sqrt(distances[same])
        same_persons.append((own.mean() / np.sqrt(np.median(distances)), own.std()))
        drawn += [distances[~same]] if name in SITES else []
        skewness, tails = shape([distances[~same]])
        place, spread = same_persons[-1]
        print(f"| {name} | {skewness:.2f} | {tails:.2f} | {place:.2f} | {spread:.2f} |")
    skewness, tails = shape(drawn)
    place, spread = np.mean(same_persons, axis=0)
    print(f"| **drawn together, mean of all** | {skewness:.2f} | {tails:.2f} ", end="")
    print(f"| {place:.2f} | {spread:.2f} |")
    print(
        f"| `unlabelled.py` | {unlabelled.SKEWNESS:.2f} | {unlabelled.TAILS:.2f} | "
        f"{unlabelled.SAME_ROOT:.2f} | {unlabelled.SAME_SPREAD:.2f} |"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--model", default="default")
    arguments = parser.parse_args()
    main(arguments.out, arguments.root, arguments.model)
