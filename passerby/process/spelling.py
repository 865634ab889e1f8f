"""What a mistyped word was meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggest(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'triplet'?"`` when something known is near, else an empty string."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1) or difflib.get_close_matches(
        word.replace("-", "_"), names, n=1
    )
    return f"; did you mean {near[0]!r}?" if near else ""
