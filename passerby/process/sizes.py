"""Sizes in bytes as text: read and written."""

from __future__ import annotations

import re

_UNITS = {"": 1, "b": 1} | {
    f"{letter}{i}b": (1024 if i else 1000) ** power
    for power, letter in enumerate("kmgt", 1)
    for i in ("", "i")
}


def parse_size(size: int | str, name: str = "a size") -> int:
    """Bytes of a size such as 500_000_000, "500MB", "2GB" or "1.5 GiB"; name: for the message.

    >>> parse_size("1.5GB")
    1500000000
    """
    match = re.fullmatch(r"([0-9]{0,18}\.?[0-9]{1,18}) ?([kmgt]i?b|)", str(size).strip().lower())
    if match is None or isinstance(size, float):
        raise ValueError(f'{name} must be bytes or a size such as "500MB" or "2GB", got {size!r}')
    return int(float(match[1]) * _UNITS[match[2]])


def size_text(size: float, *, up: bool = False) -> str:
    """A size for people, and for `parse_size`; up: rounded so that it holds the bytes.

    >>> size_text(1_234_567), size_text(1_200_000_001, up=True)
    ('1.2 MB', '1.3 GB')
    """
    unit, name = (10**9, "GB") if size >= 10**9 else (10**6, "MB")
    tenths = -(-10 * size // unit) if up else round(10 * size / unit)
    return f"{tenths / 10:.1f} {name}"
