"""Who is it, of a gallery or nobody in it? Probabilities over all candidates of one search.

    P(i) = prior(i) · LR(i) / (prior(absent) + Σ prior(j) · LR(j))

A candidate is a known person, or the unknown person of one unlabelled sighting. LR(i) is how many
times likelier what was measured is if the query shows candidate i than if it shows nobody of the
gallery. The prior of "nobody of the gallery" is stated by whoever asks; the rest is spread evenly
over the candidates.

*Several sightings of one person* are one candidate, whose LR is the mean of theirs. They resemble
each other, so their LRs must not be multiplied. The mean of likelihood ratios has an expectation of
1 over strangers however dependent they are (an e-value; Vovk and Wang 2021, "E-values: calibration,
combination and applications", Annals of Statistics 49), which neither the product nor the best has:
the best of a thousand is large by chance. Its price: with one fitting sighting among m it is up to
m times too small.

*Sightings that were not compared* are known to lie beyond the farthest one that was. For them this
is the observation, and its LR is P(beyond | same person) / P(beyond | different persons), the false
non-match rate there over one less the false-match rate. No single one can have more than the LR of
that distance, which bounds what all of them together can hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.wording import likelihood_ratio
from passerby.gallery.pair_evidence import NONE, OTHER, calibrations_for, pair_llrs
from passerby.gallery.search.population import Population
from passerby.process.spelling import count_of
from passerby.tables.sightings import UNKNOWN, Sightings


@dataclass(frozen=True)
class Candidate:
    """Who it may be. person: their name, "" for the unknown person of an unlabelled sighting.

    nearest: id of the nearest sighting, and its distance; compared: sightings of ``sightings`` in
    all that were measured; llr: natural log-likelihood ratio, of transit times too where they count
    (then nearest and distance are of the nearest by looks); probability: of all these, at the
    prior of the search.
    """

    person: str
    nearest: str
    distance: float
    compared: int
    sightings: int
    llr: float
    probability: float

    def __str__(self) -> str:
        if self.person == UNKNOWN:
            return f"the person of sighting {self.nearest}, not named"
        return f"{self.person} ({count_of(self.sightings, 'sighting')}, {self.compared} compared)"


@dataclass(frozen=True)
class Posterior:
    """Probabilities of one search, which sum to 1: absent, rest, and those of the candidates.

    prior_absent: stated before; absent: nobody of the gallery; candidates: those with a compared
    sighting, most probable first; rest: all others together, and at_most what they can have;
    population: candidates in all.
    """

    prior_absent: float
    absent: float
    candidates: tuple[Candidate, ...]
    rest: float
    rest_at_most: float
    population: int

    def of(self, person: str, sighting: str) -> float:
        """The probability of a person, or of the one of an unlabelled sighting; 0 if not there."""
        for candidate in self.candidates:
            named = candidate.person == person != UNKNOWN
            if named or (person == UNKNOWN and candidate.nearest == sighting):
                return candidate.probability
        return 0.0


@dataclass(frozen=True)
class Nearest:
    """Who was nearest where no likelihood ratio is known. person: their name, "" for the unknown
    one of the sighting ``nearest``; distance: to it; false_match_rate: share of pairs of two
    persons that are as near."""

    person: str
    nearest: str
    distance: float
    false_match_rate: float

    def __str__(self) -> str:
        if self.person == UNKNOWN:
            return f"the person of sighting {self.nearest}, not named"
        return self.person


@dataclass(frozen=True)
class Decision:
    """An answer, or "unknown". fpir: share of the searches for absent persons that may be answered.

    false_match_rate: of one comparison, so that all together keep the FPIR; threshold: for the
    distance, None where the calibration cannot show so small a rate; ratio: what the candidate's
    likelihood ratio must reach in its place, None where it cannot; answer: the candidate, None for
    unknown; reason: in words; basis: where the threshold comes from.
    """

    fpir: float
    false_match_rate: float
    threshold: float | None
    ratio: float | None
    answer: Candidate | Nearest | None
    reason: str
    basis: Literal["labelled pairs", "unlabelled sightings"] = "labelled pairs"

    def __str__(self) -> str:
        who = "unknown" if self.answer is None else str(self.answer)
        how = "" if self.basis == "labelled pairs" else f", by {self.basis}"
        return f"answer: {who} (at an FPIR of {self.fpir:g}{how}: {self.reason})"


def posterior(
    compared: Sightings,
    distances: NDArray[np.float64],
    among: Population,
    calibration: Calibration,
    *,
    kinds: NDArray[np.int64] | None = None,
    pairs: NDArray[np.int64] | None = None,
    way: NDArray[np.float64] | None = None,
    highest_way: float = 0.0,
    prior_absent: float = 0.5,
    recall: float = 1.0,
    reach: float | None = None,
) -> Posterior:
    """The posterior over everybody in ``among``, from the nearest sightings and their distances.

    compared: the nearest ones, by ascending distance; kinds: whether each is by the query's camera
    and pairs: which calibration of two cameras alone holds (see `pair_evidence`), by default by
    another camera and none; way [N]: log-likelihood ratios of other evidence that is independent of
    the distance given who it is, by default none, and highest_way: the greatest there could be of
    one that was not compared; reach: what was not compared is no nearer (default: than the last);
    recall: share of the sightings within that distance that an approximate search finds. Raises
    ValueError for a prior that is not between 0 and 1.
    """
    kinds = np.full(len(compared), OTHER) if kinds is None else kinds
    pairs = np.full(len(compared), NONE) if pairs is None else pairs
    both = {*zip(kinds.tolist(), pairs.tolist(), strict=True)} or {(OTHER, NONE)}
    used = [c for kind, pair in both for c in calibrations_for(calibration, kind, pair)]
    if not 0 < prior_absent < 1:
        raise ValueError(f"the prior of absence must be between 0 and 1, got {prior_absent}")
    if among.candidates == 0:
        return Posterior(prior_absent, 1.0, (), 0.0, 0.0, 0)
    other = np.zeros(len(compared)) if way is None else way
    ratios = np.exp(pair_llrs(calibration, distances, kinds, pairs) + other)
    left = among.sightings > len(compared)
    if reach is None:
        reach = float(distances[-1]) if len(distances) else -math.inf
    # Those that were not compared may be pairs of any of these kinds: the greatest holds for all.
    hidden = max(_unseen_ratio(one, reach, recall) for one in used) if left else 0.0
    found = _candidates(compared, distances, ratios, hidden, among)
    weight = (1 - prior_absent) / among.candidates
    mass = weight * sum(math.exp(candidate.llr) for candidate in found)
    others = among.candidates - len(found)
    rest = weight * others * hidden
    highest = math.exp(max(float(one.llr(reach)) for one in used) + highest_way)
    most = weight * others * max(highest, hidden)
    total = prior_absent + mass + rest
    return Posterior(
        prior_absent=prior_absent,
        absent=prior_absent / total,
        candidates=tuple(
            replace(candidate, probability=weight * math.exp(candidate.llr) / total)
            for candidate in sorted(found, key=lambda c: (-c.llr, c.distance))
        ),
        rest=rest / total,
        rest_at_most=most / (prior_absent + mass + most),
        population=among.candidates,
    )


def decide(
    found: Posterior, among: Population, calibration: Calibration, fpir: float = 0.01
) -> Decision:
    """Answer with the most probable candidate, or "unknown".

    Every sighting gives a stranger one more chance, so each comparison may accept only ``fpir``
    divided by their number (Bonferroni's bound, which holds however dependent they are): the
    candidate's nearest sighting must lie below the threshold of that false-match rate. Where the
    calibration cannot show so small a rate, the candidate's LR must reach the number of candidates
    divided by ``fpir``: a ratio whose expectation over strangers is 1 reaches c in at most 1 / c of
    the searches (Markov). Either way the candidate must be more probable than absence. Raises
    ValueError for a rate that is not between 0 and 1.
    """
    if not 0 < fpir < 1:
        raise ValueError(f"an FPIR must be between 0 and 1, got {fpir}")
    rate = fpir / max(1, among.sightings)
    needed = max(1, among.candidates) / fpir
    point = calibration.point(rate)
    threshold = None if point is None else point.threshold
    ratio = None
    if threshold is None and math.exp(calibration.curve.llrs[0]) >= needed:
        ratio = needed
    answer, reason = _answer(found, threshold, ratio)
    if threshold is None and ratio is None:
        reason = (
            f"{count_of(among.sightings, 'sighting needs', 'sightings need')} a false-match rate "
            f"of {rate:.2g}, or {count_of(among.candidates, 'candidate')} a likelihood ratio of "
            f"{likelihood_ratio(math.log(needed))}; the calibration is of too few persons to "
            "show either"
        )
    return Decision(fpir, rate, threshold, ratio, answer, reason)


def decide_unlabelled(
    near: Sightings,
    distances: NDArray[np.float64],
    rates: NDArray[np.float64],
    among: Population,
    fpir: float = 0.01,
) -> Decision | None:
    """Answer with the sighting of the least false-match rate, or "unknown"; None without rates.

    near: N sightings with distances [N], and rates [N], NaN where none is known
    (`OwnDistances.false_match_rates`). As of `decide`, each comparison may accept only ``fpir``
    divided by the number of sightings.
    """
    if np.isnan(rates).all():
        return None
    rate = fpir / max(1, among.sightings)
    row = int(np.nanargmin(rates))
    least = float(rates[row])
    accepted = least <= rate
    nearest = Nearest(str(near.persons[row]), str(near.ids[row]), float(distances[row]), least)
    return Decision(
        fpir=fpir,
        false_match_rate=rate,
        threshold=None,
        ratio=None,
        answer=nearest if accepted else None,
        reason=(
            f"{least:.2g} of the pairs of two persons are as near as the likeliest, and "
            f"{count_of(among.sightings, 'sighting allows', 'sightings allow')} {rate:.2g}"
        ),
        basis="unlabelled sightings",
    )


def _answer(
    found: Posterior, threshold: float | None, ratio: float | None
) -> tuple[Candidate | None, str]:
    if not found.candidates:
        return None, "there is nobody to compare with"
    likeliest = found.candidates[0]
    accepted, reason = False, ""
    if threshold is not None:
        accepted = likeliest.distance < threshold
        side = "below" if accepted else "not below"
        reason = f"likeliest at {likeliest.distance:z.4f}, {side} {threshold:.4f}"
    elif ratio is not None:
        accepted = math.exp(likeliest.llr) >= ratio
        side = "at least" if accepted else "below"
        least = likelihood_ratio(math.log(ratio))
        reason = f"likelihood ratio {likelihood_ratio(likeliest.llr)}, {side} {least}"
    if accepted and likeliest.probability <= found.absent:
        return None, f"{reason}, but absence is as probable"
    return (likeliest if accepted else None), reason


def _candidates(
    compared: Sightings,
    distances: NDArray[np.float64],
    ratios: NDArray[np.float64],
    hidden: float,
    among: Population,
) -> list[Candidate]:
    """A candidate for each person and unlabelled sighting that was compared."""
    rows: dict[tuple[str, str], list[int]] = {}
    for row, (person, sighting) in enumerate(zip(compared.persons, compared.ids, strict=True)):
        rows.setdefault((str(person), "" if person else str(sighting)), []).append(row)
    found = []
    for (person, _), own in rows.items():
        # Between the count and the search another process may have added sightings.
        count = max(among.persons.get(person, 1), len(own)) if person else 1
        mean = (float(ratios[own].sum()) + (count - len(own)) * hidden) / count
        found.append(
            Candidate(
                person=person,
                nearest=str(compared.ids[own[0]]),
                distance=float(distances[own[0]]),
                compared=len(own),
                sightings=count,
                llr=math.log(mean),
                probability=0.0,
            )
        )
    return found


def _unseen_ratio(calibration: Calibration, reach: float, recall: float) -> float:
    """LR of not being among the nearest: of a distance beyond ``reach``."""
    curve, det = calibration.curve, calibration.quality.curve
    lowest = math.exp(curve.llrs[-1])
    if reach == -math.inf:
        return 1.0  # nothing was measured: no evidence
    missed = np.interp(reach, det.thresholds, det.false_non_match_rates)
    passed = np.interp(reach, det.thresholds, det.false_match_rates)
    ratio = (1 - recall * (1 - missed)) / max(1 - recall * passed, 1e-12)
    # The mean over what lies beyond cannot be above the greatest of it, unless the index missed.
    bound = math.exp(float(curve.llr(reach))) if recall == 1 else math.inf
    return float(max(lowest, min(ratio, bound)))
