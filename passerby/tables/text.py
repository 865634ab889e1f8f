"""Text in the tables: valid Unicode, and names in one spelling (normal form C)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_COMPOSED_BELOW = 0x300  # of the characters below, none changes in normal form C
_SURROGATES = (0xD800, 0xDFFF)
_LAST = 0x10FFFF


def normal_name(text: str) -> str:
    """A name of a person, camera or source as the tables keep it: in Unicode's normal form C.

    macOS decomposes letters in file names, and so the same name comes in two spellings.

    >>> normal_name("Ame\\u0301lie") == "Am\\u00e9lie"
    True
    """
    return unicodedata.normalize("NFC", text)


def normal_names(what: str, names: Iterable[str]) -> tuple[str, ...]:
    """Names from outside as the tables keep them; ValueError for what no table can hold."""
    listed = [str(name) for name in names]
    for name in listed:
        if "\0" in name or any("\ud800" <= letter <= "\udfff" for letter in name):
            raise ValueError(f"{what} cannot be {name!r}: it is not valid Unicode text")
    return tuple(map(normal_name, listed))


def normal_column(column: NDArray[np.str_]) -> NDArray[np.str_]:
    """Names [N] as the tables keep them; the same array where nothing changes."""
    codes = _codes(column)
    if not codes.size or codes.max() < _COMPOSED_BELOW:
        return column
    return np.array([normal_name(name) for name in column.tolist()], np.str_)


def require_text(name: str, column: NDArray[np.str_], *, surrogates: bool = False) -> None:
    """ValueError for text [N] with NUL, which arrays lose, or with what is no character.

    surrogates: let those pass by which Python stands for bytes of a file name that are no text.
    """
    codes = _codes(column)
    if not codes.size:
        return
    if codes.max() > _LAST:
        raise ValueError(f"{name} hold numbers that are no characters of Unicode")
    if np.count_nonzero(codes) != int(np.char.str_len(column).sum()):
        raise ValueError(f"{name} must not hold the character NUL")
    if surrogates or codes.max() < _SURROGATES[0]:
        return
    if ((codes >= _SURROGATES[0]) & (codes <= _SURROGATES[1])).any():
        raise ValueError(f"{name} hold text that is not valid Unicode (lone surrogates)")


def _codes(column: NDArray[np.str_]) -> NDArray[np.uint32]:
    """The code points [N · width] of text, as they lie in memory."""
    return np.ascontiguousarray(column).view(np.uint32) if column.size else np.empty(0, np.uint32)
