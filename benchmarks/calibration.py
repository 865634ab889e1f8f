"""How few judged pairs calibrate a model on cameras that it was not learnt on.

    python benchmarks/calibration.py --data ROOT --sources CSV [MODEL ...] [--draws 20]

On the train persons of each source that several cameras saw (never on a test part; their labels
answer the questions). For each number of pairs, the cost of the likelihood ratios (Cllr) of all
pairs across cameras, divided by the least that any non-increasing mapping of these very pairs has:
the median of the draws, and what nine in ten stay below. Pairs are drawn half of one person and
half of two ("labelled"), or asked ten at a time as `passerby gallery calibrate --review` asks
("asked": the line beside the unlabelled ratio, and the line alone). Beside them a logistic line and
isotonic steps of the labelled pairs, and the model's own calibration. Prints a Markdown table a
model, then stated and found costs of the asked pairs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from people import read_ranges
from unseen_cameras import seen_by_several

import passerby
from passerby.assessment.calibrate import calibration_file, find_calibration
from passerby.embedding.embedder import load
from passerby.evaluation.decisions.judged.calibrating import counted, expected_excess
from passerby.evaluation.decisions.judged.choosing import telling_distances
from passerby.evaluation.decisions.judged.line import (
    LineFit,
    PriorLine,
    fit_answered,
    fit_labelled,
)
from passerby.evaluation.decisions.judged.pooled import pooled, unlabelled_of
from passerby.evaluation.decisions.likelihood import (
    Curve,
    cllr,
    fit_isotonic,
    fit_logistic,
    minimum_cllr,
)
from passerby.evaluation.decisions.pairs import Pairs, count_pairs
from passerby.tables.embeddings import Embeddings

COUNTS = (10, 20, 50, 100, 300)
AT_ONCE = 10
LIMITS = (-20.0, 20.0)


@dataclass(frozen=True, eq=False)
class Source:
    """Pairs across cameras of one source: distances [P], same [P]."""

    name: str
    distances: NDArray[np.float64]
    same: NDArray[np.bool_]
    embeddings: Embeddings

    @classmethod
    def of(cls, name: str, known: Embeddings) -> Source:
        """All pairs of images by two cameras."""
        blocks = [*Pairs(known, kind="across cameras").blocks()]
        counted = [block.counted for block in blocks]
        distances = [b.distances[c] for b, c in zip(blocks, counted, strict=True)]
        same = [b.same[c] for b, c in zip(blocks, counted, strict=True)]
        return cls(name, np.concatenate(distances).astype(float), np.concatenate(same), known)


def drawn(source: Source, count: int, draw: int) -> NDArray[np.int64]:
    """Rows of pairs, half of one person, half of two."""
    random = np.random.default_rng([draw, count])
    halves = [
        random.choice(rows, min(count // 2, len(rows)), replace=False)
        for rows in (np.flatnonzero(source.same), np.flatnonzero(~source.same))
    ]
    return np.concatenate(halves)


def asked(source: Source, line: PriorLine, draw: int) -> Iterator[tuple[int, LineFit]]:
    """Number of answers and the fit after each ten questions."""
    random = np.random.default_rng([draw, 99])
    open_, rows = np.ones(len(source.same), bool), np.empty(0, int)
    fit = fit_answered([], [], line, source.distances)
    while len(rows) < max(COUNTS) and open_.any():
        seed = 1000 * draw + len(rows)
        for distance in telling_distances(fit, source.distances, AT_ONCE, seed):
            left = np.flatnonzero(open_)
            nearest = np.argsort(np.abs(source.distances[left] - distance))[:5]
            row = int(left[random.choice(nearest)])
            open_[row] = False
            rows = np.append(rows, row)
        fit = fit_answered(source.distances[rows], source.same[rows], line, source.distances)
        yield len(rows), fit


def costs(source: Source, line: PriorLine, draws: int) -> dict[str, dict[int, list[float]]]:
    """Cllr by method and number of pairs, one for each draw; "expected": stated excess."""
    counts = count_pairs(Pairs(source.embeddings, kind="across cameras"))
    most = float(source.distances.max())
    methods: dict[str, Callable[[NDArray[np.int64]], Curve]] = {
        "logistic": lambda rows: fit_logistic(counted(source.distances[rows], source.same[rows])),
        "isotonic": lambda rows: fit_isotonic(counted(source.distances[rows], source.same[rows])),
        "labelled": lambda rows: fit_labelled(
            source.distances[rows], source.same[rows], line
        ).curve(most, LIMITS),
    }
    shown = unlabelled_of(source.distances)
    names = (*methods, "asked, the line alone", "asked", "expected excess")
    found: dict[str, dict[int, list[float]]] = {name: {n: [] for n in COUNTS} for name in names}
    for draw in range(draws):
        for count in COUNTS:
            rows = drawn(source, count, draw)
            for name, method in methods.items():
                found[name][count].append(cllr(counts, method(rows)))
        for count, fit in asked(source, line, draw):
            if count in COUNTS:
                fitted = fit.curve(most, LIMITS)
                found["asked, the line alone"][count].append(cllr(counts, fitted))
                curve = pooled(fitted, fitted, shown, count)
                found["asked"][count].append(cllr(counts, curve))
                found["expected excess"][count].append(expected_excess(fit, counts))
    return found


def main() -> None:
    """A table for each model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="*", default=["default"])
    parser.add_argument("--data", required=True)
    parser.add_argument("--sources", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=20)
    arguments = parser.parse_args()
    records = list(passerby.read_split(arguments.data).train)
    records = [records[row] for row in seen_by_several(records)]
    for model in arguments.models:
        embedder = load(model)
        known = embedder.embed(records).embeddings
        own = find_calibration(calibration_file(model), embedder)
        print(f"\n{model}, {arguments.draws} draws: Cllr over the least of these pairs, ", end="")
        print("median (9 in 10 below)\n")
        print("| source | pairs judged by | " + " | ".join(map(str, COUNTS)) + " |")
        print("|---|---|" + "---|" * len(COUNTS))
        for first, last, name in read_ranges(arguments.sources):
            chosen = (known.persons >= first) & (known.persons <= last)
            if not chosen.any():
                continue
            _print_source(Source.of(name, known[chosen]), own, arguments.draws)


def _print_source(source: Source, own: passerby.Calibration | None, draws: int) -> None:
    line = PriorLine.of(own.curve) if own else PriorLine.of_distances(source.distances)
    counts = count_pairs(Pairs(source.embeddings, kind="across cameras"))
    least, smooth = minimum_cllr(counts), cllr(counts, fit_logistic(counts))
    persons, same = len(np.unique(source.embeddings.persons)), int(source.same.sum())
    whole = (
        f"{persons} persons, {same:,} pairs of one, {len(source.same) - same:,} of two; least "
        f"{least:.3f} bits; the line of all pairs {smooth / least:.3f}"
    )
    if own:
        whole += f"; the model's own calibration {cllr(counts, own.curve) / least:.3f}"
    print(f"| **{source.name}** | {whole} |" + " |" * len(COUNTS))
    found = costs(source, line, draws)
    for name, by_count in found.items():
        scale = 1.0 if name == "expected excess" else least
        cells = [
            f"{np.median(v) / scale:.3f} ({np.quantile(v, 0.9) / scale:.2f})" if v else "–"
            for v in by_count.values()
        ]
        print(f"| | {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
