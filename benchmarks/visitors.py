"""How often the 95 % interval of a count of visitors holds the true number.

    python benchmarks/visitors.py OUT [--model MODEL] [--sites 240] [--made 200] [--pools 102 103]

Simulated sites with known persons: 5 to 100 of them, in 2 to 5 cameras, each in 1.2 to 5 passages
on average, evenly or unevenly spread, in one day. *Drawn*: persons of drawn sites (galleries.py),
embedded once; a site's pictures are drawn from persons that its calibration did not see (100 others
of the same cameras, drawn anew for every ten sites), one for each passage; --noise adds noise to
the vectors before the calibration, for a model that tells persons apart badly. *Made*: normal
vectors whose ratios are true, without a calibration. Prints a Markdown table: the share of sites
whose interval holds the truth, its mean width and the mean error of the middle in per cent of the
persons; of some sites also as if the pairs of a person were independent (their sum), as if they
told no more than their mean (n - 1 times), and by a threshold.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path

import numpy as np
from galleries import PERSONS, SITE

from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import Embedder, load
from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.gallery.link.rules import Rules
from passerby.gallery.link.worth import by_calibration
from passerby.gallery.reviewed_pairs import Constraints
from passerby.gallery.stored_calibrations import fitting
from passerby.gallery.visitors.counting import (
    Estimate,
    Sampling,
    at_a_threshold,
    draws,
    estimate,
)
from passerby.gallery.visitors.evidence import Evidence, evidence
from passerby.gallery.visitors.joint_likelihood import JointLikelihood, joint_likelihood
from passerby.gallery.visitors.parts import Question
from passerby.gallery.visitors.stays import PlacedStays
from passerby.gallery.visitors.visitors import count_visitors
from passerby.process.whole_files import write_whole
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.synthesis.writing import write
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import EVERYTHING
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit

POOLS = (102, 103)
CALIBRATED = 100  # persons that a calibration is fitted on
PER_CALIBRATION = 10  # sites
COMPARED = 6  # every so many drawn sites the other ways count as well
COMPARED_MADE = 4
START = np.datetime64("2026-05-01T07:00:00", "us")
NOTHING = Constraints(np.empty((0, 2), np.int64), np.empty((0, 2), np.int64))


class PairSum(JointLikelihood):
    """As if all pairs were independent."""

    def weights(self, most: int) -> np.ndarray:
        return np.where(np.arange(most + 1) < 2, 0.0, 1.0)

    def offsets(self, most: int) -> np.ndarray:
        return np.zeros(most + 1)


class PairMean(JointLikelihood):
    """n - 1 times the mean of the pairs."""

    def weights(self, most: int) -> np.ndarray:
        sizes = np.arange(most + 1)
        return np.where(sizes < 2, 0.0, 2 / np.maximum(sizes, 1))

    def offsets(self, most: int) -> np.ndarray:
        return np.zeros(most + 1)


@dataclass(frozen=True)
class Counted:
    """What a way says of a site of so many persons in so many passages."""

    way: str
    persons: int
    passages: int
    found: Estimate


def pools(embedder: Embedder, out: Path, seeds: Sequence[int]) -> Iterator[Embeddings]:
    """Embedded drawn sites: ten pictures of each person, two by each of five cameras."""
    for seed in seeds:
        saved = out / f"vectors{seed}-{embedder.fingerprint}.npz"
        if not saved.exists():
            folder = out / f"site{seed}"
            if not folder.exists():
                drawn = {"style": "varied", "distractors": 0, "junk": 0, "test_persons": PERSONS}
                write(folder, seed=seed, **SITE, **drawn)
            split = read_split(f"synthetic={folder}")
            embedder.embed(split.query + split.gallery).embeddings.save(saved)
        known = Embeddings.load(saved)
        numbers, counts = np.unique(known.persons, return_inverse=True, return_counts=True)[1:]
        yield known[counts[numbers.reshape(-1)] == 10]  # without junk


def blurred(known: Embeddings, noise: float, seed: int) -> Embeddings:
    """The same with noise in every direction of the vectors."""
    random = np.random.default_rng([seed, 5])
    moved = unit(known.vectors) + noise * random.standard_normal(known.vectors.shape)
    return replace(known, vectors=moved.astype(np.float32)) if noise else known


def passages_of(random: np.random.Generator, persons: int) -> np.ndarray:
    """In how many passages each of so many persons is seen [persons], 1 at least."""
    mean, evenness = random.uniform(1.2, 5), random.choice([1.0, 3.0, 30.0])
    return 1 + random.poisson(random.gamma(evenness, (mean - 1) / evenness, persons))


def persons_of(random: np.random.Generator, most: int = 100) -> int:
    """How many persons a site has: as likely 5 to 10 as 10 to 20."""
    return round(math.exp(random.uniform(math.log(5), math.log(most))))


def drawn_site(known: Embeddings, persons: np.ndarray, random: np.random.Generator) -> Sightings:
    """A day of some of these persons, a picture a passage."""
    chosen = random.permutation(persons)[: persons_of(random)]
    cameras = random.permutation(np.unique(known.cameras))[: random.integers(2, 6)]
    rows = []
    for person, count in zip(chosen, passages_of(random, len(chosen)), strict=True):
        seen = np.flatnonzero((known.persons == person) & np.isin(known.cameras, cameras))
        rows += random.permutation(seen)[:count].tolist()
    some = known[np.array(rows)]
    moments = random.choice(6 * 3600, len(rows), replace=False)
    return Sightings(
        [f"{row:032x}" for row in range(len(rows))],
        unit(some.vectors),
        persons=[str(person) for person in some.persons.tolist()],
        cameras=[str(camera) for camera in some.cameras.tolist()],
        sources=["synthetic"] * len(rows),
        times=START + (2 * moments).astype("timedelta64[s]"),
    )


def calibrated(known: Embeddings, number: int) -> tuple[Calibration, np.ndarray]:
    """A calibration on some persons, and the others."""
    order = np.random.default_rng([number, 7]).permutation(np.unique(known.persons))
    seen = known[np.isin(known.persons, order[:CALIBRATED])]
    return calibrate(seen, replicates=100, seed=number), order[CALIBRATED:]


def by_product(sightings: Sightings, calibration: Calibration, place: str) -> Estimate:
    """As `passerby gallery visitors` counts it."""
    model, pooling = calibration.key[0], calibration.pooling
    found = fitting(model, pooling, [calibration])
    about = About(model, pooling, sightings.vectors.shape[1], calibrations=found)
    store = MemoryStore.create(f"memory://{place}", about)
    store.write(replace_persons(sightings))
    found_visitors = count_visitors(store, Question(EVERYTHING, None, UTC), Rules())
    return found_visitors.whole.persons


def replace_persons(sightings: Sightings) -> Sightings:
    """The same with nobody known."""
    return Sightings(
        sightings.ids, sightings.vectors, cameras=sightings.cameras, sources=sightings.sources,
        times=sightings.times,
    )  # fmt: skip


def other_ways(known: Evidence, joint: JointLikelihood, sampling: Sampling) -> dict[str, Estimate]:
    """What others say of the same evidence."""
    found = {}
    for name, kind in (("sum over pairs", PairSum), ("mean of pairs", PairMean)):
        sampled = draws(known, kind(joint.correlation, joint.mean_llr), sampling)
        found[name] = estimate(sampled.persons.max(axis=1) + 1)
    count = at_a_threshold(known.llrs, Rules().least_llr(len(known)))
    return {**found, "threshold": Estimate(count, count, count)}


def drawn_counts(known: Embeddings, name: str, sites: int, pool: int) -> Iterator[Counted]:
    """Counts of sites of one pool."""
    for number in range(sites):
        if number % PER_CALIBRATION == 0:
            calibration, others = calibrated(known, number)
        random = np.random.default_rng([pool, number])
        site = drawn_site(known, others, random)
        size = len(np.unique(site.persons)), len(site)
        place = f"visitors-{name}-{pool}-{number}"
        yield Counted(f"{name}: visitors", *size, by_product(site, calibration, place))
        if number % COMPARED == 0:
            worth = by_calibration(calibration)
            nobody = np.full(len(site), "")
            evident = evidence(site, nobody, worth, NOTHING, Rules())
            for way, found in other_ways(
                evident, joint_likelihood(calibration), Sampling()
            ).items():
                yield Counted(f"{name}: {way}", *size, found)


def made_counts(sites: int) -> Iterator[Counted]:
    """Counts of sites of normal vectors, with true ratios."""
    for number in range(sites):
        random = np.random.default_rng([number, 11])
        persons = persons_of(random)
        owners = np.repeat(np.arange(persons), passages_of(random, persons))
        directions, r = int(random.choice([40, 80, 160])), float(random.choice([0.3, 0.5]))
        shared = random.standard_normal((persons, directions))[owners]
        own = random.standard_normal((len(owners), directions))
        cosines = unit(math.sqrt(r) * shared + math.sqrt(1 - r) * own)
        cosines = np.asarray(cosines @ cosines.T, np.float64)
        growth = -directions / 2 * math.log(1 - r * r)
        llrs = growth + directions * r * (cosines - r) / (1 - r * r)
        np.fill_diagonal(llrs, 0)
        nobody = np.full(len(owners), "")
        none = np.empty(0, np.int64)
        stays = PlacedStays(none, none, none, none, none, none.astype(bool))
        known = Evidence(
            np.arange(len(owners)), stays, nobody, llrs.astype(np.float32),
            np.zeros(llrs.shape, np.float32),
        )  # fmt: skip
        joint = JointLikelihood(r, growth)
        sampled = draws(known, joint, Sampling())
        found = estimate(sampled.persons.max(axis=1) + 1)
        yield Counted("made: visitors", persons, len(owners), found)
        if number % COMPARED_MADE == 0:
            for way, other in other_ways(known, joint, Sampling()).items():
                yield Counted(f"made: {way}", persons, len(owners), other)


def table(counted: Sequence[Counted]) -> str:
    """A row a way."""
    lines = [
        "| counted | sites | persons, passages (mean) | interval holds the truth | width, % | "
        "error of the middle, % (mean of its size) |",
        "|---|---|---|---|---|---|",
    ]
    for way in dict.fromkeys(one.way for one in counted):
        own = [one for one in counted if one.way == way]
        holds = [one.found.low <= one.persons <= one.found.high for one in own]
        widths = [(one.found.high - one.found.low) / one.persons for one in own]
        errors = np.array([one.found.middle / one.persons - 1 for one in own])
        sizes = np.mean([[one.persons, one.passages] for one in own], axis=0)
        lines.append(
            f"| {way} | {len(own)} | {sizes[0]:.0f}, {sizes[1]:.0f} | {100 * np.mean(holds):.1f} % "
            f"| {100 * np.mean(widths):.0f} | {100 * errors.mean():+.1f} "
            f"({100 * np.abs(errors).mean():.1f}) |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and write every count to OUT/visitors.csv."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--sites", type=int, default=240, help="drawn ones")
    parser.add_argument("--noise", type=float, default=0.0, help="in each direction of a vector")
    parser.add_argument("--made", type=int, default=200)
    parser.add_argument("--pools", type=int, nargs="+", default=POOLS, help="seeds of drawn sites")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    counted = [*made_counts(given.made)]
    if given.sites:
        embedder = load(given.model)
        print(f"model {embedder.fingerprint}\n")
        share = given.sites // len(given.pools)
        for number, known in enumerate(pools(embedder, given.out, given.pools)):
            seed = given.pools[number]
            name = f"drawn, noise {given.noise:g}" if given.noise else "drawn"
            seen = blurred(known, given.noise, seed)
            counted += drawn_counts(seen, name, share, seed)
            print(f"{table(counted)}\n", flush=True)
    print(table(counted))
    rows = [
        f"{one.way},{one.persons},{one.passages},{one.found.middle},{one.found.low},{one.found.high}"
        for one in counted
    ]
    heading = "counted,persons,passages,middle,low,high"
    write_whole(given.out / "visitors.csv", "\n".join([heading, *rows]) + "\n")


if __name__ == "__main__":
    main()
