"""Time and memory of evaluation, beside the bare matrix product and other toolkits.

    python benchmarks/evaluation.py [--scale market msmt17] [--only NAME ...] [--seed 0]

Prints the CPU and a Markdown table. The vectors are made: clusters of 2,048 dimensions, a person
each. Each row is measured in processes of its own, all rows once a round, so that other work on the
machine meets all of them alike: the medians over the rounds of CPU and wall time and of the ratio
to the round's product, and how far the peak of resident memory rises above what the process holds
with the vectors loaded. Toolkits
that are not installed say so. A row more is a function from query and gallery to scores, and its
entry in ROWS.
"""

from __future__ import annotations

import argparse
import collections
import collections.abc
import importlib
import json
import os
import subprocess
import sys
import time
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import torch
from processor import processor

from passerby.evaluation.decisions.openset import identify
from passerby.evaluation.decisions.verification import RATES, verify
from passerby.evaluation.evaluate import evaluate
from passerby.tables.embeddings import Embeddings

# Images of query and gallery, persons and cameras.
SCALES = {
    "small": (300, 1_500, 60, 6),
    "market": (3_368, 15_913, 750, 6),
    "msmt17": (11_659, 82_161, 3_060, 15),
}
WIDTH = 2_048
Scores = dict[str, float]


def made_vectors(scale: str, seed: int) -> tuple[Embeddings, Embeddings]:
    """Query and gallery around one centre a person; a sixth of the gallery are distractors."""
    queries, images, persons, cameras = SCALES[scale]
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((persons + 1, WIDTH), np.float32)

    def part(count: int, distractors: float) -> Embeddings:
        numbers = rng.integers(1, persons + 1, count)
        strange = rng.random(count) < distractors
        vectors = 4 * rng.standard_normal((count, WIDTH), np.float32)
        vectors[~strange] += centres[numbers[~strange]]
        numbers[strange] = 0
        return Embeddings(vectors, numbers, rng.integers(1, cameras + 1, count))

    return part(queries, 0), part(images, 1 / 6)


def product(query: Embeddings, gallery: Embeddings) -> Scores:
    """The bare matrix product, 1,024 queries at a time: what all others are compared with."""
    one, other = torch.from_numpy(query.vectors), torch.from_numpy(gallery.vectors).T
    block = torch.empty(1024, len(gallery))
    for start in range(0, len(query), 1024):
        rows = one[start : start + 1024]
        torch.mm(rows, other, out=block[: len(rows)])
    return {}


def passerby_cosine(query: Embeddings, gallery: Embeddings) -> Scores:
    """Ours, by the cosine."""
    return evaluate(query, gallery).figures()


def passerby_euclidean(query: Embeddings, gallery: Embeddings) -> Scores:
    """Ours, by the Euclidean distance."""
    return evaluate(query, gallery, "euclidean").figures()


def passerby_verify(query: Embeddings, gallery: Embeddings) -> Scores:
    """Ours: ROC, true matches at false-match rates and EER over all pairs, without a bootstrap."""
    found = verify(query, gallery)
    rates = {f"TPR@{p.false_match_rate:g}": 100 * p.true_match_rate for p in found.points}
    return rates | {"EER": 50 * (found.equal_error_rate.low + found.equal_error_rate.high)}


def passerby_identify(query: Embeddings, gallery: Embeddings) -> Scores:
    """Ours: open-set identification over five splits, with intervals over persons."""
    found = identify(query, gallery)
    return {f"TPIR@{point.fpir:g}": 100 * point.tpir for point in found.points}


def torchreid(query: Embeddings, gallery: Embeddings) -> Scores:
    """torchreid's matrix and evaluator; the package has no source of its compiled one."""
    distance = importlib.import_module("torchreid.reid.metrics.distance")
    rank = importlib.import_module("torchreid.reid.metrics.rank")
    vectors = torch.from_numpy(query.vectors), torch.from_numpy(gallery.vectors)
    table = distance.compute_distance_matrix(*vectors, "cosine").numpy()
    cmc, mean_average_precision = rank.evaluate_rank(table, *_labels(query, gallery))
    return {"rank1": 100 * cmc[0], "mean_average_precision": 100 * mean_average_precision}


