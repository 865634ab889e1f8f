"""Persons and cameras of joined data sets: equal numbers of two sources are two."""

from itertools import product

import numpy as np

from passerby.tables.embeddings import Embeddings
from passerby.tables.keys import (
    camera_keys,
    camera_numbers,
    numbered,
    person_names,
    person_numbers,
    shared_person_names,
    view_numbers,
)

rng = np.random.default_rng(0)


def table(count, sources=True):
    return Embeddings(
        np.ones((count, 1)),
        rng.integers(0, 3, count),
        rng.integers(0, 3, count),
        sources=rng.choice(["a", "b"], count) if sources else None,
    )


def rows_of(part, *columns):
    return list(zip(*(getattr(part, name).tolist() for name in columns), strict=True))


def assert_equal_exactly_where(numbers, expected):
    """Numbers of several tables are equal where the tuples are, and nowhere else."""
    numbers = np.concatenate(numbers).tolist()
    expected = [row for part in expected for row in part]
    for (a, b), (c, d) in zip(product(numbers, numbers), product(expected, expected), strict=True):
        assert (a == b) == (c == d)


def test_sources_tell_apart_where_all_have_them():
    one, two = table(20), table(12)
    for keys, columns in (
        (person_numbers, ["persons"]),
        (camera_numbers, ["cameras"]),
        (view_numbers, ["persons", "cameras"]),
    ):
        expected = [rows_of(part, "sources", *columns) for part in (one, two)]
        assert_equal_exactly_where(keys(one, two), expected)
        unnamed = table(12, sources=False)
        expected = [rows_of(part, *columns) for part in (one, unnamed)]
        assert_equal_exactly_where(keys(one, unnamed), expected)


def test_names_and_keys_to_be_shown():
    one = Embeddings(np.ones((2, 1)), [7, -1], [1, 2], sources=["a", "b"])
    two = Embeddings(np.ones((1, 1)), [7], [1])
    assert person_names(one).tolist() == ["a/7", "b/-1"]
    assert person_names(two).tolist() == ["7"]
    assert [part.tolist() for part in shared_person_names(one, two)] == [["7", "-1"], ["7"]]
    assert camera_keys(one) == ([("a", 1), ("b", 2)],)
    assert camera_keys(one, two) == ([("", 1), ("", 2)], [("", 1)])


def test_views_without_cameras_are_persons():
    one = Embeddings(np.ones((3, 1)), [7, 5, 7])
    assert view_numbers(one)[0].tolist() == [1, 0, 1]


def test_many_columns_of_many_values_do_not_overflow():
    columns = [rng.permutation(1000) for _ in range(12)]
    assert sorted(numbered(*columns).tolist()) == list(range(1000))
    assert numbered(np.empty(0, np.int64)).tolist() == []
