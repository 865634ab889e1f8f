"""What fine-tuning on unlabelled sightings is worth on sources that no one trained on: a table.

    python benchmarks/adaptation_training.py [MODEL] --data ROOT --sources CSV --out FOLDER
        [--only SOURCE] [--images N --rounds N] [--last N]

Train persons of a mixed set, never its test part. The persons of each source are halved (seed 0):
the model is fine-tuned on the unlabelled crops of one half and tested on the other, and the other
way round; what is refused counts as the model it was. Every image of a person seen by two or more
cameras is a query among its half's. Prints rank-1 / mAP, pooled over both halves, with the paired
difference of mAP to the plain model and its 95 % interval over persons: plain, by the back-end that
the first half teaches, fine-tuned, and both; then how many pairs of two persons by two cameras are
nearer than one in 1,000 of the drawn persons' are, before and after. Called again it goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from people import read_ranges
from unseen_cameras import seen_by_several

import passerby
from passerby.adaptation.back_end import learnt, within_class_of
from passerby.adaptation.camera_means import camera_texts
from passerby.embedding.embedder import Embedder, load
from passerby.evaluation.report import Report
from passerby.fine_tuning.fine_tune import Effort, GuardWorsened, fine_tune
from passerby.gallery.binding import describe
from passerby.gallery.enrol.enrolment import enrol_crops
from passerby.process.reporting import Silent, reporting_to
from passerby.stores.engines.memory import MemoryStore
from passerby.synthesis.writing import write
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Crop, Record
from passerby.tables.unit_length import unit

STATED = 0.001


def tuned(model: str, records: Sequence[Record], out: Path, effort: Effort, drawn: str) -> str:
    """The folder of the model fine-tuned on crops without their persons, or the model itself where
    that is refused, with the reason printed."""
    if (out / "config.json").is_file():
        return str(out)
    embedder = load(model, flip=True)
    store = MemoryStore(describe(embedder))
    crops = [Crop(r.image, camera=str(r.camera), source=r.source) for r in records]
    enrol_crops(store, embedder, crops)
    try:
        with reporting_to(Silent()):
            fine_tune(model, store, out, rehearsal=drawn, effort=effort, resume=True)
    except (GuardWorsened, ValueError) as error:
        print(f"{out.name}: not fine-tuned: {error}")
        return model
    return str(out)


def reports(model: str, taught: Sequence[Record], tested: Sequence[Record]) -> list[Report]:
    """By plain vectors, and after the back-end that the taught images teach."""
    embedder, rows = load(model), seen_by_several([*tested])
    known = embedder.embed(tested).embeddings
    seen = embedder.embed(taught).embeddings
    prior = within_class_of(embedder.place, embedder.fingerprint)
    back_end = learnt(seen.vectors, *camera_texts(seen)[0], prior=prior)
    mapped = replace(known, vectors=back_end.applied(known.vectors, *camera_texts(known)[0]))
    return [passerby.evaluate(each[rows], each) for each in (known, mapped)]


def different(known: Embeddings) -> np.ndarray:
    """Cosine distances of all pairs of two persons by two cameras."""
    assert known.cameras is not None
    one, other = np.triu_indices(len(known), 1)
    apart = known.persons[one] != known.persons[other]
    apart &= known.cameras[one] != known.cameras[other]
    vectors = unit(known.vectors)
    return (1 - vectors @ vectors.T)[one, other][apart]


def false_matches(embedder: Embedder, drawn: str, tested: Sequence[Record]) -> float:
    """The share of pairs of two persons below the distance that is stated to be 1 in 1,000."""
    at_home = different(embedder.embed(passerby.read_split(drawn).train).embeddings)
    threshold = np.quantile(at_home, STATED)
    return float((different(embedder.embed(tested).embeddings) <= threshold).mean())


def figures(found: list[Report], plain: list[Report], seed: int = 0) -> str:
    """rank-1 / mAP over the queries of both halves, and by how much mAP is above the plain one."""
    precisions = np.concatenate([r.average_precisions for r in found])
    gains = precisions - np.concatenate([r.average_precisions for r in plain])
    persons = np.unique(np.concatenate([r.query_persons for r in found]), return_inverse=True)[1]
    sums, counts = np.bincount(persons, gains), np.bincount(persons)
    drawn = np.random.default_rng(seed).integers(len(counts), size=(2000, len(counts)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), (0.025, 0.975))
    queries = np.array([r.queries for r in found])
    rank1 = float(queries @ [r.rank1 for r in found] / queries.sum())
    return (
        f"{rank1:.1f} / {100 * precisions.mean():.1f} "
        f"({100 * gains.mean():+.1f}: {100 * low:+.1f} to {100 * high:+.1f})"
    )


def main() -> None:
    """Fine-tune two models a source, and print a row each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", default="default")
    parser.add_argument("--data", required=True)
    parser.add_argument("--sources", type=Path, required=True, help="first_person,last_person,...")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", action="append")
    parser.add_argument("--images", type=int)
    parser.add_argument("--rounds", type=int, default=Effort().rounds)
    parser.add_argument("--loss", default=Effort().loss)
    parser.add_argument("--last", type=int, default=10**9)
    arguments = parser.parse_args()
    effort = Effort(rounds=arguments.rounds, images=arguments.images, loss=arguments.loss)
    persons = write(
        arguments.out / "drawn", seed=1, train_persons=200, test_persons=0, cameras=4, images=2,
        style="street", sites=10,
    )  # fmt: skip
    drawn = f"market1501={persons}"
    everyone = [r for r in passerby.read_split(arguments.data).train if r.person <= arguments.last]
    print(f"`{load(arguments.model).fingerprint}`, {effort}\n")
    print("| rank-1 / mAP | plain | back-end | fine-tuned | both | false matches, before | after |")
    print("|---|---|---|---|---|---|---|")
    for first, last, source in read_ranges(arguments.sources):
        own = [replace(r, source=source) for r in everyone if first <= r.person <= last]
        asked = not arguments.only or source in arguments.only
        if not asked or not len(seen_by_several(own)):
            continue
        print(row(source, own, arguments.model, arguments.out, effort=effort, drawn=drawn))


def row(
    source: str, own: list[Record], model: str, out: Path, *, effort: Effort, drawn: str
) -> str:
    """A source's row: fine-tuned on each half, tested on the other."""
    people = np.random.default_rng(0).permutation(sorted({r.person for r in own}))
    half = {*people[: len(people) // 2].tolist()}
    parts = [r for r in own if r.person in half], [r for r in own if r.person not in half]
    columns: list[list[Report]] = [[], [], [], []]
    rates: list[tuple[float, float]] = []
    for number, (taught, tested) in enumerate((parts, parts[::-1]), 1):
        made = tuned(model, taught, out / f"{source}-{number}", effort, drawn)
        found = [*reports(model, taught, tested), *reports(made, taught, tested)]
        for column, report in zip(columns, found, strict=True):
            column.append(report)
        before, after = (false_matches(load(each), drawn, tested) for each in (model, made))
        rates.append((before, after))
    cells = [figures(column, columns[0]) for column in columns]
    shares = [f"{np.mean(each):.2g}" for each in zip(*rates, strict=True)]
    return f"| {source} | " + " | ".join([*cells, *shares]) + " |"


if __name__ == "__main__":
    main()
