"""Linking beside connected components and DBSCAN at their best: left-out sources, drawn sites.

    python benchmarks/linking.py OUT [--root ROOT] [--model MODEL] [--made 40000]

The galleries of galleries.py, each sighting by itself (no tracklets, times or names). The peers get
the threshold, and DBSCAN the number of neighbours, that the true persons show to be best, on plain
vectors and on vectors less their camera's mean; Passerby links as it does by default in a gallery
that is not calibrated. Prints B-cubed precision, recall and F1 (Bagga and Baldwin 1998). With
--made: of a gallery of so many made sightings alone, with seconds and memory (a Linux machine).
"""

from __future__ import annotations

import argparse
import itertools
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from galleries import PERSONS, SITES, galleries, made

from passerby.adaptation.camera_means import camera_means
from passerby.embedding.embedder import load
from passerby.evaluation.ranking.neighbours import UnitVectors, neighbours
from passerby.gallery.link.agreement import Score, agreement
from passerby.gallery.link.linking import link
from passerby.gallery.link.rules import Rules
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.sightings import Sightings

AROUND = np.geomspace(0.1, 100, 30)  # sightings within a threshold on average: thresholds tried
NEIGHBOURS = (1, 2, 3, 4, 5)  # within the threshold, the sighting with them; 1: components
MOST = 100  # neighbours of each that are looked at
COSTS = (1.0, 0.5, 0.2, 0.1)
_STORES = itertools.count()  # of which each has a name of its own


@dataclass(frozen=True, eq=False)
class Near:
    """The nearest others of each of N sightings: rows [N, K], and distances [N, K], ascending."""

    others: np.ndarray
    distances: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> Near:
        """The hundred nearest, as far as there are so many."""
        units = UnitVectors([np.ascontiguousarray(vectors, np.float32)])
        found = neighbours(units, min(MOST + 1, len(vectors))).nearest
        rows = np.arange(len(found))[:, None]
        # Each is its own nearest, but for copies: it is taken out wherever it stands.
        itself = found == rows
        itself[~itself.any(axis=1), -1] = True
        others = found[~itself].reshape(len(found), -1)
        flat = np.repeat(rows, others.shape[1], axis=1).ravel()
        squared = units.squared_distances(flat, others.ravel().astype(np.int64))
        distances = squared.reshape(others.shape) / 2
        order = np.argsort(distances, axis=1, kind="stable")
        return cls(
            np.take_along_axis(others, order, 1).astype(np.int64),
            np.take_along_axis(distances, order, 1),
        )

    def thresholds(self) -> list[float]:
        """Within which there are so many others on average."""
        few = AROUND[: int(np.searchsorted(AROUND, self.distances.shape[1] / 2))]
        places = (few * len(self.distances)).astype(int)
        return np.sort(self.distances, axis=None)[places].tolist()


