"""Open-set identification: is this person in the gallery at all, and who is it?

Terms of ISO/IEC 19795-1. A search is mated when its person is enrolled in the gallery. A candidate
is a gallery image below the threshold. FPIR(t), false-positive identification rate: share of the
non-mated searches with at least one candidate. TPIR(R, t), true-positive identification rate: share
of the mated searches whose mate is a candidate within rank R. Data sets have only mated searches,
so persons are taken out of the gallery, at random by seed, to make the others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.bootstrap import Interval, percentile_interval, person_counts
from passerby.evaluation.decisions.pairs import person_rows
from passerby.evaluation.json_text import json_text
from passerby.evaluation.protocol import Protocol
from passerby.evaluation.ranking.distances import Distances, Metric, VectorDistances
from passerby.tables.embeddings import Embeddings

RATES = (1e-3, 1e-2, 1e-1)


@dataclass(frozen=True)
class OpenSetSplit:
    """One division. removed: persons taken out of the gallery, whose searches are non-mated.

    mated and non_mated: searches; gallery: images that remain.
    """

    removed: tuple[str, ...]
    mated: int
    non_mated: int
    gallery: int


@dataclass(frozen=True)
class IdentificationPoint:
    """TPIR at an FPIR that was asked for: means over the splits, as shares.

    measured: the FPIR reached, not above the one asked; thresholds: of each split; interval: of
    the TPIR, over persons. supported: whether every split has enough non-mated searches to see
    this rate at all; where not, no false positive was allowed and the figure says little.
    """

    fpir: float
    measured: float
    tpir: float
    interval: Interval
    thresholds: tuple[float, ...]
    supported: bool


@dataclass(frozen=True)
class OpenSet:
    """Outcome of an open-set evaluation at rank ``rank``.

    smallest_fpir: one false positive among the non-mated searches, the least rate that can be
    seen; surely_below: what zero false positives would show with 95 % confidence (rule of three,
    searches taken as independent); left_out: queries without a mate that counts, or junk; seed:
    made the splits.
    """

    rank: int
    points: tuple[IdentificationPoint, ...]
    splits: tuple[OpenSetSplit, ...]
    smallest_fpir: float
    surely_below: float
    left_out: int
    metric: str
    camera_rule: bool
    seed: int
    level: float

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """All of it as JSON text, also written to ``path`` when given."""
        return json_text(self, path)

    def __str__(self) -> str:
        first = self.splits[0]
        rows = [
            f"open set, {len(self.splits)} splits of about {first.mated:,} mated and "
            f"{first.non_mated:,} non-mated searches against {first.gallery:,} images"
        ]
        for point in self.points:
            note = "" if point.supported else " (too few non-mated searches)"
            rows.append(
                f"TPIR {100 * point.tpir:.2f} % ({100 * point.interval.low:.2f} to "
                f"{100 * point.interval.high:.2f}) within rank {self.rank} at FPIR "
                f"{point.fpir:g}{note}"
            )
        rows.append(
            f"the smallest FPIR that can be seen is {self.smallest_fpir:.2g}; zero false positives "
            f"would show no more than FPIR < {self.surely_below:.2g}"
        )
        return "\n".join(rows)


def identify(
    query: Embeddings,
    gallery: Embeddings,
    metric: Metric = "cosine",
    camera_rule: bool = True,
    *,
    rank: int = 1,
    rates: Sequence[float] = RATES,
    removed_share: float = 0.5,
    splits: int = 5,
    seed: int = 0,
    distances: Distances | None = None,
    replicates: int = 200,
    level: float = 0.95,
) -> OpenSet:
    """Open-set identification over ``splits`` random divisions of the persons asked for.

    In each division ``removed_share`` of these persons is taken out of the gallery; distractors
    stay. Junk and images that the camera rule ignores are no candidates. Errors as
    `passerby.evaluate`, and ValueError when too few persons have a mate that counts.
    """
    protocol = Protocol(query, gallery, camera_rule)
    measured = distances or VectorDistances(query.vectors, gallery.vectors, metric)
    rows = [row for row in range(len(query)) if len(protocol.of_query(row)[0])]
    names, of_query, of_gallery = person_rows(query, gallery)
    removed = _removed(names, of_query[rows], removed_share, splits, seed)
    searches = _search(measured, protocol, removed[:, of_gallery])
    mated = [~gone[of_query] & searches.asked for gone in removed]
    non_mated = [gone[of_query] & searches.asked for gone in removed]
    made = tuple(
        OpenSetSplit(
            tuple(names[gone].tolist()),
            int(with_mate.sum()),
            int(without.sum()),
            int((~gone[of_gallery]).sum() - len(protocol.junk)),
        )
        for gone, with_mate, without in zip(removed, mated, non_mated, strict=True)
    )
    fewest = min(split.non_mated for split in made)
    persons = np.unique(of_query[rows])  # those who ask; searches of others are not counted
    groups = np.minimum(persons.searchsorted(of_query), len(persons) - 1)
    weights = person_counts(len(persons), replicates, seed)[:, groups]  # [replicates, Q]
    outcomes = [
        _Outcome(
            searches.nearest[number][non_mated[number]],
            searches.mate[number][mated[number]],
            searches.rank[number][mated[number]] <= rank,
            weights[:, non_mated[number]],
            weights[:, mated[number]],
        )
        for number in range(splits)
    ]
    return OpenSet(
        rank=rank,
        points=tuple(_point(rate, outcomes, fewest, level) for rate in rates),
        splits=made,
        smallest_fpir=1 / fewest,
        surely_below=min(1.0, 3 / fewest),
        left_out=len(query) - len(rows),
        metric=metric if distances is None else type(distances).__name__,
        camera_rule=camera_rule,
        seed=seed,
        level=level,
    )


@dataclass(frozen=True, eq=False)
class _Searches:
    """Of each split and query, [S, Q]: distance of the nearest image and of the mate, its rank.

    asked [Q]: queries that have a mate in the whole gallery.
    """

    nearest: NDArray[np.float32]
    mate: NDArray[np.float32]
    rank: NDArray[np.int64]
    asked: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Outcome:
    """Of one split: what its searches found, with their weights in the resamples [R, searches]."""

    nearest: NDArray[np.float32]
    mate: NDArray[np.float32]
    in_rank: NDArray[np.bool_]
    non_mated_weights: NDArray[np.int64]
    mated_weights: NDArray[np.int64]


def _search(measured: Distances, protocol: Protocol, gone: NDArray[np.bool_]) -> _Searches:
    """Search every query in every split's gallery. gone [S, G]: images taken out."""
    shape = (len(gone), measured.shape[0])
    nearest, mate = np.full(shape, np.inf, np.float32), np.full(shape, np.inf, np.float32)
    ranks, asked = np.zeros(shape, np.int64), np.zeros(shape[1], bool)
    for row, line in _lines(measured):
        matches, ignored = protocol.of_query(row)
        if len(matches) == 0:
            continue
        asked[row] = True
        line[protocol.junk] = np.inf
        line[ignored] = np.inf
        own = line[matches].min()
        first = int(matches[line[matches] == own][0])
        nearer = line < own
        nearer[:first] |= line[:first] == own  # ties are ranked in gallery order
        for split, taken in enumerate(gone):
            nearest[split, row] = np.min(line, where=~taken, initial=np.inf)
            mate[split, row] = own
            ranks[split, row] = 1 + np.count_nonzero(nearer & ~taken)
    return _Searches(nearest, mate, ranks, asked)


