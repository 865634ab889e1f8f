"""Pseudo pairs: against loops over all images."""

import numpy as np

from passerby.adaptation.pseudo_pairs import MOST_CAMERAS, mutual_neighbours


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