def components(count: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A number [N] for each connected component of a graph of edges [E], by spreading the least."""
    labels = np.arange(count)
    while True:
        spread = labels.copy()
        np.minimum.at(spread, one, labels[other])
        np.minimum.at(spread, other, labels[one])
        spread = spread[spread]
        if (spread == labels).all():
            return labels
        labels = spread


def dbscan(near: Near, threshold: float, least: int) -> np.ndarray:
    """Groups [N] as DBSCAN has them (Ester et al. 1996); noise is each by itself."""
    within = near.distances < threshold
    central = 1 + within.sum(axis=1) >= least
    both = within & central[near.others] & central[:, None]
    labels = components(len(central), np.nonzero(both)[0], near.others[both])
    joins = within & central[near.others]
    for row in np.flatnonzero(~central & joins.any(axis=1)).tolist():
        labels[row] = labels[near.others[row, joins[row].argmax()]]
    return labels


def best_of_peers(persons: np.ndarray, vectors: np.ndarray) -> dict[str, Score]:
    """The best B-cubed of either peer over thresholds and neighbours, by true persons."""
    near = Near.of(vectors)
    found: dict[str, list[Score]] = {"components": [], "DBSCAN": []}
    for threshold in near.thresholds():
        for least in NEIGHBOURS:
            name = "components" if least == 1 else "DBSCAN"
            groups = dbscan(near, threshold, least)
            found[name].append(agreement(persons, groups).b_cubed)
    return {name: max(scores, key=lambda score: score.f1) for name, scores in found.items()}


def linked(sightings: Sightings, rules: Rules) -> Score:
    """B-cubed of the default linking of a gallery of these, as if nothing of them were known."""
    about = About("", "", sightings.vectors.shape[1])
    store = MemoryStore.create(f"memory://linking-{next(_STORES)}", about)
    nobody = np.full(len(sightings), "")
    store.write(replace(sightings, persons=nobody, tracklets=np.full(len(sightings), -1)))
    found = link(store, rules=rules)
    true = dict(zip(sightings.ids.tolist(), sightings.persons.tolist(), strict=True))
    return agreement([true[one] for one in found.ids.tolist()], found.groups).b_cubed


def both_ways(sightings: Sightings) -> list[np.ndarray]:
    """Vectors as they are, and less their camera's mean."""
    means = camera_means(sightings.vectors, sightings.sources, sightings.cameras)
    centred = means.removed(sightings.vectors, sightings.sources, sightings.cameras)
    return [sightings.vectors, centred]


def row(name: str, sightings: Sightings) -> str:
    """A row of the table: peers, the default, other costs, and told how many passages there are."""
    peers = [
        score
        for vectors in both_ways(sightings)
        for score in best_of_peers(sightings.persons, vectors).values()
    ]
    ours = {cost: linked(sightings, Rules(cost=cost)) for cost in COSTS}
    default = ours.pop(Rules().cost)
    sizes = np.unique(sightings.persons, return_counts=True)[1]
    passages = max(1.01, float((sizes**2).sum() / sizes.sum()))  # of a sighting's person
    told = linked(sightings, Rules(passages=passages))
    cells = [name, f"{len(sightings):,} / {len(sizes):,}"]
    cells += [f"{100 * peer.f1:.1f}" for peer in peers]
    cells.append(f"**{100 * default.f1:.1f}** {_parts(default)}")
    cells += [f"{100 * score.f1:.1f}" for score in ours.values()]
    cells.append(f"{100 * told.f1:.1f} ({passages:.1f})")
    return "| " + " | ".join(cells) + " |"


def _parts(score: Score) -> str:
    return f"({100 * score.precision:.0f} / {100 * score.recall:.0f})"


def table(found: dict[str, Sightings]) -> None:
    """Print the galleries row by row."""
    others = [f"cost {cost:g}" for cost in COSTS if cost != Rules().cost]
    print(
        "| gallery | sightings / persons | components | DBSCAN | components, camera means | "
        f"DBSCAN, camera means | **Passerby**, cost {Rules().cost:g} (precision / recall) | "
        + " | ".join(others)
        + " | told the passages |\n|"
        + "---|" * (8 + len(others))
    )
    for name, sightings in found.items():
        print(row(name, sightings), flush=True)


def large(sightings: Sightings) -> None:
    """Print a table of one large gallery: a row a way, with what it takes."""
    print(
        f"{len(sightings):,} made sightings of {len(np.unique(sightings.persons)):,} persons\n\n"
        "| grouped by | precision | recall | F1 | seconds | memory, MB |\n|---|---|---|---|---|---|"
    )
    for cost in (Rules().cost, 1.0):
        began = time.perf_counter()
        score = linked(sightings, Rules(cost=cost))
        seconds = time.perf_counter() - began
        _print_large(f"Passerby, cost {cost:g}", score, f"{seconds:.0f} | {_peak():,.0f}")
    for way, vectors in zip(("", ", camera means"), both_ways(sightings), strict=True):
        for name, score in best_of_peers(sightings.persons, vectors).items():
            _print_large(f"{name} at its best{way}", score, "– | –")


def _print_large(name: str, score: Score, taken: str) -> None:
    shares = (score.precision, score.recall, score.f1)
    cells = " | ".join(f"{100 * share:.1f}" for share in shares)
    print(f"| {name} | {cells} | {taken} |", flush=True)


def _peak() -> float:
    """The largest resident memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or that of a large gallery."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--made", type=int, default=0)
    parser.add_argument("--sites", nargs="+", default=SITES, help="as street:104")
    parser.add_argument("--persons", type=int, default=PERSONS, help="of a drawn site")
    given = parser.parse_args(arguments)
    embedder = load(given.model)
    print(f"model {embedder.fingerprint}\n")
    root = None if given.made else given.root
    found = galleries(embedder, root, given.out, given.sites, given.persons)
    if given.made:
        large(made(list(found.values()), given.made))
    else:
        table(found)


if __name__ == "__main__":
    main()
