"""Score models on the train persons of a set that they were not trained on, to choose by.

    python benchmarks/unseen_cameras.py --data ROOT [MODEL ...] [--first N --last N] [--sources CSV]

The test part of a set is scored once; choices need something else. Every train image of a person
seen by two or more cameras is a query, every train image the gallery (the image itself is ignored,
as are all of its person by its camera). "histogram" stands for the colour histogram. Persons can be
restricted to a range, where only some were seen by several cameras. Prints a Markdown table, with
--sources (see people.py) also for the queries of each source in the same gallery, then for each
model with a calibration how its likelihood ratios do on these persons.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from people import read_ranges

import passerby
from passerby.assessment.calibrate import calibration_file, find_calibration
from passerby.embedding.embedder import Embedder, load
from passerby.embedding.histogram import embed_histograms
from passerby.evaluation.decisions.likelihood import (
    calibration_error,
    cllr,
    minimum_cllr,
    reliability,
)
from passerby.evaluation.decisions.pairs import Pairs, count_pairs
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Record


def seen_by_several(records: list[Record]) -> np.ndarray:
    """Rows of the records whose person was seen by two or more cameras."""
    cameras = defaultdict(set)
    for record in records:
        cameras[record.person].add(record.camera)
    return np.array([row for row, r in enumerate(records) if len(cameras[r.person]) > 1])


def evidence(embedder: Embedder, known: Embeddings, model: str) -> str:
    """How the stored calibration does on the pairs of these images."""
    calibration = find_calibration(calibration_file(model), embedder)
    if calibration is None:
        return f"{model}: no calibration"
    counts = count_pairs(Pairs(known))
    bins = reliability(counts, calibration.curve)
    lines = [
        f"{model}: Cllr {cllr(counts, calibration.curve):.3f} bits, at best "
        f"{minimum_cllr(counts):.3f}; expected calibration error "
        f"{100 * calibration_error(bins):.1f} %"
    ]
    for point in calibration.points:
        below = counts.upper <= point.threshold
        lines.append(
            f"  decided at a false-match rate of {point.false_match_rate:g}: "
            f"{counts.different[below].sum() / counts.different.sum():.2g} here, finds "
            f"{100 * counts.same[below].sum() / counts.same.sum():.1f} % of the true pairs"
        )
    return "\n".join(lines)


def main() -> None:
    """Print a row a model, then a paragraph a calibration."""
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="*", default=["histogram", "default"])
    parser.add_argument("--data", required=True)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, default=10**9)
    parser.add_argument("--flip", action="store_true")
    parser.add_argument("--sources", type=Path, help="first_person,last_person,source")
    arguments = parser.parse_args()
    split = passerby.read_split(arguments.data)
    records = [r for r in split.train if arguments.first <= r.person <= arguments.last]
    rows, paragraphs = seen_by_several(records), []
    print(f"{len(rows)} queries of {len({records[row].person for row in rows})} persons\n")
    parts = {"all": rows}
    for first, last, source in read_ranges(arguments.sources) if arguments.sources else ():
        of_source = [row for row in rows if first <= records[row].person <= last]
        if of_source:
            parts[source] = np.array(of_source)
    print("| rank-1 / mAP | " + " | ".join(parts) + " |\n|---|" + "---|" * len(parts))
    for model in arguments.models:
        if model == "histogram":
            known = embed_histograms(records).embeddings
        else:
            embedder = load(model, flip=arguments.flip)
            known = embedder.embed(records).embeddings
            if not arguments.flip:
                paragraphs.append(evidence(embedder, known[rows], model))
        reports = [passerby.evaluate(known[part], known) for part in parts.values()]
        figures = [f"{each.rank1:.1f} / {each.mean_average_precision:.1f}" for each in reports]
        print(f"| {model} | " + " | ".join(figures) + " |")
    print("\n" + "\n".join(paragraphs))


if __name__ == "__main__":
    main()
