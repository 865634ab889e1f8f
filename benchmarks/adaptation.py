"""What a back-end learnt without labels is worth on cameras that no one trained on: tables.

    python benchmarks/adaptation.py [MODEL] --data ROOT --sources CSV [--last N] [--within FOLDER]

Train persons of a mixed set, never its test part: every image of a person seen by two or more
cameras is a query, every image of the same source its gallery (the image itself is ignored, as are
those of its person by its camera); "mixed" is one gallery of all sources. Prints Markdown tables of
rank-1 / mAP, plain and mirrored, each with the difference of mAP to the plain cosine and its 95 %
interval over persons; the same with two images a person, where re-ranking has nothing to lean on;
then what is learnt on half of the persons is worth to the other half, also
where every person of the first half was seen by one camera, so that all pseudo pairs are wrong.
--within is a folder with a within_class.safetensors of this model (`passerby adapt MODEL --data
DRAWN --out FOLDER/within_class.safetensors`), where not the model's own: rows are added.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from people import read_ranges
from unseen_cameras import seen_by_several

import passerby
from passerby.adaptation.back_end import BackEnd, learnt, within_class_of
from passerby.adaptation.camera_means import camera_means, camera_texts
from passerby.adaptation.hubness import CorrectedDistances
from passerby.adaptation.within_class import WithinClass
from passerby.embedding.embedder import load
from passerby.evaluation.bootstrap import compare_reports
from passerby.evaluation.report import Report
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Record

Part = tuple[Embeddings, np.ndarray]  # of a gallery, and the rows of its queries


def changed(known: Embeddings, back_end: BackEnd) -> Embeddings:
    """The same images after a back-end."""
    return replace(known, vectors=back_end.applied(known.vectors, *camera_texts(known)[0]))


def ways(within: WithinClass | None) -> dict[str, Callable[[Embeddings, np.ndarray], Report]]:
    """Each way to score the queries of a gallery, by name."""

    def scored(
        means: bool = False, prior: WithinClass | None = None, pairs: bool = False,
        hubness: bool = False, rerank: bool = False,
    ) -> Callable[[Embeddings, np.ndarray], Report]:  # fmt: skip
        def score(known: Embeddings, rows: np.ndarray) -> Report:
            texts = camera_texts(known)[0]
            found = camera_means(known.vectors, *texts) if means else None
            back_end = BackEnd("", "", prior, found)
            if pairs:
                back_end = learnt(known.vectors, *texts, prior=prior)
            made = changed(known, back_end)
            query, distances = made[rows], None
            if hubness:
                distances = CorrectedDistances(query, made)
            if rerank:
                distances = passerby.rerank(query, made)
            return passerby.evaluate(query, made, distances=distances)

        return score

    made = {
        "plain cosine": scored(),
        "re-ranked (k1 20, k2 6)": scored(rerank=True),
        "camera means": scored(True),
        "hubness": scored(hubness=True),
        "means, hubness": scored(True, hubness=True),
        "means, pseudo pairs (`--adapt`)": scored(True, pairs=True),
        "the same, hubness (`--adapt --hubness`)": scored(True, pairs=True, hubness=True),
        "the same, re-ranked": scored(True, pairs=True, rerank=True),
    }
    if within is not None:
        made["covariance"] = scored(prior=within)
        made["means, covariance"] = scored(True, within)
        made["means, covariance, pseudo pairs"] = scored(True, within, True)
    return made


def halves(known: Embeddings, within: WithinClass | None, seed: int, one_camera: bool) -> str:
    """Learnt on half of the persons: what it is to the other half, beside no pseudo pairs."""
    random = np.random.default_rng(seed)
    persons = random.permutation(np.unique(known.persons))
    first = np.isin(known.persons, persons[: len(persons) // 2])
    rest = known[np.flatnonzero(~first)]
    assert known.cameras is not None
    if one_camera:  # of each person only the images by one camera
        kept = {p: random.choice(np.unique(known.cameras[known.persons == p])) for p in persons}
        own = np.array([kept[p] for p in known.persons.tolist()])
        first &= known.cameras == own
    taught = known[np.flatnonzero(first)]
    texts = camera_texts(taught)[0]
    reports = []
    rows = several(rest)
    for pairs in (False, True):
        back_end = learnt(taught.vectors, *texts, prior=within, pairs=pairs)
        made = changed(rest, back_end)
        reports.append(passerby.evaluate(made[rows], made))
    return figures(reports[1], reports[0])


def several(known: Embeddings) -> np.ndarray:
    """Rows of persons whom several cameras saw."""
    assert known.cameras is not None
    pairs = zip(known.persons.tolist(), known.cameras.tolist(), strict=True)
    return seen_by_several([Record("", person, camera, "") for person, camera in pairs])


def figures(report: Report, plain: Report) -> str:
    """Rank-1 / mAP, and by how much mAP is above the plain one."""
    found = compare_reports(plain, report).mean_average_precision.difference
    return (
        f"{report.rank1:.1f} / {report.mean_average_precision:.1f} ({found.value:+.1f}: "
        f"{found.interval.low:+.1f} to {found.interval.high:+.1f})"
    )


def main() -> None:
    """Embed once plainly and once mirrored, and print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", default="default")
    parser.add_argument("--data", required=True)
    parser.add_argument("--sources", type=Path, required=True, help="first_person,last_person,...")
    parser.add_argument("--last", type=int, default=10**9)
    parser.add_argument("--within", type=Path, help="folder of a covariance of this model")
    arguments = parser.parse_args()
    records = [r for r in passerby.read_split(arguments.data).train if r.person <= arguments.last]
    ranges = read_ranges(arguments.sources)
    for flip in (False, True):
        embedder = load(arguments.model, flip=flip)
        within = within_class_of(arguments.within or embedder.place, embedder.fingerprint)
        if arguments.within and within is None:
            raise SystemExit(f"{arguments.within}: no covariance of {embedder.fingerprint}")
        known = embedder.embed(records).embeddings
        named = [next(s for a, b, s in ranges if a <= p <= b) for p in known.persons.tolist()]
        known = replace(known, sources=np.array(named))
        parts: dict[str, Part] = {}
        for source in dict.fromkeys(named):
            own = known[np.flatnonzero(known.sources == source)]
            parts[source] = own, several(own)
        parts = {name: part for name, part in parts.items() if len(part[1])}
        parts["mixed"] = known, several(known)
        print(f"\n### {'Mirrored' if flip else 'Plain'} vectors of `{embedder.fingerprint}`\n")
        print("| rank-1 / mAP | " + " | ".join(parts) + " |\n|---|" + "---|" * len(parts))
        counts = [f"{len(r)}, {len(np.unique(k.persons[r]))}" for k, r in parts.values()]
        print("| queries, persons | " + " | ".join(counts) + " |")
        plain: dict[str, Report] = {}
        for way, score in ways(within).items():
            cells = []
            for name, part in parts.items():
                report = score(*part)
                plain.setdefault(name, report)
                cells.append(figures(report, plain[name]))
            print(f"| {way} | " + " | ".join(cells) + " |", flush=True)
        print_few(parts, within)
        if flip:
            print_halves(parts, within)