def fastreid(query: Embeddings, gallery: Embeddings) -> Scores:
    """fastreid's evaluator, as its own evaluation calls it; compiled where that was done."""
    rank = _fastreid_module("fastreid.evaluation.rank")
    table = _fastreid_distances(query, gallery)
    cmc, precisions, penalties = rank.evaluate_rank(table, *_labels(query, gallery))
    return {
        "rank1": 100 * cmc[0],
        "mean_average_precision": 100 * np.mean(precisions),
        "minp": 100 * np.mean(penalties),
    }


def fastreid_roc(query: Embeddings, gallery: Embeddings) -> Scores:
    """fastreid's pairs and scikit-learn's curve, as its own evaluation calls them.

    It labels pairs of different persons 1 and takes the distance as their score, so that its own
    "TPR@FPR" is the share of different persons rejected where that share of the same is. Turned
    round here, at the same cost, to be comparable.
    """
    roc = _fastreid_module("fastreid.evaluation.roc")
    curves = importlib.import_module("sklearn.metrics")
    distances, different = roc.evaluate_roc(
        _fastreid_distances(query, gallery), *_labels(query, gallery)
    )
    different = np.asarray(different)
    false, true, _ = curves.roc_curve(1 - different, -np.asarray(distances))
    within = np.searchsorted(false, RATES, side="right") - 1
    return {f"TPR@{rate:g}": 100 * true[at] for rate, at in zip(RATES, within, strict=True)}


def _fastreid_module(name: str) -> types.ModuleType:
    """It was written for Python before 3.10."""
    collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined]
    return importlib.import_module(name)


def _fastreid_distances(query: Embeddings, gallery: Embeddings) -> np.ndarray:
    """As in its evaluator: vectors at length one, then 1 - product."""
    normalise = torch.nn.functional.normalize
    one, other = (normalise(torch.from_numpy(part.vectors)) for part in (query, gallery))
    return (1 - torch.mm(one, other.T)).numpy()


def roboflow(query: Embeddings, gallery: Embeddings) -> Scores:
    """Roboflow reid's matrix and evaluator."""
    metrics = importlib.import_module("reid.eval.metrics")
    table = metrics.distance_matrix(query.vectors, gallery.vectors)
    found = metrics._compute_reid_metrics(table, *_labels(query, gallery))
    names = ("rank1", "mean_average_precision", "minp")
    return {name: getattr(found, name) for name in names}


def _labels(query: Embeddings, gallery: Embeddings) -> tuple:
    return query.persons, gallery.persons, query.cameras, gallery.cameras


@dataclass(frozen=True)
class Row:
    """A row of the table: its title, what runs, the row whose CPU time it is divided by, and why it
    is left out at some scale; once: too slow to be repeated.
    """

    title: str
    run: Callable[[Embeddings, Embeddings], Scores]
    against: str = "product"
    left_out: dict[str, str] = field(default_factory=dict)
    once: bool = False


ROWS = {
    "product": Row("bare product", product),
    "passerby": Row("passerby.evaluate, cosine", passerby_cosine),
    "passerby-euclidean": Row("passerby.evaluate, Euclidean", passerby_euclidean),
    "fastreid": Row(
        "fastreid, cosine", fastreid, left_out={"msmt17": "three matrices of Q × G: about 15 GB"}
    ),
    "reid": Row("Roboflow reid, cosine", roboflow, once=True),
    "torchreid": Row(
        "torchreid, cosine",
        torchreid,
        left_out={"msmt17": "a Python loop over a billion pairs, three matrices of Q × G"},
        once=True,
    ),
    "verify": Row("passerby verify: TPR at FPR, EER", passerby_verify),
    "fastreid-roc": Row(
        "fastreid and scikit-learn: TPR at FPR",
        fastreid_roc,
        left_out={"msmt17": "keeps and sorts a billion pairs: tens of GB"},
        once=True,
    ),
    "identify": Row("passerby open set, 5 splits: TPIR at FPIR", passerby_identify),
}


