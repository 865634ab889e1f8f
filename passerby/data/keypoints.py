"""Joints of persons, from a file in COCO's format for keypoints (Lin et al. 2014)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from passerby.process.json_files import read_object, read_value
from passerby.tables.records import Record, Split

JOINTS = 17  # nose, then left and right: eyes, ears, shoulders, elbows, wrists, hips, knees, ankles


@dataclass(frozen=True)
class _Image:
    id: int
    file_name: str


@dataclass(frozen=True)
class _Person:
    image_id: int
    keypoints: tuple[float, ...]


def read_keypoints(file: str | os.PathLike[str], records: Sequence[Record]) -> np.ndarray:
    """The joints [N, 17, 3] float32 of the records' images: column, row and visibility.

    Pixels count from the upper left corner of the image. Visibility is 2 seen, 1 hidden, 0 not
    known or outside; it is 0 for all joints of an image that the file does not have. File names
    in it are relative to its folder. Of an image with several persons the first counts.

    Raises:
        ValueError: No such file, another format or another number of joints, or no joints for any
            of the records.

    Examples:
        ``read_keypoints("street/keypoints.json", split.train)`` is of [3000, 17, 3] where
        ``split.train`` has 3,000 records.
    """
    path = Path(file)
    content = read_object(path, "a file of keypoints in COCO's format")
    try:
        images = [_fields(_Image, one) for one in _list(content, "images")]
        persons = [_fields(_Person, one) for one in _list(content, "annotations")]
        joints = {one.image_id: _joints(one) for one in reversed(persons)}
    except ValueError as error:
        raise ValueError(f"{path} is not a file of keypoints in COCO's format: {error}") from None
    by_name = {one.file_name: joints[one.id] for one in images if one.id in joints}
    nothing = np.zeros((JOINTS, 3), np.float32)
    names = [Path(os.path.relpath(record.image, path.parent)).as_posix() for record in records]
    if names and not any(name in by_name for name in names):
        first = images[0].file_name if images else "of no image"
        raise ValueError(
            f"{path} has no joints of any of the {len(names)} images: its first is {first}, "
            f"theirs {names[0]} (relative to its folder)"
        )
    found = [by_name.get(name, nothing) for name in names]
    return np.array(found, np.float32).reshape(-1, JOINTS, 3)


def with_keypoints(split: Split, file: str | os.PathLike[str]) -> Split:
    """The split whose train records have the joints that a file of keypoints has of them.

    Records of which it has none keep theirs. Raises ValueError as `read_keypoints`.
    """
    joints = read_keypoints(file, split.train)
    known = [bool(own[:, 2].any()) for own in joints]
    train = tuple(
        replace(record, joints=tuple(own.ravel().tolist())) if there else record
        for record, own, there in zip(split.train, joints, known, strict=True)
    )
    return replace(split, train=train)


def joints_of_records(records: Sequence[Record]) -> np.ndarray | None:
    """The joints [N, 17, 3] float32 of records, zeros where they are not known; None of none."""
    if not any(record.joints for record in records):
        return None
    nothing = (0.0,) * (3 * JOINTS)
    found = np.array([record.joints or nothing for record in records], np.float32)
    return found.reshape(-1, JOINTS, 3)


def _list(content: dict[str, Any], name: str) -> list[Any]:
    entries = content.get(name)
    if not isinstance(entries, list):
        raise ValueError(f"expected a list of {name}")
    return entries


def _fields(kind: Any, entry: Any) -> Any:
    """An entry as `kind`; COCO's entries have many more fields."""
    wanted = kind.__dataclass_fields__
    if not isinstance(entry, dict) or not wanted.keys() <= entry.keys():
        raise ValueError(f"expected entries with {' and '.join(wanted)}, got {str(entry)[:60]}")
    return read_value(kind, {name: entry[name] for name in wanted}, "its entry")


def _joints(person: _Person) -> np.ndarray:
    if len(person.keypoints) != 3 * JOINTS:
        raise ValueError(f"expected {3 * JOINTS} numbers a person, got {len(person.keypoints)}")
    return np.array(person.keypoints, np.float32).reshape(JOINTS, 3)
