"""Pairs to be judged, and judged ones, as files: CSV or JSON.

Columns ``a`` and ``b`` name sightings, by their id or by the path of their image as the gallery has
it; ``same`` says yes or no, "cannot say", or nothing where it is still to be judged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from passerby.data.reading.table_rows import read_rows
from passerby.gallery.review.asking import Question
from passerby.gallery.reviewed_pairs import answer
from passerby.gallery.text_tables import csv_text, time_text
from passerby.process.json_files import parse_json
from passerby.process.whole_files import write_whole
from passerby.stores import Store
from passerby.stores.about import Answer

_COLUMNS = (
    "a", "b", "same", "camera_a", "camera_b", "time_a", "time_b", "image_a", "image_b",
    "distance", "probability",
)  # fmt: skip
_YES = frozenset({"yes", "y", "true", "1", "same", "s"})
_NO = frozenset({"no", "n", "false", "0", "different", "d"})
_UNCLEAR = frozenset({"cannot say", "unclear", "c", "?", "none"})


def write_questions(path: str | os.PathLike[str], questions: Sequence[Question]) -> Path:
    """Write questions as CSV, or JSON by the ending; ``same`` is left to be filled in.

    Raises ValueError for another ending.
    """
    target = _checked(path)
    rows = [_row(question) for question in questions]
    if target.suffix.lower() == ".json":
        write_whole(target, json.dumps({"pairs": rows}, indent=1) + "\n")
    else:
        write_whole(target, csv_text(_COLUMNS, rows))
    return target


def read_answers(
    path: str | os.PathLike[str], store: Store, *, labelled: bool
) -> tuple[Answer, ...]:
    """The judged pairs of a file; those without an answer are left out.

    labelled: chosen whatever their distance. Raises ValueError for a file that cannot be read,
    names no sighting of the gallery, or answers otherwise.
    """
    source = _checked(path)
    names = _Names(store)

    def made(place: str, row: Mapping[str, object]) -> Answer | None:
        del place
        text = str("" if row.get("same") is None else row["same"]).strip().lower()
        if not text:
            return None
        one, other = (names.of(str(row[column])) for column in ("a", "b"))
        return answer(one, other, _said(text), labelled=labelled)

    if source.suffix.lower() == ".json":
        found = _from_json(source, made)
    else:
        found, _ = read_rows(source, _COLUMNS, ("a", "b", "same"), made)
    return tuple(each for each in found if each is not None)


class _Names:
    """Ids of a gallery's sightings, by id or image path."""

    def __init__(self, store: Store) -> None:
        self._ids: dict[str, str] = {}
        for part in store.read(with_vectors=False):
            for name, image in zip(part.ids.tolist(), part.images.tolist(), strict=True):
                self._ids[name] = name
                if image:
                    self._ids.setdefault(image, name)

    def of(self, text: str) -> str:
        """The id. Raises ValueError where neither an id nor an image path is known."""
        name = self._ids.get(text.strip())
        if name is None:
            raise ValueError(
                f"{text!r} is neither the id of a sighting of the gallery nor the path of its image"
            )
        return name


def _checked(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.suffix.lower() not in (".csv", ".json"):
        raise ValueError(f"expected a name that ends in .csv or .json, got {target.name}")
    return target


def _from_json(
    path: Path, made: Callable[[str, Mapping[str, object]], Answer | None]
) -> list[Answer | None]:
    try:
        content = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read {path}: {error}") from None
    pairs = content.get("pairs") if isinstance(content, dict) else None
    if not isinstance(pairs, list) or not all(
        isinstance(pair, dict) and {"a", "b"} <= pair.keys() for pair in pairs
    ):
        shape = '{"pairs": [{"a": ..., "b": ..., "same": ...}, ...]}'
        raise ValueError(f"{path}: expected {shape}")
    return [made(f"pair {number}", pair) for number, pair in enumerate(pairs, 1)]


def _said(text: str) -> bool | None:
    if text in _YES | _NO:
        return text in _YES
    if text in _UNCLEAR:
        return None
    raise ValueError(f"same must be yes, no, cannot say, or empty, got {text!r}")


def _row(question: Question) -> dict[str, object]:
    one, other = question.first, question.second
    return {
        "a": one.sighting,
        "b": other.sighting,
        "same": "",
        "camera_a": one.camera,
        "camera_b": other.camera,
        "time_a": time_text(one.time),
        "time_b": time_text(other.time),
        "image_a": one.image,
        "image_b": other.image,
        "distance": f"{question.distance:.4f}",
        "probability": f"{question.probability:.4f}",
    }
