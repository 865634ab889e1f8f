"""Persons held out of train: disjoint, matchable, chosen by seed."""

from dataclasses import replace

import pytest

from passerby.data.holdout import hold_out
from passerby.tables.records import Record


def _records(cameras: bool = True) -> list[Record]:
    records = []
    for person in range(10):
        for camera in range(1, 1 + (1 if person < 3 else 3)):
            for image in range(2):
                number = camera if cameras else None
                records.append(Record(f"{person}-{camera}-{image}.jpg", person, number, "made"))
    return records


def test_held_persons_are_out_of_train_and_can_be_matched() -> None:
    held = hold_out(_records(), 4, seed=0)
    persons = {person for _, person in held.persons}
    assert len(persons) == 4
    assert not persons & {r.person for r in held.train}
    assert all(person >= 3 for person in persons)  # the first three have one camera
    for query in held.query:
        assert any(g.person == query.person and g.camera != query.camera for g in held.gallery)
    assert len({(r.person, r.camera) for r in held.query}) == len(held.query) == 4 * 3
    assert len(held.train) + len(held.gallery) == len(_records())


def test_without_cameras_a_query_is_not_in_the_gallery() -> None:
    held = hold_out(_records(cameras=False), 4, seed=0)
    assert not {r.image for r in held.query} & {r.image for r in held.gallery}
    assert len(held.query) == 4


def test_the_seed_decides_and_zero_holds_out_none() -> None:
    assert hold_out(_records(), 4, seed=1) == hold_out(_records(), 4, seed=1)
    assert len({hold_out(_records(), 4, seed=s).persons for s in range(8)}) > 1
    assert hold_out(_records(), 0, seed=0).train == tuple(_records())


def test_too_many_persons_are_refused_with_advice() -> None:
    with pytest.raises(ValueError, match="only 7 of 10 train persons were seen by two cameras"):
        hold_out(_records(), 8, seed=0)


def test_sources_with_and_without_cameras_are_tested_apart() -> None:
    known = _records()
    unknown = [replace(r, source="other") for r in _records(cameras=False)]
    held = hold_out([*known, *unknown], 12, seed=0)
    tests = {split.source: split for split in held.tests}
    assert set(tests) == {"made", "other"}
    assert tests["made"].has_cameras
    assert not tests["other"].has_cameras
    for source, split in tests.items():
        assert {r.source for r in (*split.query, *split.gallery)} == {source}
        assert {r.person for r in split.query} == {p for s, p in held.persons if s == source}
    assert not {r.image for r in tests["other"].query} & {r.image for r in tests["other"].gallery}
    assert hold_out(known, 0, seed=0).tests == ()