def _lines(measured: Distances) -> Iterator[tuple[int, NDArray[np.float32]]]:
    rows = measured.block_rows
    for start in range(0, measured.shape[0], rows):
        yield from enumerate(measured.block(slice(start, start + rows)), start)


def _point(
    rate: float, outcomes: Sequence[_Outcome], fewest: int, level: float
) -> IdentificationPoint:
    if not 0 < rate < 1:
        raise ValueError(f"an FPIR must be between 0 and 1, got {rate}")
    thresholds = [_threshold(o.nearest, np.ones(len(o.nearest)), rate) for o in outcomes]
    pairs = list(zip(outcomes, thresholds, strict=True))
    shares = []
    for resample in range(len(outcomes[0].mated_weights)):
        found = []
        for outcome in outcomes:
            weights = outcome.mated_weights[resample]
            limit = _threshold(outcome.nearest, outcome.non_mated_weights[resample], rate)
            if weights.any():
                true = (outcome.mate < limit) & outcome.in_rank
                found.append(np.average(true, weights=weights))
        shares.append(np.mean(found))
    return IdentificationPoint(
        fpir=rate,
        measured=float(np.mean([np.mean(o.nearest < t) for o, t in pairs])),
        tpir=float(np.mean([np.mean((o.mate < t) & o.in_rank) for o, t in pairs])),
        interval=percentile_interval(shares, level),
        thresholds=tuple(thresholds),
        supported=rate * fewest >= 1,
    )


def _threshold(nearest: NDArray[np.float32], weights: NDArray, rate: float) -> float:
    """The highest threshold with at most ``rate`` of the non-mated searches below it."""
    order = np.argsort(nearest, kind="stable")
    sums = np.concatenate([weights[order].cumsum(), [np.inf]])
    # A hair more than the rate: 0.1 · 30 is not quite 3 in floating point.
    first_over = np.searchsorted(sums, rate * float(weights.sum()) * (1 + 1e-9), side="right")
    return float(np.append(nearest[order], np.inf)[first_over])


def _removed(
    names: NDArray[np.str_], asked: NDArray[np.int64], share: float, splits: int, seed: int
) -> NDArray[np.bool_]:
    """Which persons are taken out in each split, [splits, persons]."""
    if splits < 1 or not 0 < share < 1:
        raise ValueError(
            f"removed_share must be between 0 and 1 and splits at least 1, got {share} and {splits}"
        )
    persons = np.unique(asked)
    count = round(share * len(persons))
    if not 0 < count < len(persons):
        raise ValueError(
            f"{len(persons)} persons have a mate that counts: removing {share:g} of them leaves no "
            "mated or no non-mated searches"
        )
    removed = np.zeros((splits, len(names)), bool)
    for split in range(splits):
        random = np.random.default_rng([seed, 5, split])
        removed[split, random.choice(persons, count, replace=False)] = True
    return removed
