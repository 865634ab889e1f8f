"""Are the probabilities of a gallery true of its own sightings? Judged by the persons it knows.

Named sightings are pairs of known kinds. Where there are too few of them, the answers that the
calibration was learnt from judge it, each by a fit without it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.cross_fitting import AS_GIVEN
from passerby.evaluation.decisions.judged.camera_pairs import ALL, OWN
from passerby.evaluation.decisions.likelihood import (
    Reliability,
    calibration_error,
    cllr,
    minimum_cllr,
    reliability,
)
from passerby.evaluation.decisions.pairs import PairCounts, Pairs, count_pairs
from passerby.gallery.own_distances import own_distances, sample_of
from passerby.gallery.pair_evidence import camera_names
from passerby.gallery.stored_calibrations import calibration_of
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where
from passerby.tables.keys import numbered
from passerby.tables.sightings import UNKNOWN, Sightings, by_middle_look

_MOST = 4000  # named sightings that are compared, drawn by seed
_FEWEST = 10  # pairs of one person


@dataclass(frozen=True)
class OwnReliability:
    """Probabilities given to pairs, at even prior odds, beside what they were.

    by: whose word it is; parts: of the diagram; cost and least: Cllr in bits, None where answers
    judge, which were chosen by their distance; error: expected calibration error.
    """

    by: str
    parts: tuple[Reliability, ...]
    cost: float | None
    least: float | None
    error: float

    def __str__(self) -> str:
        bits = "" if self.cost is None else f"Cllr {self.cost:.3f}, at best {self.least:.3f} bits; "
        return (
            f"probabilities, judged by {self.by}: {bits}expected calibration error "
            f"{100 * self.error:.1f} %"
        )


def own_reliability(store: Store, seed: int = 0) -> OwnReliability | None:
    """Of the gallery's own calibration; None where it has none, or nobody to judge it by.

    Raises ValueError for a damaged calibration.
    """
    calibration = calibration_of(store.about, "single")
    if calibration is None:
        return None
    found = _by_names(store, calibration, seed)
    if found is None and calibration.quality.judged == "answers":
        quality = calibration.quality
        answers = quality.fitting.same + quality.fitting.different
        by = f"{count_of(answers, 'answer')}, each left out of its fit"
        return OwnReliability(by, quality.reliability, None, None, quality.calibration_error)
    return found


def judges_of(store: Store) -> tuple[str, ...]:
    """What says in a gallery what a distance is worth, a line each: its calibrations by kind of
    pair and by two cameras alone, or its own unlabelled distances.

    Raises ValueError for a damaged calibration.
    """
    calibration = calibration_of(store.about, "single")
    if calibration is None:
        learnt = own_distances(sample_of(store))
        return () if learnt is None else (f"without labels, false-match rates are {learnt}",)
    kinds = [one for one in (calibration, calibration.within) if one is not None]
    lines = []
    for one in kinds:
        lines.append(f"judged by a calibration of pairs {one.pairs} ({one.method})")
        for pair in one.between:
            costs = pair.quality.costs
            lines.append(
                f"  {' and '.join(dict.fromkeys(pair.cameras))} by their own: "
                f"{costs[OWN]:.3f} bits a pair, by that of all cameras {costs[ALL]:.3f}"
            )
    return tuple(lines)


def _by_names(store: Store, calibration: Calibration, seed: int) -> OwnReliability | None:
    parts = [*store.read(Where(known=True))]
    named = by_middle_look(Sightings.joined(parts)) if parts else None
    if named is None:
        return None
    named = named[np.argsort(named.ids, kind="stable")]
    if len(named) > _MOST:
        chosen = np.random.default_rng([seed, 18]).choice(len(named), _MOST, replace=False)
        named = named[np.sort(chosen)]
    if calibration.pairs == "across cameras":
        named = named[named.cameras != UNKNOWN]
    known = Embeddings(
        named.vectors,
        numbered(named.persons),
        numbered(named.sources, named.cameras),
        model=store.about.model,
    )
    try:
        counts = _by_llr(known, camera_names(named), calibration)
    except ValueError:  # a kind of pair is missing
        return None
    if counts.same.sum() < _FEWEST:
        return None
    bins = reliability(counts, AS_GIVEN)
    by = (
        f"{count_of(int(counts.same.sum()), 'pair')} of one known person and "
        f"{int(counts.different.sum()):,} of two, {calibration.pairs}"
    )
    cost, least = cllr(counts, AS_GIVEN), minimum_cllr(counts)
    return OwnReliability(by, bins, cost, least, calibration_error(bins))


def _by_llr(known: Embeddings, names: NDArray[np.str_], calibration: Calibration) -> PairCounts:
    """All pairs by minus the LLR that they are given: of two cameras alone (names [N]) by theirs.

    Raises ValueError where a kind of pair is missing.
    """
    parts = [(calibration, count_pairs(Pairs(known, kind=calibration.pairs)), 1)]
    for own in calibration.between:
        with suppress(ValueError):  # too few persons are known there: they stay with the others
            rows = np.flatnonzero(np.isin(names, own.cameras))
            counts = count_pairs(Pairs(known[rows], kind=calibration.pairs))
            parts += [(own, counts, 1), (calibration, counts, -1)]
    given = np.concatenate([-one.llr(counts.middle) for one, counts, _ in parts])
    at, bins = np.unique(given, return_inverse=True)
    same, different = (
        np.bincount(bins.reshape(-1), np.concatenate(column), len(at)).astype(np.int64)
        for column in (
            [sign * counts.same for _, counts, sign in parts],
            [sign * counts.different for _, counts, sign in parts],
        )
    )
    held = same + different > 0
    return PairCounts(at[held], at[held], same[held], different[held])
