"""What transit times add to looks when passages are linked, on simulated sites of known persons.

    python benchmarks/transits.py OUT [--model MODEL] [--sites 6] [--minutes 60 240] [--noise 0.02]

Who is where and when is that of sites in motion (`passerby.synthesis.motion`): four cameras, the
first two of which see one place, 150 persons who come alone and in groups and come again. How they
look is pictures of drawn persons (galleries.py; --pools, their seeds), embedded once, two by each
camera, with --noise in each direction of a vector; a third passage of a person by one camera is
left out. Each site has a calibration of its own, on 100 other persons of the same cameras. *In
their order*: the times are those of the walks; *shuffled*: passages of a camera change their times
with each other, so that these say nothing.

Prints three Markdown tables, means over the sites: pairwise F1 of linking by looks and by looks and
times (`passerby gallery link --transits`); what the ratios of pairs by two cameras cost (Cllr in
bits), where the time says something: those of looks, of times (learnt without either person, as
linking has them), and their product, with the mean ratio of pairs of two persons, 1 where ratios
are true; and searches for a passage that is not in the gallery, among those by other cameras, three
in ten of persons of whom nothing is there (`passerby gallery search --transits`): how often one of
the person is first, and how many bits are missing from the probability of what is true, somebody or
nobody.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from visitors import START, blurred, calibrated, pools

from passerby.embedding.embedder import load
from passerby.evaluation.decisions.calibration import Calibration
from passerby.gallery.gallery import Gallery
from passerby.gallery.link.agreement import Score
from passerby.gallery.link.linking import Linking, link
from passerby.gallery.link.rules import Rules
from passerby.gallery.pair_evidence import OTHER, pair_llrs
from passerby.gallery.paths.gallery_transits import transits_of
from passerby.gallery.search.options import SearchOptions
from passerby.gallery.stored_calibrations import fitting
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.synthesis.motion.passages import passages_of
from passerby.synthesis.motion.site import Site
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings, with_columns
from passerby.tables.unit_length import unit

OVERLAPPING = (("1", "2"),)
KINDS = ("looks", "times", "product")
ASKED, ABSENT = 60, 0.3  # searches of a site, and how many of these are for persons not in it


@dataclass(frozen=True)
class Searched:
    """Of the searches of a site: share of those for present persons that had them first, and the
    mean of bits that were missing from the probability of what is true."""

    first: float
    missing: float


@dataclass(frozen=True)
class Outcome:
    """Of one site: pairwise scores, which pairs of cameras count, and of each kind of ratio what it
    costs and its mean over pairs of two persons; NaN where times do not count; searches by looks
    and by both."""

    site: str
    passages: int
    pairs: int
    by_looks: Score
    by_both: Score
    counting: int
    costs: dict[str, float]
    strangers: dict[str, float]
    searches: tuple[Searched, Searched]


def walked(known: Embeddings, persons: np.ndarray, site: Site, *, shuffled: bool) -> Sightings:
    """Each of these persons' passages of a site, a picture each."""
    rows, spans = [], []
    seen: Counter[tuple[int, int]] = Counter()
    for passage in passages_of(site):
        who = known.persons == persons[passage.person - 1]
        own = np.flatnonzero(who & (known.cameras == passage.camera))
        count = seen[passage.person, passage.camera]
        if count < len(own):
            rows.append(own[count])
            spans.append((passage.first, passage.last))
            seen[passage.person, passage.camera] += 1
    some, times = known[np.array(rows)], np.array(spans)
    if shuffled:
        random = np.random.default_rng([site.seed, 13])
        for camera in np.unique(some.cameras):
            there = np.flatnonzero(some.cameras == camera)
            times[there] = times[random.permutation(there)]
    first, last = START + (times.T * 1e6).astype("timedelta64[us]")
    return Sightings(
        [f"{row:032x}" for row in range(len(rows))],
        unit(some.vectors),
        persons=[str(person) for person in some.persons.tolist()],
        cameras=[str(camera) for camera in some.cameras.tolist()],
        sources=["site"] * len(rows),
        tracklets=np.arange(len(rows)),
        times=first,
        untils=last,
    )


