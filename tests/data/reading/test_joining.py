"""Several data sets as one: whose persons are whose, and what is told apart."""

from dataclasses import replace

import pytest

from passerby.data.reading.joining import join_splits, persons_in_train
from passerby.tables.records import JUNK, Record, Split


def made(source: str, persons: list[int], camera: int | None = 1, **more: object) -> Split:
    """A split with one train image of each person, and a query and gallery of person 99."""
    train = tuple(Record(f"{source}/{p}.jpg", p, camera, source) for p in persons)
    test = tuple(Record(f"{source}/t{n}.jpg", 99, camera, source) for n in range(2))
    return Split(source, train=train, query=test[:1], gallery=test[1:], **more)  # type: ignore[arg-type]


def test_train_parts_are_joined_and_test_parts_stay_apart() -> None:
    first, second = made("a", [1, 2], notes=("told",)), made("b", [2, 3])
    joint = join_splits([first, second])
    assert joint.source == "a+b"
    assert [(r.source, r.person) for r in joint.train] == [("a", 1), ("a", 2), ("b", 2), ("b", 3)]
    assert joint.joined == (first, second)
    assert joint.parts.keys() == {"train"}
    assert joint.notes == ("a: told",)
    assert join_splits([joint, made("c", [1])]).joined[:2] == joint.joined


def test_one_split_alone_is_itself() -> None:
    split = made("a", [1])
    assert join_splits([split]) is split


def test_nobody_of_one_set_is_somebody_of_another() -> None:
    """Person 0 stands for distractors in Market-1501 and is a person in MSMT17."""
    market, msmt = made("a", [JUNK, 0, 1], distractor=0), made("b", [0, 1])
    joint = join_splits([market, msmt])
    assert [(r.source, r.person) for r in joint.train] == [("a", 1), ("b", 0), ("b", 1)]
    assert persons_in_train(joint) == joint.train
    with pytest.raises(ValueError, match="b has no train part"):
        join_splits([market, replace(msmt, train=())])


@pytest.mark.parametrize("other", ["a", "A"])
def test_equal_names_are_refused_with_advice(other: str) -> None:
    with pytest.raises(ValueError, match=r"two data sets are named.*--data first:ROOT"):
        join_splits([made("a", [1]), made(other, [1])])
    apart = join_splits([made("a", [1]), made("a", [1]).of_source("b")])
    assert {r.source for r in apart.train} == {"a", "b"}


def test_no_split_is_refused() -> None:
    with pytest.raises(ValueError, match="--data ROOT"):
        join_splits([])


def test_the_fingerprint_knows_sets_names_and_order_of_a_join() -> None:
    first, second = made("a", [1, 2]), made("b", [2, 3])
    prints = {
        split.fingerprint
        for split in (
            first,
            join_splits([first, second]),
            join_splits([second, first]),
            join_splits([first, second.of_source("c")]),
            join_splits([first, made("b", [2, 4])]),
        )
    }
    assert len(prints) == 5
    assert join_splits([first, second]).fingerprint == join_splits([first, second]).fingerprint


def test_cameras_are_known_when_every_set_knows_them() -> None:
    assert join_splits([made("a", [1]), made("b", [1])]).has_cameras
    assert not join_splits([made("a", [1]), made("b", [1], camera=None)]).has_cameras


def test_images_are_set_aside_in_the_joined_sets_too() -> None:
    joint = join_splits([made("a", [1, 2]), made("b", [2, 3])])
    left = joint.without(frozenset({"a/1.jpg", "b/3.jpg", "b/t0.jpg"}))
    assert [r.image for r in left.train] == ["a/2.jpg", "b/2.jpg"]
    assert left.joined[1].query == ()
