"""What a calibration of each two cameras is worth beside one of all cameras.

    python benchmarks/camera_pairs.py OUT [--root ROOT] [--model MODEL] [--draws 10]

Galleries as in galleries.py: drawn sites of five cameras, and the train persons of a mixed set, all
sources as one gallery and each by itself, never the test part. For each number of judged pairs of
each two cameras (half of one person, half of two, drawn by seed) a calibration of all of them is
fitted, and two cameras get one of their own where held-out pairs say so
(`passerby.evaluation.decisions.judged.camera_pairs`). Prints a Markdown table: the mean over pairs
of cameras of the cost (Cllr, bits) of all their pairs of pictures, by the common calibration, by
this way, and by an own line for each two cameras, come what may; how many pairs of cameras have
their own; and the most that any two cameras lost. Medians of the draws; of the most lost the worst.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
from galleries import galleries

from passerby.embedding.embedder import load
from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.judged.calibrating import (
    Subject,
    calibrate_labelled,
    counted,
)
from passerby.evaluation.decisions.judged.camera_pairs import JudgedPairs, between_cameras
from passerby.evaluation.decisions.likelihood import cllr
from passerby.evaluation.decisions.pairs import PairCounts
from passerby.gallery.pair_evidence import camera_names
from passerby.tables.sightings import Sightings

COUNTS = (20, 50, 100)
FEWEST = 25  # pairs of pictures of one person, to judge two cameras by


def pairs_of(sightings: Sightings) -> JudgedPairs:
    """All pairs of pictures by two cameras that have enough of one person."""
    names = camera_names(sightings)
    cosines = sightings.vectors @ sightings.vectors.T
    parts = []
    for one, other in combinations(np.unique(names).tolist(), 2):
        a, b = np.flatnonzero(names == one), np.flatnonzero(names == other)
        same = (sightings.persons[a][:, None] == sightings.persons[b]).ravel()
        if same.sum() >= FEWEST:
            distances = np.maximum(1 - cosines[np.ix_(a, b)].ravel().astype(np.float64), 0)
            owners = np.repeat(np.unique(sightings.persons, return_inverse=True)[1][a], len(b))
            parts.append((distances, same, owners, np.tile([[one, other]], (len(same), 1))))
    distances, same, groups, cameras = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return JudgedPairs(distances, same, groups, cameras)


def some(every: JudgedPairs, rows: np.ndarray) -> JudgedPairs:
    """Some of the pairs."""
    return JudgedPairs(
        every.distances[rows], every.same[rows], every.groups[rows], every.cameras[rows]
    )


def draw(every: JudgedPairs, keys: np.ndarray, count: int, seed: int) -> JudgedPairs:
    """So many pairs of each two cameras, half of one person."""
    random = np.random.default_rng([seed, count])
    chosen = [
        random.permutation(np.flatnonzero((keys == key) & (every.same == same)))[: count // 2]
        for key in np.unique(keys)
        for same in (True, False)
    ]
    return some(every, np.concatenate(chosen))


def costs(
    judged: JudgedPairs, truth: dict[tuple[str, str], PairCounts], subject: Subject
) -> tuple[float, float, float, int, float]:
    """Mean costs (common, where better, always), how many have their own, the most lost."""
    common = calibrate_labelled(judged.distances, judged.same, judged.groups, subject)
    kept = {one.cameras: one for one in between_cameras(judged, common, subject)}
    part = replace(subject, prior=common, part=True)
    found = []
    for cameras, counts in truth.items():
        rows = np.flatnonzero((judged.cameras == cameras).all(axis=1))
        own = some(judged, rows)
        always = calibrate_labelled(own.distances, own.same, own.groups, part)
        judges: tuple[Calibration, ...] = (common, kept.get(cameras, common), always)
        found.append([cllr(counts, each.curve) for each in judges])
    plain, better, always_own = np.mean(found, axis=0).tolist()
    lost = max(row[1] - row[0] for row in found)
    return plain, better, always_own, len(kept), lost


def main(out: Path, root: Path | None, model: str, draws: int) -> None:
    """Print the table."""
    embedder = load(model)
    parts = galleries(embedder, root, out)
    real = [part for name, part in parts.items() if not name.startswith("drawn")]
    if real:
        parts = {"mixed": Sightings.joined(real), **parts}
    subject = Subject(embedder.fingerprint, embedder.pooling, "across cameras")
    print(f"model {embedder.fingerprint}, {draws} draws\n")
    print(
        "| gallery, pairs of cameras | judged of each | common | own where better | always own | "
        "have their own | most lost |\n|---|---|---|---|---|---|---|"
    )
    for name, sightings in parts.items():
        if len(np.unique(camera_names(sightings))) < 3:
            continue
        every = pairs_of(sightings)
        names, keys = np.unique(every.cameras, axis=0, return_inverse=True)
        keys = keys.reshape(-1)
        truth = {
            (str(one), str(other)): counted(every.distances[keys == key], every.same[keys == key])
            for key, (one, other) in enumerate(names.tolist())
        }
        for count in COUNTS:
            found = np.array(
                [costs(draw(every, keys, count, seed), truth, subject) for seed in range(draws)]
            )
            common, better, always, kept, _ = np.median(found, axis=0)
            print(
                f"| {name}, {len(truth)} | {count} | {common:.3f} | {better:.3f} | {always:.3f} | "
                f"{kept:g} | {found[:, 4].max():+.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--draws", type=int, default=10)
    arguments = parser.parse_args()
    main(arguments.out, arguments.root, arguments.model, arguments.draws)
