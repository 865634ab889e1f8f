"""What became of each key of a configuration: translated, without a counterpart, or unknown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from passerby.process.spelling import suggest

_Value = TypeVar("_Value")


class Keys:
    """The values of a configuration, and what was said of each key while a recipe was made of it.

    Args:
        values: By key, as in ``SOLVER.BASE_LR``.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.translated: dict[str, str] = {}
        self.lost: dict[str, str] = {}
        self.replaceable: dict[str, str] = {}
        self.notes: list[str] = []
        self._known: set[str] = set()

    def take(self, key: str, default: _Value, became: str = "") -> _Value:
        """A key's value, of its default's type; ``became`` is what it is here, if that is known.

        Raises:
            ValueError: for a value of another type.
        """
        self._known.add(key)
        if key not in self.values:
            return default
        if became:
            self.translated[key] = became
        return _of_type(key, self.values[key], default)

    def became(self, key: str, text: str) -> None:
        """Say what a key is here."""
        self._known.add(key)
        if key in self.values:
            self.translated[key] = text

    def lose(self, key: str, why: str) -> None:
        """Say that a key has no counterpart here."""
        self._known.add(key)
        if key in self.values:
            self.translated.pop(key, None)
            self.lost[key] = why

    def need(self, key: str, path: str, why: str) -> None:
        """Say that nothing here stands for a key, without which there is no recipe.

        path: of the setting that can take its place.
        """
        self.lose(key, why)
        self.replaceable[path] = f"{key}: {why}"

    def lose_all(self, reasons: Mapping[str, str]) -> None:
        """Say the same of all keys that begin so, where nothing was said of them."""
        for start, why in reasons.items():
            self._known.add(start)
            for key in self.values:
                if (key == start or key.startswith(f"{start}.")) and not self.said(key):
                    self.lost[key] = why

    def said(self, key: str) -> bool:
        """Whether anything was said of a key."""
        return key in self.translated or key in self.lost

    def unknown(self) -> dict[str, str]:
        """Keys of which nothing was said, each with one that may have been meant."""
        known = sorted(self._known)
        return {
            key: suggest(key, known).removeprefix("; ") for key in self.values if not self.said(key)
        }


def choice(keys: Keys, key: str, default: str, known: Mapping[str, str], path: str) -> str:
    """What a word stands for here; where it has no counterpart, that of its default."""
    word = keys.take(key, default, path)
    if word not in known:
        taken = known[default]
        keys.lose(key, f"there is no {short(word)} here; {path} is {taken}")
        return taken
    return known[word]


def short(value: object) -> str:
    """A value in a few characters, none of them a control character."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def numbers(key: str, values: Iterable[object], count: int) -> tuple[float, ...]:
    """So many finite numbers. Raises ValueError for anything else."""
    found = tuple(_of_type(key, value, 0.0) for value in values)
    if len(found) != count:
        raise ValueError(f"{key}: expected {count} numbers, got {len(found)}")
    return found


def _of_type(key: str, value: Any, default: _Value) -> _Value:
    wanted: Any = type(default)
    if wanted in (tuple, list) and isinstance(value, tuple | list):
        if not all(isinstance(one, str | int | float) for one in value):
            raise ValueError(f"{key}: expected a list of words or numbers, got {short(value)}")
        return wanted(value)
    if wanted is float and type(value) is int:
        value = float(value)
    if wanted is int and type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not wanted or (wanted in (int, float) and not _bounded(value)):
        names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
        raise ValueError(f"{key}: expected {names.get(wanted, 'a list')}, got {short(value)}")
    return value


def _bounded(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= 1e12