def outcome(site: str, seen: Sightings, calibration: Calibration) -> Outcome:
    """Link a site both ways, and judge the ratios of its pairs."""
    model, pooling = calibration.key[0], calibration.pooling
    found = fitting(model, pooling, [calibration])
    store = MemoryStore(About(model, pooling, seen.vectors.shape[1], calibrations=found))
    store.write(seen)
    plain, both = (
        link(store, rules=Rules(transits=each, overlapping=OVERLAPPING), judge=True)
        for each in (False, True)
    )
    assert plain.agreement is not None
    assert both.agreement is not None
    counting = len(transits_of(plain).transits)
    costs, strangers, pairs = judged(seen, plain, calibration)
    scores = plain.agreement.pairs, both.agreement.pairs
    searches = searched(seen, store.about)
    return Outcome(site, len(seen), pairs, *scores, counting, costs, strangers, searches)


def searched(seen: Sightings, about: About) -> tuple[Searched, Searched]:
    """Search for passages that are left out, by looks and by both."""
    random = np.random.default_rng(17)
    persons = random.permutation(np.unique(seen.persons))
    absent = persons[: round(ABSENT * len(persons))]
    queries = []
    for person in persons:
        own = random.permutation(np.flatnonzero(seen.persons == person))
        others = seen.cameras[own[1:]] != seen.cameras[own[0]]
        if person in absent or others.any():
            queries.append(int(own[0]))
    queries = random.permutation(queries)[:ASKED].tolist()
    left = ~np.isin(seen.persons, absent)
    left[queries] = False
    store = MemoryStore(about)
    store.write(with_columns(seen[left], persons=[""] * int(left.sum())))
    gallery, names = (
        Gallery(store),
        dict(zip(seen.ids.tolist(), seen.persons.tolist(), strict=True)),
    )
    share = float(np.mean(np.isin(seen.persons[queries], absent)))
    found: list[list[tuple[float, float]]] = [[], []]
    for row in queries:
        camera, there = str(seen.cameras[row]), str(seen.persons[row])
        middle = seen.times[row] + (seen.untils[row] - seen.times[row]) // 2
        for way in (False, True):
            options = SearchOptions(
                len(seen), Where(not_cameras=(camera,)), prior_absent=share, camera=camera,
                time=middle.astype(datetime).replace(tzinfo=UTC), transits=way,
            )  # fmt: skip
            said = gallery.search_with(seen.vectors[row], options)
            own = [match for match in said if names[match.sighting] == there]
            if there in absent:
                first, right = math.nan, said.posterior.absent
            else:
                first = float(names[said[0].sighting] == there)
                right = sum(said.probability(match) for match in own)
            found[way].append((first, -math.log2(max(right, 1e-9))))
    means = [np.nanmean(np.array(each), axis=0).tolist() for each in found]
    return Searched(*means[0]), Searched(*means[1])


def judged(
    seen: Sightings, plain: Linking, calibration: Calibration
) -> tuple[dict[str, float], dict[str, float], int]:
    """What each kind of ratio costs, its mean over strangers, and of how many pairs."""
    learnt = transits_of(plain)
    if not learnt.transits:
        nothing = dict.fromkeys(KINDS, math.nan)
        return nothing, nothing, 0
    one, other = np.triu_indices(len(seen), 1)
    there = learnt.moments(seen.ids)
    times = learnt.llrs(there[one], there[other])
    known = times != 0
    one, other, times = one[known], other[known], times[known]
    cosines = np.einsum("ij,ij->i", seen.vectors[one], seen.vectors[other])
    looks = pair_llrs(calibration, np.maximum(1 - cosines, 0), np.full(len(one), OTHER))
    same = seen.persons[one] == seen.persons[other]
    ratios = dict(zip(KINDS, (looks, times, looks + times), strict=True))
    costs = {kind: cllr(llrs, same) for kind, llrs in ratios.items()}
    return costs, {kind: np.exp(llrs[~same]).mean() for kind, llrs in ratios.items()}, len(one)


def cllr(llrs: np.ndarray, same: np.ndarray) -> float:
    """In bits, of natural log-likelihood ratios."""
    missed, alarms = np.logaddexp(0, -llrs[same]).mean(), np.logaddexp(0, llrs[~same]).mean()
    return float(missed + alarms) / 2 / math.log(2)


