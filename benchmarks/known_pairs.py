"""What tracks, reviewed pairs and "different" answers add to a back-end learnt without labels.

    python benchmarks/known_pairs.py [MODEL] --data ROOT --sources CSV [--last N] [--draws 3]

Train persons of a mixed set, never its test part; each source by itself. Half of the persons teach
(all of their images, without labels but for what a way is given), the others are the queries and
the gallery. Beside camera means and pseudo pairs (`--adapt`): the images of
a person by one camera as a track; 50 reviewed pairs of one person by two cameras; and 50 answers
"different" about the nearest pairs of two persons, as a term between persons (two covariances,
Prince and Elder 2007: directions are weighed by the share of their variance that is between
persons). Prints a Markdown table of rank-1 / mAP, and by how much mAP is above `--adapt`, with a
95 % interval over persons, for each draw.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from adaptation import changed, figures, several
from people import read_ranges

import passerby
from passerby.adaptation.back_end import BackEnd, learnt, within_class_of
from passerby.adaptation.camera_means import camera_texts
from passerby.adaptation.within_class import SHRINKAGE, WithinClass
from passerby.embedding.embedder import load
from passerby.tables.embeddings import Embeddings
from passerby.tables.unit_length import unit

PAIRS = 50
PRIOR = 300  # pairs that what is between persons by the whole set counts for, beside answers

WAYS = (
    "tracks", "reviewed same", "tracks, reviewed same", "between persons, of all images",
    "between persons, with different",
)  # fmt: skip


def groups(known: Embeddings, way: str, random: np.random.Generator) -> np.ndarray:
    """Who is known to be whom [N]: numbers, -1 for the others."""
    assert known.cameras is not None
    made = np.full(len(known), -1)
    if "tracks" in way:
        both = np.stack([known.persons, known.cameras], axis=1)
        made = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
    if "same" in way:
        one, other = np.triu_indices(len(known), 1)
        pairs = known.persons[one] == known.persons[other]
        pairs &= known.cameras[one] != known.cameras[other]
        rows = random.permutation(np.flatnonzero(pairs))[:PAIRS]
        first = int(made.max()) + 1
        for number, row in enumerate(rows.tolist(), first):
            made[[one[row], other[row]]] = number
    return made


def nearest_strangers(known: Embeddings, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the nearest pairs of two persons by two cameras, as a review would ask about."""
    assert known.cameras is not None
    one, other = np.triu_indices(len(known), 1)
    apart = (known.persons[one] != known.persons[other]) & (
        known.cameras[one] != known.cameras[other]
    )
    one, other = one[apart], other[apart]
    rows = np.argsort((1 - vectors @ vectors.T)[one, other])[:PAIRS]
    return one[rows], other[rows]


def weighed(within: WithinClass, between: np.ndarray) -> np.ndarray:
    """The map [D, D]: whitened by what varies in one person, each direction then shortened by the
    root of the share of its variance that is between persons."""
    wide = within.covariance.shape[0]
    floor = SHRINKAGE * np.trace(within.covariance) / wide
    values, axes = np.linalg.eigh(within.covariance + floor * np.eye(wide))
    white = (axes / np.sqrt(values)) @ axes.T
    ratios, turned = np.linalg.eigh(white @ between @ white)
    ratios = np.maximum(ratios, 0)
    return (turned * np.sqrt(ratios / (1 + ratios))).T @ white


def scored(
    taught: Embeddings, rest: Embeddings, prior: WithinClass | None, way: str, seed: int
) -> passerby.Report:
    """The other persons after what these taught."""
    texts = camera_texts(taught)[0]
    known = groups(taught, way, np.random.default_rng([seed, 1]))
    back_end = learnt(taught.vectors, *texts, prior=prior, persons=known)
    rows = several(rest)
    if back_end.within is None or not way.startswith("between"):  # None: too few pairs
        made = changed(rest, back_end)
        return passerby.evaluate(made[rows], made)
    centred = replace(back_end, within=None)
    vectors = centred.applied(taught.vectors, *texts).astype(np.float64)
    total = np.cov(vectors.T)
    if "different" in way:
        one, other = nearest_strangers(taught, changed(taught, back_end).vectors)
        asked = (vectors[one] - vectors[other]) / np.sqrt(2)
        total = (PRIOR * total + PAIRS * (asked.T @ asked / PAIRS)) / (PRIOR + PAIRS)
    matrix = weighed(back_end.within, total - back_end.within.covariance)
    seen = changed(rest, BackEnd("", "", None, back_end.means))
    made = replace(rest, vectors=unit((seen.vectors @ matrix.T).astype(np.float32)))
    return passerby.evaluate(made[rows], made)


def main() -> None:
    """Embed once, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", default="default")
    parser.add_argument("--data", required=True)
    parser.add_argument("--sources", type=Path, required=True, help="first_person,last_person,...")
    parser.add_argument("--last", type=int, default=10**9)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--vectors", type=Path, help="of these images, from an earlier run")
    arguments = parser.parse_args()
    embedder = load(arguments.model)
    prior = within_class_of(embedder.place, embedder.fingerprint)
    if arguments.vectors is not None and arguments.vectors.is_file():
        known = Embeddings.load(arguments.vectors)
    else:
        known = embedder.embed(passerby.read_split(arguments.data).train).embeddings
        if arguments.vectors is not None:
            known.save(arguments.vectors)
    known = known[np.flatnonzero(known.persons <= arguments.last)]
    print(
        f"model {embedder.fingerprint}\n\n| source, draw | `--adapt` | " + " | ".join(WAYS) + " |"
    )
    print("|---|" + "---|" * (1 + len(WAYS)))
    for first, last, name in read_ranges(arguments.sources):
        own = known[np.flatnonzero((known.persons >= first) & (known.persons <= last))]
        if not len(own) or not len(several(own)):
            continue
        for draw in range(arguments.draws):
            persons = np.random.default_rng(draw).permutation(np.unique(own.persons))
            half = np.isin(own.persons, persons[: len(persons) // 2])
            taught, rest = own[np.flatnonzero(half)], own[np.flatnonzero(~half)]
            plain = scored(taught, rest, prior, "", draw)
            cells = [figures(scored(taught, rest, prior, way, draw), plain) for way in WAYS]
            print(f"| {name}, {draw} | {figures(plain, plain)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
