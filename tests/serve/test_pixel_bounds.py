"""No picture that is taken costs more than 50 MB to decode; what costs more costs nothing."""

import io
import re
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from passerby.serve.asking.pixel_bounds import most_pixels, require_few_pixels
from passerby.serve.problems import Problem

MEASURE = """
import os, re, sys
from pathlib import Path
from passerby.data.images import decode_contents
from passerby.serve.asking.pixel_bounds import require_few_pixels
def kilobytes(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
decode_contents(Path(sys.argv[1]).read_bytes(), "the first, so that the decoders are there")
for path in sys.argv[2:]:
    if os.fork() == 0:
        data = Path(path).read_bytes()
        before = kilobytes("VmRSS")
        try:
            require_few_pixels(data, path)
            decode_contents(data, path)
        finally:
            print(path, (kilobytes("VmHWM") - before) * 1024, flush=True)
            os._exit(0)
    os.wait()
"""
TURNED = Image.Exif()
TURNED[274] = 6
LARGEST = {
    "upright.jpg": ("JPEG", "RGB", {"subsampling": 0}),
    "turned.jpg": ("turned JPEG", "RGB", {"exif": TURNED}),
    "inks.jpg": ("JPEG in other colours", "CMYK", {}),
    "progressive.jpg": ("progressive JPEG", "RGB", {"progressive": True, "subsampling": 0}),
    "colours.png": ("PNG", "RGBA", {}),
    "palette.png": ("PNG", "P", {}),
    "deep.png": ("deep PNG", "I;16", {}),
    "lossy.webp": ("WebP", "RGB", {}),
    "lossless.webp": ("WebP", "RGBA", {"lossless": True}),
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_largest_of_each_kind_costs_less_than_50_mb(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "small.jpg")
    for name, (kind, mode, options) in LARGEST.items():
        Image.new(mode, (1000, most_pixels(kind) // 1000)).save(tmp_path / name, **options)
    paths = [str(tmp_path / name) for name in ("small.jpg", *LARGEST)]
    said = subprocess.run(
        [sys.executable, "-c", MEASURE, *paths], capture_output=True, text=True, check=True
    ).stdout
    costs = {path: int(cost) for path, cost in re.findall(r"(\S+) (\d+)", said)}
    assert {*costs} == {*paths[1:]}
    assert {path: cost for path, cost in costs.items() if cost >= 50_000_000} == {}
    assert max(costs.values()) > 10_000_000  # or nothing was measured


@pytest.mark.hostile
@pytest.mark.parametrize("name", LARGEST)
def test_one_row_more_is_refused_by_the_header(name):
    kind, mode, options = LARGEST[name]
    file = io.BytesIO()
    size = (1000, most_pixels(kind) // 1000 + 1)
    Image.new(mode, size).save(file, name.partition(".")[2].replace("jpg", "jpeg"), **options)
    with pytest.raises(Problem, match=f"of a {kind} at most"):
        require_few_pixels(file.getvalue(), "it")


@pytest.mark.hostile
def test_texts_that_grow_are_refused():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    data, body = file.getvalue(), b"key\0\0" + zlib.compress(bytes(1_000_000))
    text = struct.pack(">I", len(body)) + b"zTXt" + body
    text += struct.pack(">I", zlib.crc32(b"zTXt" + body))
    assert require_few_pixels(data[:33] + 4 * text + data[33:], "it") is None
    with pytest.raises(Problem, match="compressed texts"):
        require_few_pixels(data[:33] + 60 * text + data[33:], "it")


@pytest.mark.hostile
@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0" + bytes(100),
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"RIFF\0\0\0\0WEBP",
        b"RIFF\0\0\0\0WEBPVP8X",
        b"GIF89a" + bytes(50),
        b"",
    ],
)
def test_damaged_headers_are_refused(data):
    with pytest.raises(Problem) as refused:
        require_few_pixels(data, "it")
    assert refused.value.status_code in (415, 422)
