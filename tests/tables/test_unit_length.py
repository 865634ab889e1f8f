"""Which vectors have a direction, decided once."""

import numpy as np
import pytest

from passerby.tables.unit_length import SHORTEST, TOLERANCE, directed, is_unit, lengths, unit


def test_lengths_do_not_overflow_and_do_not_underflow():
    vectors = np.array([[3e38, 3e38], [3e-30, 4e-30], [3, 4]], np.float32)
    np.testing.assert_allclose(lengths(vectors), [np.hypot(3e38, 3e38), 5e-30, 5], rtol=1e-6)


def test_the_bound_is_the_same_for_every_use():
    found = np.array([0, SHORTEST, 2 * SHORTEST, 1, np.nan, np.inf])
    assert directed(found).tolist() == [False, False, True, True, False, False]
    made = unit(np.array([[2 * SHORTEST, 0], [3e38, 0], [-3, 4]], np.float32))
    np.testing.assert_allclose(made, [[1, 0], [1, 0], [-0.6, 0.8]], rtol=1e-6)
    assert is_unit(made).all()


@pytest.mark.parametrize("value", [0, 2e-13, np.nan, np.inf, -np.inf])
def test_what_has_no_direction_is_refused(value):
    with pytest.raises(ValueError, match=r"1 of 2 queries have no direction .* the first in row 1"):
        unit(np.array([[1, 0], [value, 0]], np.float32), "queries")


def test_many_vectors_are_as_each_alone():
    vectors = np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32)
    made = unit(vectors)
    np.testing.assert_array_equal(made[4990:], unit(vectors[4990:]))
    assert is_unit(made * np.float32(1 + 2 * TOLERANCE)).sum() == 0
    assert len(unit(np.empty((0, 4), np.float32))) == 0
