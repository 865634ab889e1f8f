"""The picture of a sighting: the file only while it is the one that was hashed."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from passerby.data.crops import content_id
from passerby.data.evidence import CHANGED, checked_contents, picture_of
from passerby.data.images import UnreadableImage

RED, BLUE = (200, 0, 0), (0, 0, 200)


def png(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 16), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def snapshot(tmp_path):
    """A file that shows blue now, and the hash of its red content of before."""
    file = tmp_path / "latest.png"
    file.write_bytes(png(BLUE))
    return file, content_id(png(RED))


def colour(picture):
    return tuple(picture[0, 0].tolist())


def test_an_overwritten_file_is_never_shown(snapshot):
    file, before = snapshot
    with pytest.raises(UnreadableImage) as refused:
        picture_of(file, before)
    assert refused.value.reason == CHANGED
    with pytest.raises(UnreadableImage, match=CHANGED):
        checked_contents(file, before)
    assert colour(picture_of(file, before, png(RED))) == RED
    assert colour(picture_of(file, content_id(png(BLUE)), png(RED))) == BLUE
    assert colour(picture_of(file, "")) == BLUE


def test_the_reason_is_that_of_the_file(snapshot, tmp_path):
    file, before = snapshot
    for path, thumbnail, reason in [
        ("", b"", "no picture is stored"),
        ("", b"no jpeg", "the thumbnail is damaged"),
        (file, b"no jpeg", CHANGED),
        (tmp_path / "gone.png", b"", "No such file"),
        ("nul\0name", b"", "null"),
    ]:
        with pytest.raises(UnreadableImage, match=reason):
            picture_of(path, before, thumbnail)
    assert np.array_equal(picture_of("", before, png(RED))[0, 0], RED)
