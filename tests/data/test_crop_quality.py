"""What is hardly a crop of a person is said to be so; ordinary crops are not."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from passerby.data.crop_quality import crop_faults
from passerby.data.images import decode

rng = np.random.default_rng(0)
CONTENT = rng.integers(0, 256, (128, 64, 3), np.uint8)

SMOOTH = np.asarray(Image.fromarray(CONTENT[:4, :2]).resize((64, 128), Image.Resampling.BICUBIC))


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
        (CONTENT // 8, ["dark"]),
        (np.concatenate([CONTENT[:90], np.full((38, 64, 3), 128, np.uint8)]), ["cut"]),
        (np.concatenate([np.zeros((128, 20, 3), np.uint8), CONTENT[:, :44]], axis=1), ["cut"]),
        (np.concatenate([CONTENT[:110], np.full((18, 64, 3), 128, np.uint8)]), []),
        (SMOOTH, ["blurred"]),
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


def test_real_crops_have_few_and_blurred_ones_are_found(people):
    """Of 300 train images: shapes apart none has a fault; heavily blurred most have."""
    files = sorted((people / "bounding_box_train").glob("*.jpg"))
    pixels = [decode(files[row]) for row in rng.permutation(len(files))[:300].tolist()]
    assert {kind for image in pixels for kind in kinds(image)} <= {"shape"}
    blurred = [
        np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(image.shape[0] / 8)))
        for image in pixels
    ]
    assert np.mean([kinds(image) != [] for image in blurred]) > 0.7
