"""The shape of strangers' distances, and the place of the same persons'.

    python benchmarks/unlabelled_shape.py OUT [--root ROOT] [--model MODEL] [--sites STYLE:SEED ...]

What `passerby.evaluation.decisions.unlabelled` expects is the mean over drawn sites. OUT keeps
these and vectors (see galleries.py: 250 persons by five cameras each, nobody of whom a packaged
model saw); ROOT is a mixed set of real crops, whose train persons stand beside them and teach
nothing. Of pairs by two cameras, less the cameras' means: the skewness and tails of the
sinh-arcsinh distribution whose quantiles correlate most with those of strangers' distances
(Filliben 1975, "The probability plot correlation coefficient test for normality", Technometrics
17); and of one person the root of the distance, beside that of the median of all pairs, and its
spread.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from math import exp
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


def shape(distances: np.ndarray) -> tuple[float, float]:
    """Skewness and tails whose quantiles (Jones and Pewsey 2009) correlate most with distances."""
    normal = np.arcsinh([NormalDist().inv_cdf(level) for level in LEVELS.tolist()])
    known = np.quantile(distances, LEVELS)
    known = (known - known.mean()) / known.std()
    best = (-np.inf, 0.0, 1.0)
    for skewness in SKEWNESS.tolist():
        for tails in TAILS.tolist():
            standard = np.sinh((normal + skewness) / tails)
            standard -= standard.mean()
            fit = float(known @ standard / np.linalg.norm(standard))
            best = max(best, (fit, skewness, tails))
    return best[1], best[2]


def main(out: Path, root: Path | None, model: str, sites: Sequence[str]) -> None:
    """Print a table."""
    embedder = load(model)
    print(f"model {embedder.fingerprint}\n\n| gallery | skewness | tails | same root | spread |")
    print("|---|---|---|---|---|")
    drawn = []
    for name, sightings in galleries(embedder, root, out, sites).items():
        if len(np.unique(sightings.cameras)) < 2:
            continue
        distances, same = distances_of(sightings)
        if not same.any():
            continue
        own = np.sqrt(distances[same])
        place = float(own.mean() / np.sqrt(np.median(distances)))
        found = (*shape(distances[~same]), place, float(own.std()))
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in found) + " |", flush=True)
        drawn += [found] if name.replace(" ", ":") in sites else []
    for name, values in (
        ("**drawn sites, mean**", np.mean(drawn, axis=0).tolist()),
        ("drawn sites, deviation", np.std(drawn, axis=0).tolist()),
        ("`unlabelled.py` expects", expected(0)),
        ("give or take", expected(1)),
    ):
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |")


def expected(part: int) -> list[float]:
    """Means (0) or deviations (1) of what the code expects; logarithms as factors."""
    skewness, tails = unlabelled.SKEWNESS[part], unlabelled.TAILS[part]
    root, spread = unlabelled.SAME_ROOT[part], unlabelled.SAME_SPREAD[part]
    if part:
        return [skewness, tails * exp(unlabelled.TAILS[0]), root, spread * expected(0)[3]]
    return [skewness, exp(tails), root, exp(spread)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--sites", nargs="+", default=SITES, help="as street:104")
    arguments = parser.parse_args()
    main(arguments.out, arguments.root, arguments.model, arguments.sites)
