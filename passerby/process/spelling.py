"""How words are spelled: what a mistyped one was meant to be, and one thing or several."""

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


def count_of(number: int, one: str, several: str = "") -> str:
    """A count with its noun, or with a whole phrase whose verb agrees.

    several: of any number but one; "" for the word ``one`` with an s.

    Examples:
        >>> count_of(1, "sighting"), count_of(1204, "sighting")
        ('1 sighting', '1,204 sightings')
        >>> count_of(1, "sighting has no time", "sightings have no time")
        '1 sighting has no time'
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
