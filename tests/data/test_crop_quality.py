"""What is hardly a crop of a person is said to be so; ordinary crops are not."""

import numpy as np
import pytest

from passerby.data.crop_quality import crop_faults
from passerby.data.images import decode

rng = np.random.default_rng(0)
CONTENT = rng.integers(0, 256, (128, 64, 3), np.uint8)


def kinds(pixels):
    return [fault.kind for fault in crop_faults(pixels)]


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (CONTENT, []),
        (CONTENT[:64, :64], []),  # a person who sits
        (rng.integers(40, 80, (128, 64, 3), np.uint8), []),  # at night
        (np.zeros((128, 64, 3), np.uint8), ["blank"]),
        (np.full((128, 64, 3), (0, 60, 255), np.uint8), ["blank"]),
        (rng.integers(0, 4, (128, 64, 3), np.uint8), ["blank"]),  # the noise of a covered lens
        (rng.normal(90, 1, (128, 64, 3)).astype(np.uint8), ["blank"]),
        (CONTENT[:1, :1], ["small", "blank"]),
        (CONTENT[:128, :3], ["small"]),
        (CONTENT[:2], ["small"]),
        (CONTENT[:40, :64], ["shape"]),  # a landscape picture
        (np.tile(CONTENT[:, :10], (1, 1, 1)), ["shape"]),
        (CONTENT[:0], ["small", "blank"]),
    ],
)
def test_faults(pixels, expected):
    assert kinds(pixels) == expected


def test_a_few_odd_pixels_do_not_make_content():
    frame = np.full((128, 64, 3), 30, np.uint8)
    frame[:2, :20] = 255  # a time stamp burnt into a dark frame
    assert kinds(frame) == ["blank"]


def test_drawn_crops_have_none(tiny_root):
    files = sorted((tiny_root / "query").glob("*.jpg"))
    assert files
    assert [kinds(decode(path)) for path in files] == [[]] * len(files)