def measured(name: str, scale: str, seed: int) -> dict:
    """Measure one row in this process."""
    warnings.simplefilter("ignore")
    run = ROWS[name].run
    run(*made_vectors("small", seed))  # imports, threads and buffers are not what is measured
    query, gallery = made_vectors(scale, seed)
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins again from here
    cpu, wall = time.process_time(), time.perf_counter()
    scores = run(query, gallery)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    memory = _memory("VmHWM") - before
    scores = {figure: round(float(value), 3) for figure, value in scores.items()}
    return {"cpu": cpu, "wall": wall, "memory": memory, "scores": scores}


def _memory(entry: str) -> float:
    """A memory entry of this process in MB (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(entry + ":"):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no {entry}: memory is measured on Linux only")


def measured_apart(name: str, scale: str, options: argparse.Namespace) -> dict:
    """Measure one row in a process of its own."""
    here = [sys.executable, __file__, "--measure", name, "--scale", scale, "--seed", options.seed]
    limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = os.environ | dict.fromkeys(limits, str(options.threads))
    done = subprocess.run(
        list(map(str, here)), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["killed"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def table_line(row: Row, rounds: list[dict], against: list[dict]) -> str:
    """A line of the Markdown table, of a row's rounds and those of the one it is compared with."""
    if "error" in rounds[0]:
        return f"| {row.title} | – | – | – | – | {rounds[0]['error']} |"
    result = rounds[0] | {key: median(one[key] for one in rounds) for key in ("cpu", "wall")}
    result["memory"] = max(one["memory"] for one in rounds)
    both = [(one, by) for one, by in zip(rounds, against, strict=False) if "cpu" in by]
    ratios = [one["cpu"] / by["cpu"] for one, by in both]
    ratio = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else "–"
    names = {"rank1": "rank-1", "mean_average_precision": "mAP", "minp": "mINP"}
    passed_over = ("rank5", "rank10")
    scores = {n: v for n, v in result["scores"].items() if n not in passed_over}
    shown = [f"{names.get(n, n)} {v:.2f}" for n, v in scores.items()]
    return (
        f"| {row.title} | {result['cpu']:.1f} | {ratio} | {result['wall']:.1f} "
        f"| {result['memory']:.0f} | {', '.join(shown)} |"
    )


def main() -> None:
    """Measure the chosen rows at the chosen scales and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", nargs="+", choices=SCALES, default=["market", "msmt17"])
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--measure", choices=ROWS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured(options.measure, options.scale[0], options.seed)))
        return
    print(f"{processor()}, torch {torch.__version__}, numpy {np.__version__}")
    for scale in options.scale:
        queries, images, *_ = SCALES[scale]
        print(f"\n### {scale}: {queries:,} × {images:,}, {WIDTH:,} dimensions\n")
        print("| | CPU s | ratio | wall s | extra memory MB | scores |\n|---|---|---|---|---|---|")
        results: dict[str, list[dict]] = {name: [] for name in options.only}
        for number in range(options.repeat):
            for name, rounds in results.items():
                row, reason = ROWS[name], ROWS[name].left_out.get(scale)
                if reason:
                    rounds.append({"error": f"left out: {reason}"})
                elif number == 0 or not (row.once or "error" in rounds[0]):
                    rounds.append(measured_apart(name, scale, options))
        for name, rounds in results.items():
            print(table_line(ROWS[name], rounds, results.get(ROWS[name].against, [])), flush=True)


if __name__ == "__main__":
    main()
