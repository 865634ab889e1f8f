"""Halves of the training persons."""

import numpy as np
import pytest

from passerby.architecture_search.halves import halves
from passerby.data.holdout import HoldOut
from passerby.tables.records import Record
from passerby.training.input.persons import TrainPersons


def persons_of(counts):
    """Two images of each of so many persons of each source."""
    records = [
        Record(f"{source}_{person}_{image}.jpg", person, image, source)
        for source, count in counts.items()
        for person in range(count)
        for image in range(2)
    ]
    classes = sorted({record.person_key for record in records})
    labels = [classes.index(record.person_key) for record in records]
    return TrainPersons(records, labels, classes, HoldOut(tuple(records), (), (), ()))


def test_each_person_is_in_one_half_with_all_images():
    both = halves(persons_of({"a": 9, "b": 6}), seed=0)
    keys = [{record.person_key for record in half.records} for half in both]
    assert keys[0].isdisjoint(keys[1])
    assert len(keys[0] | keys[1]) == 15
    for half, own in zip(both, keys, strict=True):
        assert half.persons == len(own) in (7, 8)
        assert len(half.records) == len(half.labels) == 2 * half.persons
        assert np.bincount(half.labels).tolist() == [2] * half.persons
        assert sum(source == "b" for source, _ in own) == 3
        numbers = {(r.person_key, n) for r, n in zip(half.records, half.labels, strict=True)}
        assert len(numbers) == half.persons


def test_they_follow_the_seed():
    persons = persons_of({"a": 12})
    first, again, other = (halves(persons, seed)[0].records for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_too_few_persons_are_refused():
    with pytest.raises(ValueError, match="at least 4 training persons, 2 in each half, got 3"):
        halves(persons_of({"a": 3}), seed=0)