def print_few(parts: dict[str, Part], within: WithinClass | None) -> None:
    """Persons with two images, by two cameras: a query has one match, and nobody many images."""
    few = {name: two_images(known[rows]) for name, (known, rows) in parts.items()}
    print("\n### The same persons with two images each\n")
    print("| rank-1 / mAP | " + " | ".join(few) + " |\n|---|" + "---|" * len(few))
    plain: dict[str, Report] = {}
    for way, score in ways(within).items():
        cells = []
        for name, known in few.items():
            report = score(known, np.arange(len(known)))
            plain.setdefault(name, report)
            cells.append(figures(report, plain[name]))
        print(f"| {way} | " + " | ".join(cells) + " |", flush=True)


def two_images(known: Embeddings) -> Embeddings:
    """One image of each person by each of two cameras, drawn with seed 0."""
    random = np.random.default_rng(0)
    assert known.cameras is not None
    chosen: list[int] = []
    for person in np.unique(known.persons):
        own = np.flatnonzero(known.persons == person)
        cameras = random.permutation(np.unique(known.cameras[own]))[:2]
        chosen += [int(random.choice(own[known.cameras[own] == camera])) for camera in cameras]
    return known[chosen]


def print_halves(parts: dict[str, Part], within: WithinClass | None) -> None:
    """What pseudo pairs of half of the persons are to the others."""
    print("\n### Pseudo pairs of other persons (mirrored; difference to none)\n")
    print("| rank-1 / mAP | " + " | ".join(parts) + " |\n|---|" + "---|" * len(parts))
    for one_camera in (False, True):
        for seed in (0, 1, 2):
            cells = [halves(known, within, seed, one_camera) for known, _ in parts.values()]
            way = "nobody in common" if one_camera else "persons by several cameras"
            print(f"| {way}, draw {seed} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
