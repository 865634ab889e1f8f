"""Linking beside connected components and DBSCAN at their best: left-out sources, drawn sites.

    python benchmarks/linking.py OUT [--root ROOT] [--model MODEL]

The galleries of galleries.py, each sighting by itself (no tracklets, times or names). The peers get
the threshold, and DBSCAN the number of neighbours, that the true persons show to be best, on plain
vectors and on vectors less their camera's mean; Passerby links as it does by default in a gallery
that is not calibrated. Prints B-cubed precision, recall and F1 (Bagga and Baldwin 1998).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from galleries import galleries

from passerby.adaptation.camera_means import camera_means
from passerby.embedding.embedder import load
from passerby.gallery.link.agreement import Score, agreement
from passerby.gallery.link.linking import link
from passerby.gallery.link.rules import Rules
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit

LEVELS = np.geomspace(1e-4, 0.15, 30)  # quantiles of the distances that are tried as thresholds
NEIGHBOURS = (1, 2, 3, 4, 5)  # within the threshold, the sighting with them; 1: components
COSTS = (1.0, 0.5, 0.2, 0.1)


def components(near: np.ndarray) -> np.ndarray:
    """A number [N] for each connected component of a graph [N, N], by spreading the least."""
    labels = np.arange(len(near))
    while True:
        least = np.where(near, labels, len(near)).min(axis=1)
        spread = np.minimum(least, least[least])
        if (spread == labels).all():
            return labels
        labels = spread


def dbscan(distances: np.ndarray, threshold: float, neighbours: int) -> np.ndarray:
    """Groups [N] as DBSCAN has them (Ester et al. 1996); noise is each by itself."""
    near = distances < threshold
    np.fill_diagonal(near, True)
    central = near.sum(axis=1) >= neighbours
    labels = components((near & central & central[:, None]) | np.eye(len(near), dtype=bool))
    for row in np.flatnonzero(~central).tolist():
        around = np.flatnonzero(near[row] & central)
        if len(around):
            labels[row] = labels[around[distances[row, around].argmin()]]
    return labels


def best_of_peers(persons: np.ndarray, vectors: np.ndarray) -> dict[str, Score]:
    """The best B-cubed of either peer over thresholds and neighbours, by true persons."""
    units = unit(vectors)
    distances = np.maximum(1 - units @ units.T, 0)
    thresholds = np.quantile(distances[np.triu_indices(len(units), 1)], LEVELS)
    found: dict[str, list[Score]] = {"components": [], "DBSCAN": []}
    for threshold in thresholds.tolist():
        for neighbours in NEIGHBOURS:
            groups = dbscan(distances, threshold, neighbours)
            name = "components" if neighbours == 1 else "DBSCAN"
            found[name].append(agreement(persons, groups).b_cubed)
    return {name: max(scores, key=lambda score: score.f1) for name, scores in found.items()}


def linked(sightings: Sightings, dimensions: int, cost: float) -> Score:
    """B-cubed of the default linking of a gallery of these, as if nothing of them were known."""
    store = MemoryStore.create(
        f"memory://linking-{id(sightings)}-{cost}", About("", "", dimensions)
    )
    nobody = np.full(len(sightings), "")
    store.write(replace(sightings, persons=nobody, tracklets=np.full(len(sightings), -1)))
    found = link(store, rules=Rules(cost=cost))
    true = dict(zip(sightings.ids.tolist(), sightings.persons.tolist(), strict=True))
    return agreement([true[one] for one in found.ids.tolist()], found.groups).b_cubed


def rows(name: str, sightings: Sightings) -> Iterator[str]:
    """A row of the table, and one with other costs."""
    means = camera_means(sightings.vectors, sightings.sources, sightings.cameras)
    centred = means.removed(sightings.vectors, sightings.sources, sightings.cameras)
    plain = best_of_peers(sightings.persons, sightings.vectors)
    ours = {cost: linked(sightings, sightings.vectors.shape[1], cost) for cost in COSTS}
    default = ours[Rules().cost]
    peers = [*plain.values(), *best_of_peers(sightings.persons, centred).values()]
    cells = [name, f"{len(sightings):,} / {len(np.unique(sightings.persons)):,}"]
    cells += [f"{100 * peer.f1:.1f}" for peer in peers]
    cells.append(
        f"**{100 * default.f1:.1f}** ({100 * default.precision:.0f} / {100 * default.recall:.0f})"
    )
    cells += [f"{100 * score.f1:.1f}" for cost, score in ours.items() if cost != Rules().cost]
    yield "| " + " | ".join(cells) + " |"


def main(out: Path, root: Path | None, model: str) -> None:
    """Print the table."""
    embedder = load(model)
    others = [f"cost {cost:g}" for cost in COSTS if cost != Rules().cost]
    print(f"model {embedder.fingerprint}\n")
    print(
        "| gallery | sightings / persons | components | DBSCAN | components, camera means | "
        f"DBSCAN, camera means | **Passerby**, cost {Rules().cost:g} (precision / recall) | "
        + " | ".join(others)
        + " |\n|"
        + "---|" * (7 + len(others))
    )
    for name, sightings in galleries(embedder, root, out).items():
        for line in rows(name, sightings):
            print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--model", default="default")
    arguments = parser.parse_args()
    main(arguments.out, arguments.root, arguments.model)
