"""What a passage was pooled from: kept as bytes, pooled, and taken apart again."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.tables.looks import Looks, distances_to_looks, pool
from passerby.tables.sightings import Sightings, by_look, by_middle_look, ends
from passerby.tables.unit_length import unit


def some_vectors(count: int, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32))


def some_looks(count: int = 4, seed: int = 0) -> Looks:
    seconds = 10.0 + np.arange(count)
    times = np.datetime64("2026-05-01T08:00", "us") + (seconds * 1e6).astype("timedelta64[us]")
    boxes = np.arange(4 * count, dtype=np.float32).reshape(count, 4)
    return Looks(
        (9.5, 15.25), seconds, times, np.arange(count) * 25, boxes, some_vectors(count, seed)
    )


def passages() -> Sightings:
    """A still image and a passage of four looks."""
    looks = some_looks()
    vector, coherence = looks.pooled()
    return Sightings(
        ["a" * 32, "b" * 32],
        [some_vectors(1, seed=9)[0], vector],
        cameras=["hall", "hall"],
        times=[looks.times[0], looks.times[0]],
        untils=np.array(["NaT", looks.times[3]], "M8[us]"),
        tracklets=[-1, 7],
        coherences=[np.nan, coherence],
        looks=[None, looks],
        pictures=[[], [b"1", b"2"]],
    )


def test_bytes_bring_back_all_but_half_of_the_vectors_digits():
    looks = some_looks()
    back = Looks.from_bytes(looks.to_bytes())
    assert back.span == looks.span
    for name in ("seconds", "times", "frames", "boxes"):
        np.testing.assert_array_equal(getattr(back, name), getattr(looks, name), name)
    np.testing.assert_allclose(back.vectors, looks.vectors, atol=5e-4)
    np.testing.assert_allclose(np.linalg.norm(back.vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("data", [b"", b"LKS1", b"XXXX" + bytes(60), some_looks().to_bytes()[:-1]])
def test_other_bytes_are_refused(data):
    with pytest.raises(ValueError, match=r"cut off|damaged"):
        Looks.from_bytes(data)


def test_columns_must_be_as_long_as_each_other():
    looks = some_looks()
    with pytest.raises(ValueError, match=r"boxes of looks must be \[4, 4\], got \[3, 4\]"):
        Looks(looks.span, looks.seconds, looks.times, looks.frames, looks.boxes[:3], looks.vectors)


def test_the_mean_distance_to_the_looks_is_known_from_their_pool():
    vectors, queries = some_vectors(5), some_vectors(20, seed=1)
    vector, coherence = pool(vectors)
    slowly = [np.mean([1 - float(v @ q) for v in vectors]) for q in queries]
    quickly = distances_to_looks(1 - queries @ vector, np.full(20, coherence, np.float32))
    np.testing.assert_allclose(quickly, slowly, atol=1e-6)
    assert pool(vectors[:1])[1] == pytest.approx(1)
    single = distances_to_looks(np.array([0.3]), np.array([np.nan], np.float32))
    assert single.tolist() == [0.3]


def test_vectors_that_cancel_have_no_mean():
    one = some_vectors(1)
    with pytest.raises(ValueError, match="cancel"):
        pool(np.concatenate([one, -one]))


def test_each_look_as_a_sighting():
    given = passages()
    looks = given.looks[1]
    made, rows = by_look(given)
    assert rows.tolist() == [0, 1, 1, 1, 1]
    assert made.ids.tolist() == [given.ids[row] for row in rows]
    np.testing.assert_array_equal(made.vectors[1:], looks.vectors)
    np.testing.assert_array_equal(made.times[1:], looks.times)
    assert made.tracklets.tolist() == [-1, 7, 7, 7, 7]
    np.testing.assert_array_equal(made.untils[1:], np.repeat(given.untils[1], 4))
    assert np.isnan(made.coherences).all()
    some, owners = by_look(given, most=2)
    assert owners.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(some.vectors[1:], looks.vectors[[0, 3]])


def test_the_middle_look_stands_for_a_passage():
    given = passages()
    made = by_middle_look(given)
    np.testing.assert_array_equal(made.vectors[1], given.looks[1].vectors[2])
    np.testing.assert_array_equal(made.vectors[0], given.vectors[0])
    still = given[:1]
    assert by_middle_look(still) is still
    assert by_look(still)[0] is still


def test_the_end_of_a_sighting_is_its_last_time():
    given = passages()
    np.testing.assert_array_equal(ends(given), [given.times[0], given.untils[1]])


@pytest.mark.parametrize("time", ["NaT", "2026-05-02"])
def test_an_end_before_the_beginning_is_refused(time):
    with pytest.raises(ValueError, match="untils must not lie before times"):
        Sightings(["a" * 32], some_vectors(1), times=[time], untils=["2026-05-01"])
