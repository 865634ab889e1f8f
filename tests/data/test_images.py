"""Decoding: every kind of good file gives the same pixels, every kind of bad one is named."""

import io
import os
import pickle
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from passerby.data.images import (
    IMAGE_SUFFIXES,
    MAX_PIXELS,
    UnreadableImage,
    decode,
    decode_contents,
)


def scene(height: int = 64, width: int = 32) -> NDArray[np.uint8]:
    """A smooth picture [H, W, 3] whose three channels differ."""
    row, column = np.mgrid[0:height, 0:width]
    channels = [row * 255 // height, column * 255 // width, (row + column) % 256]
    return np.stack(channels, axis=2).astype(np.uint8)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def jpeg_of_size(height: int, width: int) -> bytes:
    """A JPEG whose header claims another size than it holds."""
    data = bytearray(simplejpeg.encode_jpeg(scene()))
    frame = data.find(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def png_of_size(height: int, width: int) -> bytes:
    """A tiny PNG whose header claims a huge size: a decompression bomb."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tif", "ppm"])
def test_lossless_formats_give_the_exact_pixels(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(scene()), **options)
    pixels = decode(path)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, scene())


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_rgb(tmp_path, progressive):
    path = saved(tmp_path / "a.jpg", Image.fromarray(scene()), quality=98, progressive=progressive)
    assert np.abs(decode(str(path)).astype(int) - scene()).mean() < 4


def test_the_content_decides_not_the_suffix(tmp_path):
    saved(tmp_path / "a.png", Image.fromarray(scene())).rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(decode(tmp_path / "a.jpg"), scene())


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_greyscale_has_three_equal_channels(tmp_path, suffix):
    pixels = decode(saved(tmp_path / f"a.{suffix}", Image.fromarray(scene()[..., 0])))
    assert pixels.shape == (64, 32, 3)
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_cmyk_jpeg(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.fromarray(scene()).convert("CMYK"), quality=98)
    assert np.abs(decode(path).astype(int) - scene()).mean() < 12


@pytest.mark.parametrize("depth", [8, 10, 12, 14, 16])
def test_deep_grey_keeps_the_upper_8_of_the_bits_in_use(tmp_path, depth):
    grey = (np.arange(2048, dtype=np.uint16) * 32).reshape(64, 32) >> 16 - depth
    pixels = decode(saved(tmp_path / "a.png", Image.fromarray(grey)))
    np.testing.assert_array_equal(pixels[..., 1], np.arange(2048).reshape(64, 32) * 32 >> 8)


def test_integers_of_32_bits(tmp_path):
    path = saved(tmp_path / "a.tif", Image.fromarray(scene()[..., 0].astype(np.int32) - 5))
    np.testing.assert_array_equal(decode(path)[..., 2], np.maximum(scene()[..., 0], 5) - 5)


def test_palette_transparency_and_alpha(tmp_path):
    image = Image.fromarray(scene())
    alpha = image.convert("RGBA")
    alpha.putalpha(77)
    np.testing.assert_array_equal(decode(saved(tmp_path / "alpha.png", alpha)), scene())
    palette = image.quantize(256)
    path = saved(tmp_path / "palette.png", palette, transparency=bytes(range(256)))
    np.testing.assert_array_equal(decode(path), np.array(palette.convert("RGB")))
    bits = Image.fromarray(scene()[..., 0] > 100)
    assert set(np.unique(decode(saved(tmp_path / "bits.png", bits)))) == {0, 255}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "cmyk.jpg"])
def test_pictures_are_turned_upright(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(scene()).convert("CMYK" if "cmyk" in suffix else "RGB")
    path = saved(tmp_path / f"a.{suffix}", image, exif=exif, quality=98)
    upright = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    pixels = decode(path)
    assert pixels.shape == ((32, 64, 3) if orientation > 4 else (64, 32, 3))
    assert np.abs(pixels.astype(int) - np.asarray(upright)).mean() < 2


@pytest.mark.hostile
@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II",
        b"MM\0\x2a\xff\xff\xff\xff",
        b"II\x2a\0\x08\0\0\0\xff\xff\x12\1",
        b"II\x2a\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x63\0\0\0",  # orientation 99
    ],
)
def test_damaged_exif_leaves_a_picture_as_it_is(tmp_path, exif):
    segment = b"Exif\0\0" + exif
    marker = b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    (tmp_path / "a.jpg").write_bytes(jpeg()[:2] + marker + jpeg()[2:])
    (tmp_path / "b.jpg").write_bytes(jpeg())
    np.testing.assert_array_equal(decode(tmp_path / "a.jpg"), decode(tmp_path / "b.jpg"))


@pytest.mark.parametrize("ending", sorted(IMAGE_SUFFIXES))
def test_every_ending_is_of_a_format_that_is_decoded(tmp_path, ending):
    path = saved(tmp_path / f"a{ending}", Image.fromarray(scene()), quality=98)
    assert np.abs(decode(path).astype(int) - scene()).mean() < 25


@pytest.mark.parametrize("data", [-1, -2])
def test_a_jpeg_that_lacks_its_end_marker_alone_is_whole(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(jpeg()[:data])
    (tmp_path / "b.jpg").write_bytes(jpeg())
    np.testing.assert_array_equal(decode(tmp_path / "a.jpg"), decode(tmp_path / "b.jpg"))


def test_padding_before_the_end_of_a_jpeg_loses_nothing(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg()[:-2] + b"\x12\x34" * 4 + jpeg()[-2:])
    (tmp_path / "b.jpg").write_bytes(jpeg() + bytes(500))
    np.testing.assert_array_equal(decode(tmp_path / "a.jpg"), decode(tmp_path / "b.jpg"))


@pytest.mark.parametrize(
    "head",
    [
        b"\0\0\0\x20ftypisom\0\0\2\0",
        b"RIFF\0\1\0\0AVI LIST",
        b"\x1a\x45\xdf\xa3\x93\x42",
        b"\0\0\1\xba\x44\0",
        b"\0\0\0\1\x67\x64",
        (b"\x47" + bytes(187)) * 3,
    ],
)
def test_a_video_is_named_as_such(tmp_path, head, monkeypatch):
    path = tmp_path / "a.jpg"
    path.write_bytes(head + bytes(500))
    with pytest.raises(UnreadableImage, match="it is a video, not an image: cut the persons out"):
        decode(path)
    monkeypatch.setattr("passerby.data.images._MAX_BYTES", 100)  # as a long one would be
    with pytest.raises(UnreadableImage, match="it is a video, not an image"):
        decode(path)


@pytest.mark.parametrize(("height", "width"), [(1, 30_000), (30_000, 1), (1, 1)])
def test_thin_pictures_are_decoded(tmp_path, height, width):
    path = saved(tmp_path / "a.png", Image.new("RGB", (width, height), (7, 8, 9)))
    assert decode(path).shape == (height, width, 3)


def jpeg() -> bytes:
    return simplejpeg.encode_jpeg(scene())


def encoded(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(scene()).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty", b"", "empty"),
        ("text", b"not an image at all", "known format"),
        ("html", b"<html>404</html>", "known format"),
        ("postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "known format"),
        ("jpeg start only", jpeg()[:3], "cannot read"),
        ("jpeg header only", jpeg()[:200], "cannot read"),
        ("jpeg half", jpeg()[: len(jpeg()) * 2 // 3], "remature end"),
        ("jpeg last bytes", jpeg()[:-12], "remature end"),
        ("jpeg progressive", encoded("JPEG", progressive=True)[:-2], "remature end"),
        ("jpeg scans", jpeg() + b"\xff\xda" * 501, "502 scans"),
        ("jpeg middle lost", jpeg()[: len(jpeg()) * 2 // 3] + b"\xff\xd9", "remature end"),
        ("png half", encoded("PNG")[: len(encoded("PNG")) // 2], "cannot read"),
        ("bmp half", encoded("BMP")[:3000], "cannot read"),
        ("gif half", encoded("GIF")[:900], "cannot read"),
        ("tiff half", encoded("TIFF")[:900], "cannot read"),
        ("jpeg zeros", jpeg()[:300] + bytes(300), "cannot read"),
        ("jpeg huge", jpeg_of_size(65000, 65000), "pixels"),
        ("jpeg nothing", jpeg_of_size(0, 0), "cannot read"),
        ("png bomb", png_of_size(100_000, 100_000), "cannot read"),
        ("png large", png_of_size(8001, 8000), f"{MAX_PIXELS:,}"),
        ("png lies", png_of_size(4000, 4000), "cannot read"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path, name, data, reason):
    path = tmp_path / f"{name}.jpg"
    path.write_bytes(data)
    with pytest.raises(UnreadableImage, match=reason) as caught:
        decode(path)
    assert caught.value.path == str(path)
    assert name in str(caught.value)


@pytest.mark.hostile
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM"])
def test_changed_bytes_are_decoded_or_refused(kind, request):
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encoded(kind, **({} if kind in ("BMP", "GIF", "PPM") else {"exif": exif}))
    places = st.integers(0, len(whole) - 1) | st.integers(0, 60)  # headers above all
    changes = st.lists(st.tuples(places, st.binary(min_size=1, max_size=4)), max_size=5)

    @settings(
        max_examples=5_000 if request.config.getoption("long") else 60,
        suppress_health_check=[HealthCheck.large_base_example],
    )
    @given(changes, st.integers(0, len(whole)))
    def check(changed, end):
        data = bytearray(whole)
        for place, new in changed:
            data[place : place + len(new)] = new
        with suppress(UnreadableImage):
            pixels = decode_contents(bytes(data if end % 2 else data[:end]), "x")
            assert pixels.dtype == np.uint8
            assert pixels.shape[2:] == (3,)
            assert pixels.shape[0] * pixels.shape[1] <= MAX_PIXELS

    check()


@pytest.mark.hostile
def test_missing_folder_and_pipe_are_refused(tmp_path):
    with pytest.raises(UnreadableImage, match="No such file"):
        decode(tmp_path / "gone.jpg")
    with pytest.raises(UnreadableImage, match="ordinary file"):
        decode(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(UnreadableImage, match="ordinary file"):
            decode(tmp_path / "pipe.jpg")


def test_floating_point_pixels_are_refused(tmp_path):
    image = Image.fromarray(np.ones((4, 4), np.float32))
    with pytest.raises(UnreadableImage, match="8 bits"):
        decode(saved(tmp_path / "a.tif", image))


def test_unreadable_image_survives_pickling():
    error = pickle.loads(pickle.dumps(UnreadableImage("a.jpg", "the file is empty")))
    assert (error.path, error.reason) == ("a.jpg", "the file is empty")
    assert isinstance(error, ValueError)


def test_threads_agree(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.fromarray(scene()))
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(decode, [path] * 64))
    assert all(np.array_equal(pixels, results[0]) for pixels in results)


def test_real_images(people):
    paths = sorted((people / "query").glob("*.jpg"))[:20]
    assert all(decode(path).ndim == 3 for path in paths)
