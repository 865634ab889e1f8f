"""Posteriors are calibrated where the truth is known, and equal an enumeration of all cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from passerby.gallery.search.population import Population
from passerby.gallery.search.posterior import decide, posterior
from passerby.tables.sightings import Sightings


def sightings(persons, numbers=None):
    numbers = range(len(persons)) if numbers is None else numbers
    return Sightings([str(n) for n in numbers], np.empty((len(persons), 0)), persons=persons)


class Counted:
    """Probabilities that were given, and whether they came true."""

    def __init__(self):
        self.given, self.true = [], []

    def add(self, probability, true):
        self.given.append(probability)
        self.true.append(true)

    def error(self):
        """Expected calibration error, of the probabilities that say something: most are near 0."""
        given, true = np.array(self.given), np.array(self.true, float)
        said = given > 0.1
        given, true = given[said], true[said]
        bins = np.minimum((given * 10).astype(int), 9)
        parts = [bins == b for b in range(10)]
        return sum(abs(given[b].sum() - true[b].sum()) for b in parts) / len(given)


def run(
    crowd, calibration, *, prior, persons=40, each=1, depth=None, searches=1500, fpir=0.1, way=0.0
):
    """Searches for persons in and out of a gallery, absent with probability ``prior``.

    way: by how many standard deviations other evidence is apart in persons and strangers.
    """
    candidates, absent = Counted(), Counted()
    wrong = others = 0
    names = np.array([f"p{n}" for n in range(persons)])
    among = Population(dict.fromkeys(names.tolist(), each), 0)
    if each == 1:
        among = Population({}, persons)
    for _ in range(searches):
        centres = crowd.persons(persons)
        owners = np.repeat(np.arange(persons), each)
        vectors = crowd.shots(centres[owners])
        gone = crowd.random.random() < prior
        who = -1 if gone else int(crowd.random.integers(persons))
        query = crowd.shots(crowd.persons(1) if gone else centres[[who]])[0]
        distances = 1 - vectors @ query
        order = np.argsort(distances)[:depth]
        labels = names[owners[order]] if each > 1 else [""] * len(order)
        near = sightings(labels, owners[order] if each == 1 else order)
        other = np.zeros(len(order))
        if way:
            other = way * (owners[order] == who) + crowd.random.normal(size=len(order))
        found = posterior(
            near, distances[order], among, calibration, prior_absent=prior,
            way=way * other - way * way / 2, highest_way=20.0 * bool(way),
        )  # fmt: skip
        sure = found.absent + found.rest + sum(c.probability for c in found.candidates)
        assert sure == pytest.approx(1)
        assert found.rest <= found.rest_at_most + 1e-12
        true = (f"p{who}", "") if each > 1 else ("", str(who))
        shown = False
        for candidate in found.candidates:
            same = (candidate.person, candidate.nearest if each == 1 else "") == true
            shown |= same
            candidates.add(candidate.probability, same)
        absent.add(found.absent, gone)
        absent.add(found.rest, not gone and not shown)
        if gone:
            others += 1
            wrong += decide(found, among, calibration, fpir).answer is not None
    return candidates, absent, wrong / max(1, others)


@pytest.mark.parametrize("prior", [0.2, 0.5])
@pytest.mark.parametrize(("depth", "way"), [(None, 0.0), (6, 0.0), (None, 2.0)])
def test_it_is_calibrated(crowd, crowd_calibration, prior, depth, way):
    """Also where the farther sightings were not compared: what is said of them is calibrated; and
    with other evidence beside the distance."""
    candidates, absent, wrong = run(crowd, crowd_calibration, prior=prior, depth=depth, way=way)
    assert candidates.error() < 0.05
    assert absent.error() < 0.05
    assert wrong <= 0.1


def test_several_sightings_of_a_person_never_make_too_sure(crowd, crowd_calibration):
    """The mean of their ratios says too little; the product would say far too much."""
    candidates, _, wrong = run(
        crowd, crowd_calibration, prior=0.5, persons=20, each=5, searches=600
    )
    given, true = np.array(candidates.given), np.array(candidates.true)
    for low, high in ((0.2, 0.35), (0.35, 0.5), (0.5, 1.0)):
        chosen = (given >= low) & (given < high)
        assert chosen.sum() > 20
        assert true[chosen].mean() > given[chosen].mean() - 0.05
    assert wrong <= 0.1


def test_it_is_what_enumerating_all_cases_gives(crowd_calibration):
    """Density of every distance under every case, two persons with several sightings among them:
    a case of a person is the mixture over which of their sightings the query is like."""
    random = np.random.default_rng(4)
    persons = ["a", "a", "", "b", "b", "b", "", "a"]
    distances = np.sort(random.uniform(0, 1.2, len(persons)))
    ratios = np.exp(crowd_calibration.llr(distances))
    different = random.uniform(0.1, 2, len(persons))  # any density of strangers: it cancels out
    same = ratios * different
    cases = {"absent": ([], 0.3)}
    for name, rows in {"a": [0, 1, 7], "2": [2], "b": [3, 4, 5], "6": [6]}.items():
        cases[name] = (rows, 0.7 / 4)
    joint = {}
    for name, (rows, prior) in cases.items():
        like = [
            math.prod(same[k] if k == row else different[k] for k in range(len(persons)))
            for row in rows
        ]
        joint[name] = prior * (np.mean(like) if rows else math.prod(different))
    expected = {name: value / sum(joint.values()) for name, value in joint.items()}
    found = posterior(
        sightings(persons),
        distances,
        Population({"a": 3, "b": 3}, 2),
        crowd_calibration,
        prior_absent=0.3,
    )
    given = {c.person or c.nearest: c.probability for c in found.candidates}
    assert {"absent": found.absent, **given} == pytest.approx(expected)
    assert found.rest == 0
    assert [c.probability for c in found.candidates] == sorted(given.values(), reverse=True)


def test_naming_an_unlabelled_sighting_of_a_person_changes_the_odds_little(crowd_calibration):
    """Two sightings of one person: together as two candidates, or as one."""
    distances = np.array([0.1, 0.12, 0.9, 1.0])
    apart = posterior(sightings([""] * 4), distances, Population({}, 4), crowd_calibration)
    named = posterior(
        sightings(["a", "a", "", ""]), distances, Population({"a": 2}, 2), crowd_calibration
    )
    together = sum(c.probability for c in apart.candidates[:2])
    assert named.candidates[0].probability == pytest.approx(together, abs=0.1)
    assert named.candidates[0].compared == named.candidates[0].sightings == 2


def test_what_was_not_compared_is_bounded(crowd_calibration):
    """The more lies beyond, and the nearer it may be, the more it can hold."""
    near = sightings(["", ""])
    few, many = Population({}, 10), Population({}, 10_000)
    found = [
        posterior(near, np.array([0.2, reach]), among, crowd_calibration)
        for among in (few, many)
        for reach in (0.3, 0.9)
    ]
    for one in found:
        assert 0 < one.rest <= one.rest_at_most < 1
    assert found[0].rest_at_most > found[1].rest_at_most
    assert found[2].rest > found[0].rest
    missed = posterior(near, np.array([0.2, 0.9]), many, crowd_calibration, recall=0.5)
    assert missed.rest > found[3].rest


def test_nothing_to_compare_with(crowd_calibration):
    empty = posterior(sightings([]), np.array([]), Population({}, 0), crowd_calibration)
    assert (empty.absent, empty.candidates, empty.rest) == (1.0, (), 0.0)
    decision = decide(empty, Population({}, 0), crowd_calibration)
    assert decision.answer is None
    assert "nobody to compare with" in decision.reason
    # Nothing measured is no evidence: what was believed before stays.
    unmeasured = posterior(sightings([]), np.array([]), Population({"a": 3}, 4), crowd_calibration)
    assert unmeasured.absent == pytest.approx(0.5)
    assert unmeasured.rest == pytest.approx(0.5)


def test_more_sightings_need_a_stricter_threshold(crowd_calibration):
    near, distances = sightings(["a"]), np.array([0.001])
    thresholds = []
    for count in (5, 50, 500):
        among = Population({"a": count}, 0)
        found = posterior(near, distances, among, crowd_calibration)
        decision = decide(found, among, crowd_calibration, 0.05)
        assert decision.false_match_rate == pytest.approx(0.05 / count)
        thresholds.append(decision.threshold)
    assert thresholds[0] > thresholds[1] > thresholds[2]


def test_where_no_threshold_can_be_shown_the_ratio_decides_or_nothing_does(crowd_calibration):
    """Ten thousand sightings of one person: few candidates, though many comparisons."""
    among = Population({"a": 10_000}, 0)
    found = posterior(sightings(["a"] * 10_000), np.full(10_000, 0.001), among, crowd_calibration)
    decision = decide(found, among, crowd_calibration, 0.05)
    assert decision.threshold is None
    assert decision.ratio == pytest.approx(20)
    assert decision.answer is not None
    assert "likelihood ratio" in str(decision)
    crowd_of = Population({}, 1_000_000)
    found = posterior(sightings([""]), np.array([0.001]), crowd_of, crowd_calibration)
    decision = decide(found, crowd_of, crowd_calibration, 0.01)
    assert (decision.threshold, decision.ratio, decision.answer) == (None, None, None)
    assert "too few persons to show either" in str(decision)


def test_an_answer_must_be_more_probable_than_absence(crowd_calibration):
    among = Population({"a": 1}, 0)
    near, distances = sightings(["a"]), np.array([0.01])
    likely = posterior(near, distances, among, crowd_calibration, prior_absent=0.5)
    assert decide(likely, among, crowd_calibration).answer.person == "a"
    unlikely = posterior(near, distances, among, crowd_calibration, prior_absent=0.9999)
    decision = decide(unlikely, among, crowd_calibration)
    assert decision.answer is None
    assert "absence is as probable" in decision.reason
    assert str(decision).startswith("answer: unknown")


@pytest.mark.parametrize("prior", [0, 1, -1, math.nan])
def test_priors_and_rates_lie_between_0_and_1(crowd_calibration, prior):
    among, near = Population({}, 1), sightings([""])
    with pytest.raises(ValueError, match="prior of absence must be between 0 and 1"):
        posterior(near, np.array([0.1]), among, crowd_calibration, prior_absent=prior)
    found = posterior(near, np.array([0.1]), among, crowd_calibration)
    with pytest.raises(ValueError, match="an FPIR must be between 0 and 1"):
        decide(found, among, crowd_calibration, prior)
