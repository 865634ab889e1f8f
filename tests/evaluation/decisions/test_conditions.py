"""Of which images something was learnt, and of which it was not."""

import numpy as np

from passerby.evaluation.decisions.conditions import Conditions, conditions_of
from passerby.tables.embeddings import Embeddings


def test_they_are_those_of_the_embeddings():
    vectors = np.eye(4)
    assert conditions_of(Embeddings(vectors, [1, 1, 2, 2])) == Conditions((), 4)
    numbered = Embeddings(vectors, [1, 1, 2, 2], [1, 2, -1, 2], sources=["a", "a", "b", "b"])
    assert conditions_of(numbered).cameras == ("a/1", "a/2", "b/2")
    named = Embeddings(vectors, [1, 1, 2, 2], [1, 2, 3, 3], named_cameras=["door", "", "hall", ""])
    heights = [*range(100, 201)]
    assert conditions_of(named, heights) == Conditions(("/door", "/hall"), 4, (101, 199))
    assert str(conditions_of(named, heights)) == (
        "4 images, 2 cameras (/door, /hall), 101 to 199 pixels high"
    )


def test_only_cameras_it_was_learnt_by_are_covered():
    known = Conditions(("a/1", "a/2"))
    assert known.cover(["a/1"])
    assert known.cover(["a/2", "a/1"])
    assert not known.cover(["a/1", "b/1"])
    assert not known.cover([])
    assert not Conditions().cover(["a/1"])


def test_images_of_another_resolution_are_doubted():
    known = Conditions(heights=(100, 200))
    assert [bool(known.height_doubt(height)) for height in (60, 67, 150, 300, 301)] == [
        True, False, False, False, True,
    ]  # fmt: skip
    assert "40 pixels high" in known.height_doubt(40)
    assert Conditions().height_doubt(4) == ""
