"""What joins pieces, and which colours the embedder is given."""

import numpy as np
import pytest

from passerby.embedding.embedder import load
from passerby.gallery.gallery import Gallery
from passerby.video import enrolling
from passerby.video.enrolling import Enroller, ratio_of, tracklet_number
from passerby.video.passages import Look, Passage


@pytest.fixture
def gallery(tmp_path, small_model):
    with Gallery.create(tmp_path / "g", load(small_model)) as made:
        yield made


class Line:
    """A calibration whose ratios fall along a line; one of pairs by one camera falls earlier."""

    def __init__(self, shift, within=None):
        self._shift, self._within = shift, within

    def for_pairs(self, one_camera):
        return self._within if one_camera else self

    def llr(self, distances):
        return self._shift - 10 * np.asarray(distances)


@pytest.mark.parametrize("within", [None, Line(1.0)])
def test_the_ratio_is_that_of_each_look_with_the_one_it_is_most_like(monkeypatch, gallery, within):
    monkeypatch.setattr(enrolling, "calibration_of", lambda about, kind, **how: Line(3.0, within))
    random = np.random.default_rng(0)
    first, second = (random.normal(size=(n, 8)).astype(np.float32) for n in (3, 5))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    at_most = 3.0 if within is None else 1.0
    slow = [
        [
            at_most - 10 * (1 - sum(x * y for x, y in zip(a, b, strict=True)))
            for b in second.tolist()
        ]
        for a in first.tolist()
    ]
    rows = sum(max(row) for row in slow) / 3
    columns = sum(max(column) for column in zip(*slow, strict=True)) / 5
    expected = pytest.approx((rows + columns) / 2, abs=1e-4)
    assert ratio_of(gallery.store)(first, second) == expected


def test_without_a_calibration_nothing_is_joined(gallery):
    with pytest.raises(ValueError, match="--mend needs a calibration"):
        ratio_of(gallery.store)


def test_the_embedder_gets_the_colours_that_it_takes(gallery, small_model):
    crop = np.random.default_rng(0).integers(0, 256, (40, 20, 3), np.uint8)
    looks = [
        Look(second, None, second, "a" * 32, np.array([0, 0, 20, 40], np.float32), 0.9, crop)
        for second in range(3)
    ]
    passage = Passage("door", (1,), 0.0, 2.0, 3, looks, ((0.0, 2.0),))
    rgb = Enroller(gallery.store, gallery.embedder).embed(passage)
    bgr = Enroller(gallery.store, load(small_model, colours="bgr")).embed(passage)
    np.testing.assert_allclose(rgb.vectors, bgr.vectors, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rgb.vectors, axis=1), 1, atol=1e-5)
    assert 0 <= tracklet_number(passage) < 2**53