def outcomes(given: argparse.Namespace) -> Iterator[Outcome]:
    """Of every site, in their order and shuffled."""
    embedder = load(given.model)
    share = -(-given.sites // len(given.pools))
    for pool, known in zip(given.pools, pools(embedder, given.out, given.pools), strict=True):
        seen = blurred(known, given.noise, pool)
        for number in range(share):
            calibration, others = calibrated(seen, number)
            for minutes in given.minutes:
                site = Site(pool * 100 + number, minutes=minutes, persons=len(others))
                for order in ("in their order", "shuffled"):
                    sightings = walked(seen, others, site, shuffled=order == "shuffled")
                    yield outcome(f"{minutes:g} minutes, {order}", sightings, calibration)


def tables(found: Sequence[Outcome]) -> str:
    """The tables, a row for each kind of site."""
    linked = [
        "| site | sites, passages (mean) | pairs of cameras that count | F1 by looks | F1 by both "
        "(better in) | precision, recall by looks | by both |",
        "|---|---|---|---|---|---|---|",
    ]
    cost = [
        "| site | pairs (mean) | Cllr: looks | times | product (less in) | mean ratio of two "
        "persons: looks | times | product |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for site in dict.fromkeys(one.site for one in found):
        own = [one for one in found if one.site == site]
        scores = [
            100 * np.array([(s.f1, s.precision, s.recall) for s in each])
            for each in ([one.by_looks for one in own], [one.by_both for one in own])
        ]
        better = int(np.sum(scores[1][:, 0] > scores[0][:, 0]))
        means = [each.mean(axis=0) for each in scores]
        linked.append(
            f"| {site} | {len(own)}, {np.mean([one.passages for one in own]):.0f} | "
            f"{np.mean([one.counting for one in own]):.1f} of 6 | {means[0][0]:.1f} | "
            f"{means[1][0]:.1f} ({better} of {len(own)}) | {means[0][1]:.1f}, {means[0][2]:.1f} | "
            f"{means[1][1]:.1f}, {means[1][2]:.1f} |"
        )
        counted = [one for one in own if one.pairs]
        if counted:
            less = sum(one.costs["product"] < one.costs["looks"] for one in counted)
            costs, strangers = (
                [np.mean([each[kind] for each in some]) for kind in KINDS]
                for some in ([o.costs for o in counted], [o.strangers for o in counted])
            )
            cost.append(
                f"| {site} | {np.mean([one.pairs for one in counted]):,.0f} | {costs[0]:.3f} | "
                f"{costs[1]:.3f} | {costs[2]:.3f} ({less} of {len(counted)}) | "
                f"{strangers[0]:.2f} | {strangers[1]:.2f} | {strangers[2]:.2f} |"
            )
    return "\n".join([*linked, "", *cost, "", *searches_table(found)])


def searches_table(found: Sequence[Outcome]) -> list[str]:
    """A row for each kind of site."""
    lines = [
        "| site | searches | first, %: by looks | by both | missing bits: by looks | by both (less "
        "in) |",
        "|---|---|---|---|---|---|",
    ]
    for site in dict.fromkeys(one.site for one in found):
        own = [one.searches for one in found if one.site == site]
        first, missing = (
            np.array([[getattr(each, name) for each in pair] for pair in own])
            for name in ("first", "missing")
        )
        less = int(np.sum(missing[:, 1] < missing[:, 0]))
        lines.append(
            f"| {site} | {ASKED * len(own)} | {100 * first[:, 0].mean():.1f} | "
            f"{100 * first[:, 1].mean():.1f} | {missing[:, 0].mean():.2f} | "
            f"{missing[:, 1].mean():.2f} ({less} of {len(own)}) |"
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--sites", type=int, default=6)
    parser.add_argument("--minutes", type=float, nargs="+", default=[60, 240])
    parser.add_argument("--noise", type=float, default=0.02, help="in each direction of a vector")
    parser.add_argument("--pools", type=int, nargs="+", default=[102, 103], help="of drawn persons")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    print(tables([*outcomes(given)]))


if __name__ == "__main__":
    main()
