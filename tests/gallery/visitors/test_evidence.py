"""Passages and their ratios, against pairs one by one; who cannot be one person."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.gallery.link.rules import Rules
from passerby.gallery.link.worth import by_calibration
from passerby.gallery.reviewed_pairs import Constraints
from passerby.gallery.visitors import evidence as module
from passerby.gallery.visitors.evidence import evidence
from passerby.gallery.visitors.partitions import APART
from passerby.tables.sightings import Sightings

EIGHT = np.datetime64("2026-05-01T08:00:00", "us")


def pairs(*rows):
    return np.array(rows, np.int64).reshape(-1, 2)


def seen(crowd, count, **columns):
    ids = [f"{number:032x}" for number in range(count)]
    columns.setdefault("cameras", [f"cam {number}" for number in range(count)])
    return Sightings(ids, crowd.shots(crowd.persons(count)), **columns)


def known(sightings, calibration, *, said=None, rules=None, names=None):
    names = np.full(len(sightings), "") if names is None else np.array(names)
    said = said or Constraints(pairs(), pairs())
    return evidence(sightings, names, by_calibration(calibration), said, rules or Rules())


@pytest.mark.parametrize("block", [2_000_000, 4])
def test_ratios_are_means_over_sightings(crowd, crowd_calibration, monkeypatch, block):
    monkeypatch.setattr(module, "_BLOCK", block)
    sightings = seen(
        crowd, 7, cameras=["a", "a", "b", "b", "b", "c", "c"], tracklets=[1, 1, 2, 2, 2, -1, -1]
    )
    found = known(sightings, crowd_calibration)
    assert len(found) == 4
    distances = 1 - sightings.vectors @ sightings.vectors.T
    llrs, ends = crowd_calibration.llr(distances), crowd_calibration.llr_ends(distances)
    for one in range(4):
        for other in range(4):
            block_ = np.ix_(found.of == one, found.of == other)
            if one != other:
                assert found.llrs[one, other] == pytest.approx(llrs[block_].mean(), abs=1e-4)
                half = np.mean(ends[1][block_] - ends[0][block_]) / 2
                assert found.doubts[one, other] == pytest.approx(half, abs=1e-4)
    assert not np.diag(found.llrs).any()
    moved = found.shifted(-2.0)
    assert moved[0, 1] == pytest.approx(found.llrs[0, 1] - 2 * found.doubts[0, 1])


def test_nobody_is_in_two_places_at_once(crowd, crowd_calibration):
    """Camera a follows two tracks at once; b sees somebody meanwhile; c an hour later."""
    seconds = np.array([0, 20, 10, 30, 15, 3600])
    sightings = seen(
        crowd,
        6,
        cameras=["a", "a", "a", "a", "b", "c"],
        tracklets=[1, 1, 2, 2, 1, 1],
        times=EIGHT + seconds.astype("timedelta64[s]"),
    )
    found = known(sightings, crowd_calibration)
    one, two, elsewhere, later = (int(found.of[row]) for row in (0, 2, 4, 5))
    assert found.llrs[one, two] == found.llrs[two, one] == APART
    assert found.llrs[one, elsewhere] == found.llrs[two, elsewhere] == APART
    assert found.llrs[one, later] > APART
    allowed = Rules(overlapping=(("a", "b"), ("a", "a")))
    found = known(sightings, crowd_calibration, rules=allowed)
    assert found.llrs.min() > APART
    assert len(found.stays) == 4


def test_names_and_answers_bind(crowd, crowd_calibration):
    names = ["ann", "ann", "bob", "", "", ""]
    said = Constraints(pairs((2, 3)), pairs((4, 5)))
    found = known(seen(crowd, 6), crowd_calibration, said=said, names=names)
    assert len(found) == 4
    ann, bob, four, five = (int(found.of[row]) for row in (0, 2, 4, 5))
    assert found.of[1] == ann
    assert found.of[3] == bob
    assert found.names[[ann, bob, four, five]].tolist() == ["ann", "bob", "", ""]
    assert found.llrs[ann, bob] == found.llrs[four, five] == APART
    assert found.shifted(1.0)[ann, bob] == APART
    assert found.llrs[ann, four] > APART
