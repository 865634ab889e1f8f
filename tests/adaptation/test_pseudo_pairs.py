"""Pseudo pairs: against loops over all images."""

import numpy as np

from passerby.adaptation.pseudo_pairs import MOST_CAMERAS, expected_right, mutual_neighbours


def test_pairs_are_each_others_nearest_of_two_cameras() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(60, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    sources, cameras = random.choice(["a", "b"], 60), random.choice(["1", "2", "3", ""], 60)

    def nearest(row: int, camera: str) -> int | None:
        others = [o for o in range(60) if sources[o] == sources[row] and cameras[o] == camera]
        return max(others, key=lambda o: float(vectors[row] @ vectors[o]), default=None)

    expected = set()
    for row in range(60):
        for camera in ("1", "2", "3"):
            if cameras[row] in ("", camera):
                continue
            found = nearest(row, camera)
            if found is not None and nearest(found, cameras[row]) == row:
                expected.add(frozenset((row, found)))
    made = mutual_neighbours(vectors, sources, cameras)
    assert len(made) == len(expected) > 10
    assert {frozenset(pair) for pair in made.tolist()} == expected


def test_one_camera_has_no_pairs() -> None:
    vectors = np.eye(4, dtype=np.float32)
    assert mutual_neighbours(vectors, np.full(4, ""), np.full(4, "1")).shape == (0, 2)


def test_a_source_of_many_cameras_has_none() -> None:
    """Most of its cameras see nobody in common."""
    vectors = np.eye(MOST_CAMERAS + 1, dtype=np.float32)
    cameras = np.arange(MOST_CAMERAS + 1).astype(str)
    sources = np.full(MOST_CAMERAS + 1, "")
    assert len(mutual_neighbours(vectors, sources, cameras)) == 0
    assert len(mutual_neighbours(vectors[1:], sources[1:], cameras[1:])) > 0


def test_how_many_are_right_is_told_without_labels() -> None:
    """Persons by two cameras, some of them by one alone: against their true numbers."""
    random = np.random.default_rng(0)
    numbers = np.concatenate([np.repeat(np.arange(60), 2), np.arange(60, 150)])
    cameras = np.arange(len(numbers)) % 2
    looks = random.normal(size=(150, 64))[numbers]
    vectors = (looks + random.normal(size=looks.shape) * 0.7).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    nowhere, names = np.full(len(numbers), ""), cameras.astype(str)
    pairs = mutual_neighbours(vectors, nowhere, names)
    right = numbers[pairs[:, 0]] == numbers[pairs[:, 1]]
    found = expected_right(vectors, nowhere, names, pairs)
    assert 0.5 < right.mean() < 0.9
    assert right.mean() - 0.2 < found.mean() < right.mean() + 0.05  # rather too few
    assert found[right].mean() > 0.8
    assert found[~right].mean() < 0.3
    shuffled = random.permutation(len(numbers))
    again = np.argsort(shuffled)[pairs]  # each row where it is now
    moved = expected_right(vectors[shuffled], nowhere, names[shuffled], again)
    np.testing.assert_allclose(moved, found, atol=1e-6)


def test_too_few_distances_tell_nothing() -> None:
    vectors, cameras = np.eye(20, dtype=np.float32), np.arange(20) % 2
    nowhere = np.full(20, "")
    pairs = np.array([[0, 1], [2, 3]])
    assert np.isnan(expected_right(vectors, nowhere, cameras.astype(str), pairs)).all()
