"""Calibrations of two cameras alone, on simulated distances whose truth is known."""

from itertools import combinations

import numpy as np
import pytest

from passerby.evaluation.decisions.calibration_files import read_calibrations, write_calibration
from passerby.evaluation.decisions.judged.calibrating import (
    Subject,
    calibrate_answered,
    calibrate_labelled,
    counted,
)
from passerby.evaluation.decisions.judged.camera_pairs import (
    ALL,
    OWN,
    JudgedPairs,
    between_cameras,
    drawn_pairs,
)
from passerby.evaluation.decisions.likelihood import cllr
from passerby.tables.embeddings import Embeddings

SUBJECT = Subject("model", "plain", "across cameras", sightings=50)
CAMERAS = ("s/a", "s/b", "s/c")
DARK = ("s/a", "s/c")


def distances_of(cameras, one, two, random, shift):
    """Pairs by two cameras; those by DARK are all farther."""
    moved = shift if cameras == DARK else 0
    distances = [random.normal(0.4 + moved, 0.08, one), random.normal(0.7 + moved, 0.08, two)]
    return np.concatenate(distances).clip(0), np.arange(one + two) < one


def site(one, two, shift, seed=0):
    random = np.random.default_rng(seed)
    parts = [
        (*distances_of(pair, one, two, random, shift), np.tile([pair], (one + two, 1)))
        for pair in combinations(CAMERAS, 2)
    ]
    distances, same, cameras = (np.concatenate(column) for column in zip(*parts, strict=True))
    return JudgedPairs(distances, same, np.arange(len(same)), cameras)


def test_two_cameras_that_differ_are_judged_by_their_own(tmp_path):
    judged = site(25, 25, shift=0.2)
    common = calibrate_labelled(judged.distances, judged.same, judged.groups, SUBJECT)
    found = {one.cameras: one for one in between_cameras(judged, common, SUBJECT)}[DARK]
    assert found.quality.costs[OWN] < found.quality.costs[ALL]
    assert found.lower is not None
    fresh = counted(*distances_of(DARK, 4000, 4000, np.random.default_rng(5), 0.2))
    assert cllr(fresh, found.curve) < 0.8 * cllr(fresh, common.curve)
    assert "(s/a and s/c alone)" in str(found)
    kept = write_calibration(tmp_path / "own.json", found)
    assert read_calibrations(kept) == (found,)


@pytest.mark.parametrize("seed", range(4))
def test_cameras_that_do_not_differ_stay_with_the_common_one(seed):
    judged = site(25, 25, shift=0.0, seed=seed)
    common = calibrate_labelled(judged.distances, judged.same, judged.groups, SUBJECT)
    kept = between_cameras(judged, common, SUBJECT)
    fresh = counted(*distances_of(CAMERAS[:2], 4000, 4000, np.random.default_rng(5), 0))
    # By chance one in six of three may pass a standard error; what it costs then is little.
    assert len(kept) <= 1
    assert all(cllr(fresh, one.curve) < cllr(fresh, common.curve) + 0.03 for one in kept)


def test_a_few_pairs_change_little_beside_the_common_line():
    judged = site(25, 25, shift=0.2)
    few = np.ones(len(judged.same), bool)
    dark = np.flatnonzero((judged.cameras == DARK).all(axis=1))
    few[dark[5:45]] = False
    some = JudgedPairs(
        judged.distances[few], judged.same[few], judged.groups[few], judged.cameras[few]
    )
    common = calibrate_labelled(some.distances, some.same, some.groups, SUBJECT)
    shift = []
    for given in (some, judged):
        found = [one for one in between_cameras(given, common, SUBJECT) if one.cameras == DARK]
        shift += [float(one.llr(0.75) - common.llr(0.75)) for one in found]
    assert len(shift) >= 1
    assert sorted(shift) == shift
    few[dark[5:]] = False
    assert all(
        one.cameras != DARK for one in between_cameras(judged_of(judged, few), common, SUBJECT)
    )


def judged_of(judged, rows):
    return JudgedPairs(
        judged.distances[rows], judged.same[rows], judged.groups[rows], judged.cameras[rows]
    )


def test_answered_questions_count_by_the_pairs_of_these_cameras():
    everything = site(60, 3_000, shift=0.2, seed=2)
    random = np.random.default_rng(1)
    odds = np.abs(everything.distances - np.where(
        (everything.cameras == DARK).all(axis=1), 0.72, 0.52))  # fmt: skip
    asked = np.concatenate([
        random.choice(rows[np.argsort(odds[rows])[:300]], 80, replace=False)
        for rows in (
            np.flatnonzero((everything.cameras == pair).all(axis=1))
            for pair in combinations(CAMERAS, 2)
        )
    ])  # fmt: skip

    def population(cameras):
        if cameras is None:
            return everything.distances
        return everything.distances[(everything.cameras == cameras).all(axis=1)]

    judged = JudgedPairs(
        everything.distances[asked], everything.same[asked], np.arange(len(asked)),
        everything.cameras[asked], population,
    )  # fmt: skip
    common = calibrate_answered(judged.distances, judged.same, everything.distances, SUBJECT)
    found = between_cameras(judged, common, SUBJECT)
    assert found
    for one in found:
        fresh = counted(*distances_of(one.cameras, 4000, 4000, np.random.default_rng(5), 0.2))
        assert cllr(fresh, one.curve) < 0.8 * cllr(fresh, common.curve)


def test_one_pair_a_person_is_drawn_and_three_of_strangers():
    random = np.random.default_rng(0)
    persons, cameras = np.repeat(np.arange(30), 6), np.tile([0, 0, 1, 1, 2, 2], 30)
    vectors = random.normal(size=(180, 8)).astype(np.float32)
    known = Embeddings(vectors, persons, cameras, sources=["s"] * 180)
    judged = drawn_pairs(known)
    assert {*map(tuple, judged.cameras.tolist())} == {*combinations(("s/0", "s/1", "s/2"), 2)}
    assert judged.same.sum() == 90
    assert (~judged.same).sum() == 270
    assert len(drawn_pairs(known[:4]).same) == 1
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    one, other = judged.cameras[:, 0] == "s/0", judged.cameras[:, 1] == "s/1"
    every = (1 - units @ units.T)[np.ix_(cameras == 0, cameras == 1)]
    apart = np.abs(judged.distances[one & other][:, None, None] - every)
    assert apart.min(axis=(1, 2)).max() < 1e-5
