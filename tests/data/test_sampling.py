"""P × K batches: their form, their randomness, and persons with few images."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.data.sampling import PersonBatches

counts = st.lists(st.integers(1, 12), min_size=3, max_size=10)


def _labels(images_per_person: list[int]) -> list[int]:
    return [person for person, count in enumerate(images_per_person) for _ in range(count)]


@given(counts, st.integers(2, 3), st.integers(1, 5), st.integers(0, 3))
def test_every_batch_has_p_persons_with_k_images(
    images: list[int], persons: int, k: int, epoch: int
) -> None:
    labels = _labels(images)
    batches = PersonBatches(labels, persons, k, seed=1).epoch(epoch)
    assert batches
    for batch in batches:
        assert list(Counter(labels[row] for row in batch).values()) == [k] * persons
        groups = [batch[i * k : (i + 1) * k] for i in range(persons)]
        assert all(len({labels[row] for row in group}) == 1 for group in groups)


@given(counts, st.integers(1, 4))
def test_no_image_comes_twice_while_its_person_has_enough(images: list[int], k: int) -> None:
    labels = _labels(images)
    seen = Counter(row for batch in PersonBatches(labels, 2, k, seed=0).epoch(0) for row in batch)
    for row, times in seen.items():
        assert times == 1 or images[labels[row]] < k


def test_a_person_with_few_images_is_filled_up_evenly() -> None:
    batches = PersonBatches([0, 0, 1, 1, 1, 1, 1], 2, 5, seed=0).epoch(0)
    rows = Counter(row for row in batches[0] if row < 2)
    assert sorted(rows.values()) == [2, 3]


def test_batches_depend_on_seed_and_epoch_alone() -> None:
    labels = _labels([6] * 8)
    first = PersonBatches(labels, 4, 2, seed=3)
    first.epoch(0)
    assert first.epoch(5) == PersonBatches(labels, 4, 2, seed=3).epoch(5)
    assert first.epoch(5) != first.epoch(6)
    assert first.epoch(5) != PersonBatches(labels, 4, 2, seed=4).epoch(5)


def test_an_epoch_covers_equal_persons_whole() -> None:
    labels = _labels([8] * 4)
    rows = [row for batch in PersonBatches(labels, 4, 4, seed=0).epoch(0) for row in batch]
    assert sorted(rows) == list(range(32))


def test_the_limit_bounds_how_often_a_person_comes() -> None:
    labels = _labels([40, 4, 4, 4])
    rows = [row for b in PersonBatches(labels, 2, 4, seed=0, limit=2).epoch(0) for row in b]
    assert Counter(labels[row] for row in rows)[0] <= 8


@pytest.mark.parametrize(("persons", "images"), [(1, 4), (2, 0), (9, 1)])
def test_impossible_batches_are_refused(persons: int, images: int) -> None:
    with pytest.raises(ValueError, match="batch"):
        PersonBatches([0, 0, 1, 1], persons, images, seed=0)
