"""The colour-histogram baseline against a slow version, on made images and (where present) real."""

from __future__ import annotations

import colorsys
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from passerby.embedding.histogram import colour_histogram, embed_histograms
from passerby.evaluation.evaluate import evaluate
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import Record

PEOPLE = Path(__file__).parents[3] / "shared" / "data" / "people"


def slow_histogram(image: np.ndarray) -> np.ndarray:
    """Pixel by pixel with colorsys, for images of 128×64 (no resizing)."""
    counts = np.zeros((6, 8, 4, 4))
    for y in range(128):
        for x in range(64):
            channels = colorsys.rgb_to_hsv(*(float(c) / 255 for c in image[y, x]))
            h, s, v = (min(int(c * 255 + 1e-6), 255) for c in channels)
            counts[y * 6 // 128, h * 8 // 256, s * 4 // 256, v * 4 // 256] += 1
    return np.sqrt(counts / counts.sum()).ravel()


@pytest.mark.parametrize("seed", [0, 1])
def test_equals_the_slow_version(seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (128, 64, 3), dtype=np.uint8)
    assert np.square(colour_histogram(image)) == pytest.approx(
        np.square(slow_histogram(image)), abs=1e-6
    )


def test_stripes_and_bins_of_plain_colours() -> None:
    image = np.zeros((128, 64, 3), np.uint8)
    image[:64] = (255, 0, 0)
    histogram = colour_histogram(image).reshape(6, 8, 4, 4)
    assert np.square(histogram).sum() == pytest.approx(1)
    assert (histogram[:3, 0, 3, 3] > 0).all()  # red, saturated, bright
    assert (histogram[4:, 0, 0, 0] > 0).all()  # black
    assert np.count_nonzero(histogram[0]) == 1


def test_any_size_gives_the_same_length() -> None:
    rng = np.random.default_rng(0)
    for shape in ((1, 1, 3), (72, 31, 3), (300, 200, 3)):
        histogram = colour_histogram(rng.integers(0, 256, shape, dtype=np.uint8))
        assert histogram.shape == (768,)
        assert histogram.dtype == np.float32
        assert np.linalg.norm(histogram) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_refuses_what_is_no_rgb_image(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected an image \[H, W, 3\]"):
        colour_histogram(image)


def test_sets_unreadable_images_aside(tmp_path: Path, steps: list[tuple[float, float]]) -> None:
    records = []
    for row in range(130):
        path = tmp_path / f"{row}.png"
        if row == 70:
            path.write_bytes(b"not an image")
        else:
            Image.new("RGB", (8, 16), (row, 0, 255 - row)).save(path)
        records.append(Record(str(path), person=row, camera=1, source="made"))
    outcome = embed_histograms(records)
    assert steps == [(64, 130), (128, 130), (130, 130)]
    assert outcome.embeddings.persons.tolist() == [row for row in range(130) if row != 70]
    assert len(outcome.set_aside) == 1
    assert "70.png" in str(outcome.set_aside[0])
    assert outcome.embeddings.vectors[0] == pytest.approx(
        colour_histogram(np.full((16, 8, 3), (0, 0, 255), np.uint8))
    )


def test_nothing_to_embed() -> None:
    with pytest.raises(ValueError, match="none of 0 images can be read"):
        embed_histograms([])
    missing = Record("missing.jpg", person=1, camera=1, source="made")
    with pytest.raises(ValueError, match=r"none of 1 image can be read; the first: .*missing\.jpg"):
        embed_histograms([missing])


@pytest.mark.skipif(not PEOPLE.is_dir(), reason="the real person crops are not on this machine")
def test_scores_on_real_people() -> None:
    def embed(part: str) -> Embeddings:
        records = []
        for path in sorted((PEOPLE / part).glob("*.jpg")):
            person, camera = re.findall(r"^(-?\d+)_c(\d+)", path.name)[0]
            records.append(Record(str(path), int(person), int(camera), "people"))
        return embed_histograms(records).embeddings

    report = evaluate(embed("query"), embed("bounding_box_test"))
    assert report.queries == 264
    # An independent HSV histogram of 6 stripes scores 28.4 and 23.7.
    assert report.rank1 == pytest.approx(28.4, abs=1.5)
    assert report.mean_average_precision == pytest.approx(23.7, abs=1.5)
