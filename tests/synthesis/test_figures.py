"""One picture: repeatable anywhere, and different for other persons, cameras and moments."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import simplejpeg

from passerby.synthesis import contact_sheet, draw, photo
from passerby.synthesis.variety import Style, dress_varied, install_varied

ARGUMENTS = [(0, 1, 1, 0), (0, 1, 2, 0), (0, 1, 1, 1), (0, 2, 1, 0), (1, 1, 1, 0), (0, 0, 1, 3)]


def digest(arguments: tuple[int, int, int, int]) -> str:
    return hashlib.sha256(photo(*arguments)).hexdigest()


def test_picture_shape_and_type() -> None:
    picture = draw(0, 1, 1, 0)
    assert picture.shape == (256, 128, 3)
    assert picture.dtype == np.uint8
    assert draw(0, 1, 1, 0, height=128, width=64).shape == (128, 64, 3)


def test_the_same_in_any_order() -> None:
    forwards = [digest(arguments) for arguments in ARGUMENTS]
    backwards = [digest(arguments) for arguments in reversed(ARGUMENTS)]
    assert forwards == backwards[::-1]


def test_the_same_in_another_process() -> None:
    program = (
        "import hashlib; from passerby.synthesis import photo; "
        "print(hashlib.sha256(photo(0, 2, 1, 0)).hexdigest())"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert answer.stdout.decode().strip() == digest((0, 2, 1, 0))


def test_the_same_whatever_the_global_random_state() -> None:
    np.random.seed(1)  # noqa: NPY002 - the point is that it does not matter
    before = digest((0, 1, 1, 0))
    np.random.seed(2)  # noqa: NPY002
    assert digest((0, 1, 1, 0)) == before


def test_person_camera_moment_and_seed_all_matter() -> None:
    assert len({digest(arguments) for arguments in ARGUMENTS}) == len(ARGUMENTS)


def test_distractors_and_junk_differ_from_moment_to_moment() -> None:
    for person in (0, -1):
        first, second = draw(0, person, 1, 0), draw(0, person, 1, 1)
        assert np.abs(first.astype(int) - second).mean() > 5


def test_photo_is_the_drawing_as_a_jpeg() -> None:
    decoded = simplejpeg.decode_jpeg(photo(0, 3, 2, 1))
    assert np.abs(decoded.astype(int) - draw(0, 3, 2, 1)).mean() < 6


@pytest.mark.parametrize("arguments", [(-1, 1, 1, 0), (0, -2, 1, 0), (0, 1, -1, 0), (0, 1, 1, -1)])
def test_impossible_numbers_are_named(arguments: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected seed, camera, moment, site and day from 0"):
        draw(*arguments)


def test_too_small_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="16 pixels"):
        draw(0, 1, 1, 0, height=8)


def test_every_appearance_can_be_drawn() -> None:
    """Rare clothes, poses and obstacles: no warning, no empty picture."""
    for person in range(1, 121):
        assert draw(5, person, person % 9, person, height=64, width=32).std() > 4


def test_contact_sheet_has_a_row_per_person() -> None:
    sheet = contact_sheet([1, 2, 3], [1, 2], moments=2)
    assert sheet.shape == (3 * 256, 4 * 128, 3)
    np.testing.assert_array_equal(sheet[256:512, 128:256], draw(0, 2, 1, 1))


def test_the_varied_style_repeats_and_differs_from_the_plain_one() -> None:
    first, plain = draw(0, 1, 1, 0, style="varied"), draw(0, 1, 1, 0)
    install_varied.cache_clear()
    dress_varied.cache_clear()
    np.testing.assert_array_equal(draw(0, 1, 1, 0, style="varied"), first)
    assert np.abs(first.astype(int) - plain).mean() > 10


def test_every_varied_picture_can_be_drawn() -> None:
    """Any light, place and box: no warning, no empty picture."""
    for person in range(-1, 60):
        picture = draw(5, person, 1 + person % 9, 3, height=64, width=32, style="varied")
        assert picture.std() > 2


def test_varied_cameras_differ_more_than_plain_ones() -> None:
    def spread(style: Style) -> float:
        means = [draw(0, 1, camera, 0, style=style).mean((0, 1)) for camera in range(1, 9)]
        return float(np.std(means, axis=0).mean())

    assert spread("varied") > 1.3 * spread("plain")
