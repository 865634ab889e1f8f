"""What a file of weights is by its first bytes; what it is instead, where it is none."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Literal

Kind = Literal["onnx", "safetensors", "torch"]

# How files begin that people have in place of weights, and what to say of them.
_FOREIGN = {
    b"version https://git-lfs": "is a pointer of Git LFS and not the file itself: git lfs pull, or "
    "download the file from the page of its repository",
    b"\x89HDF": "is HDF5 (Keras, TensorFlow), which is not read: expected PyTorch's .pth, "
    ".safetensors or .onnx",
    b"\x1f\x8b": "is compressed (gzip): unpack it first",
    b"BZh": "is compressed (bzip2): unpack it first",
    b"\xfd7zXZ": "is compressed (xz): unpack it first",
    b"7z\xbc\xaf": "is a 7z archive: unpack it first",
    b"Rar!": "is a RAR archive: unpack it first",
    b"\x93NUMPY": "is a NumPy array, not a state dict",
    b"\x89PNG": "is an image",
    b"\xff\xd8\xff": "is an image",
}
_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<script")

# Bytes out of a byte in a zip archive; torch stores tensors as they are.
_EXPANSION = 4


def kind_of(path: Path) -> Kind:
    """How to read a file of weights.

    Raises ValueError when it is no file, or one that holds no weights that can be read, saying
    what it is.
    """
    if path.is_dir():
        raise ValueError(
            f"{path} is a folder, expected one file of weights (.pth, .safetensors, .onnx); a "
            "checkpoint that was unpacked must be the one file again that it was"
        )
    if not path.is_file():
        raise ValueError(f"no such file of weights: {path}")
    try:
        with path.open("rb") as opened:
            start = opened.read(512)
        size = os.path.getsize(path)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    _require_weights(path, start)
    if path.suffix.lower() == ".onnx":
        return "onnx"
    if path.suffix.lower() == ".safetensors" or _is_safetensors(start, size):
        return "safetensors"
    if start.startswith(b"PK\x03\x04"):
        _require_torch_archive(path)
    return "torch"


def _require_weights(path: Path, start: bytes) -> None:
    if not start:
        raise ValueError(f"{path} is empty: fetch it again")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        raise ValueError(
            f"{path} is a web page and not a file of weights: the server answered with a page (a "
            "login, a warning, a quota); open it in a browser, and fetch the file itself"
        )
    for beginning, meaning in _FOREIGN.items():
        if start.startswith(beginning):
            raise ValueError(f"{path} {meaning}")


def _is_safetensors(start: bytes, size: int) -> bool:
    """Whether a file begins with the length of a header, and then with the header."""
    return start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= size - 8


def _require_torch_archive(path: Path) -> None:
    """ValueError unless a zip archive is one of torch.save, which is not compressed."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise ValueError(f"{path} is cut off or damaged; fetch it again") from None
    names = [entry.filename for entry in entries]
    if any(name.endswith("/constants.pkl") for name in names):
        raise ValueError(
            f"{path} is refused: it is TorchScript, a program. If you trust its origin, store its "
            "weights alone: torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth')"
        )
    if not any(name.rpartition("/")[2] == "data.pkl" for name in names):
        raise ValueError(
            f"{path} is a zip archive, but not one of torch.save (it has no data.pkl): unpack it "
            "and name the file of weights in it"
        )
    if sum(entry.file_size for entry in entries) > _EXPANSION * os.path.getsize(path) + 2**20:
        raise ValueError(
            f"{path} is refused: it unpacks to far more than its size, and torch compresses nothing"
        )
