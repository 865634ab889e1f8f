"""What a precision costs: rank-1 and mAP of a model in bf16 and 8 bits beside it in 32 bits.

    python benchmarks/precision.py --data ROOT [--model default] [--most 0] [EXPORTED ...]

The persons are those of the training part whom two cameras or more saw (never the test part), each
of their images a query. EXPORTED are folders of `passerby export --int8`, each run as it is and,
where this CPU has bfloat16, with its layers in float in that. Prints the CPU and a Markdown table:
scores, the paired difference to 32 bits with its 95 % interval over persons, and what the vectors
turn (1 − cosine, in the mean).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from processor import processor

import passerby
from passerby.embedding.embedder import Embedder
from passerby.evaluation.bootstrap import compare_reports
from passerby.tables.records import JUNK, Record, Split
from passerby.tables.unit_length import unit


def seen_twice(split: Split, most: int) -> list[Record]:
    """Images of the training persons of several cameras, of the first ``most`` of them (0: all)."""
    cameras: dict[int, set[int | None]] = {}
    for record in split.train:
        cameras.setdefault(record.person, set()).add(record.camera)
    persons = [p for p, seen in sorted(cameras.items()) if len(seen) > 1 and p != JUNK]
    chosen = set(persons[: most or None])
    return [record for record in split.train if record.person in chosen]


def contenders(model: str, folders: list[str]) -> Iterator[tuple[str, Embedder]]:
    """Name and Embedder of each that this machine can run, 32 bits first."""
    ways = [(model, "torch", None), (model, "torch", "bf16"), (model, "openvino", "bf16")]
    ways += [(folder, "auto", precision) for folder in folders for precision in (None, "int8-bf16")]
    for place, runtime, precision in ways:
        try:
            embedder = passerby.load(place, runtime=runtime, precision=precision, device="cpu")
        except ValueError as error:  # no bfloat16 here, or not in ONNX Runtime
            print(f"left out: {place} in {runtime} {precision or ''}: {error}")
            continue
        yield f"{place}, {embedder.runtime.name} {embedder.runtime.precision}", embedder


def main() -> None:
    """Score them all on the same images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exported", nargs="*", metavar="EXPORTED")
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--most", type=int, default=0, help="persons (0: all)")
    options = parser.parse_args()
    split = passerby.read_split(options.data)
    records = seen_twice(split, options.most)
    if not records:
        raise SystemExit(f"nobody in the training part of {split.source} was seen by two cameras")
    print(f"{processor()}\n{split.source}: {len(records)} images of persons seen by two cameras\n")
    print("| model | rank-1 | mAP | rank-1 lost | mAP lost | 1 − cosine |")
    print("|---|---|---|---|---|---|")
    plain = vectors = None
    for name, embedder in contenders(options.model, options.exported):
        made = embedder.embed(records).embeddings
        report = passerby.evaluate(made, made)
        units = unit(made.vectors)
        if plain is None or vectors is None:
            plain, vectors = report, units
        lost = compare_reports(report, plain)
        turned = float(np.mean(1 - np.sum(units * vectors, axis=1)))
        print(
            f"| {name} | {report.rank1:.2f} | {report.mean_average_precision:.2f} | "
            f"{lost.rank1.difference} | {lost.mean_average_precision.difference} | {turned:.1e} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
