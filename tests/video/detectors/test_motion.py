"""What moves, and the gate that looks only where something does."""

import numpy as np
import pytest

from passerby.video.detectors.detections import Detections, Detector
from passerby.video.detectors.gate import Gated
from passerby.video.detectors.motion import Motion, block_means


def scenes(count, noise=2.0):
    """A noisy wall before which a bright bar walks from frame 20 on, with its box."""
    random = np.random.default_rng(0)
    wall = random.integers(60, 120, (216, 384, 1)).repeat(3, axis=2)
    for number in range(count):
        pixels = wall + random.normal(0, noise, wall.shape)
        left = 20 + 4 * (number - 20)
        if number >= 20:
            pixels[60:180, left : left + 40] = 220
        yield np.clip(pixels, 0, 255).astype(np.uint8), (left, 60, left + 40, 180)


def test_motion_finds_what_walks_and_nothing_else():
    detector = Motion()
    for number, (pixels, box) in enumerate(scenes(60)):
        found = detector.detect(pixels)
        assert len(found) == (number >= 20)
        if number >= 20:
            np.testing.assert_allclose(found.boxes[0], box, atol=8)


def test_motion_begins_anew_with_another_size():
    detector = Motion()
    for size in ((100, 200), (120, 160)):
        for _ in range(10):
            assert len(detector.detect(np.full((*size, 3), 90, np.uint8))) == 0


class Counting(Detector):
    """Finds one box, and counts how often it looked."""

    name, sure = "counting", 0.5

    def __init__(self):
        self.looked = 0

    def detect(self, pixels):
        self.looked += 1
        return Detections(np.full((1, 4), self.looked, np.float32), np.ones(1, np.float32))


def test_the_gate_passes_over_what_stands_still():
    inner = Counting()
    gate = Gated(inner)
    boxes = [gate.detect(pixels).boxes[0, 0] for pixels, _ in scenes(40)]
    assert boxes[:20] == [1] * 20  # noise is no motion
    assert boxes[20:] == list(range(2, 22))
    assert (gate.looked, gate.passed) == (21, 19)


def test_slow_change_adds_up():
    inner = Counting()
    gate = Gated(inner)
    for level in range(20):  # a grey level a frame: never much from one to the next
        gate.detect(np.full((64, 64, 3), 100 + level, np.uint8))
    assert inner.looked == pytest.approx(7, abs=1)


def test_block_means_are_means():
    pixels = np.random.default_rng(0).integers(0, 256, (35, 50, 3), np.uint8)
    found = block_means(pixels, 16)
    assert found.shape == (2, 3)
    assert found[1, 2] == pytest.approx(pixels[16:32, 32:48, 1].mean(), rel=1e-6)
