"""What of a split suggests that it was misread, in words; said whenever a data set is read."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from passerby.data.reading.listing import examples
from passerby.tables.records import JUNK, Record, Split

# How file names carry the camera: 0013_c2s1_..., cam2, 0013C2T0001F009; the first that fits.
_IN_NAMES = (r"_c(\d+)", r"[Cc]am(?:era)?[ _-]?(\d+)", r"C(\d+)")
_OF_SYSTEMS = frozenset({"thumbs.db", "desktop.ini", ".ds_store"})  # never of a data set


def cautions(split: Split) -> tuple[str, ...]:
    """What a user should look at before results are believed; empty for an ordinary set."""
    return tuple(filter(None, [_ignored_files(split), camera_caution(split)]))


def camera_caution(split: Split) -> str:
    """That cameras hardly recur, or are unknown where file names seem to carry them; or empty."""
    nobody = {JUNK, split.distractor}
    records = [r for part in split.parts.values() for r in part if r.person not in nobody]
    if not records:
        return ""
    pattern = _camera_in_names(records)
    name = os.path.basename(records[0].image)
    way = (
        f"file names seem to carry the camera ({name}): folder(camera={pattern!r})=ROOT reads it"
        if pattern
        else ""
    )
    if not split.has_cameras:
        return f"no cameras are known, but {way}" if way else ""
    persons: dict[int | None, set[int]] = defaultdict(set)
    for record in records:
        persons[record.camera].add(record.person)
    lone = sum(len(seen) == 1 for seen in persons.values())
    if len(persons) < 3 or 2 * lone <= len(persons) or len({r.person for r in records}) < 2:
        return ""
    return (
        f"{lone} of {len(persons)} cameras saw one person only: are tracklets taken for cameras? "
        f"Then images of one camera count as matches. {way}"
    ).rstrip()


def _ignored_files(split: Split) -> str:
    names = [path for path in split.ignored if os.path.basename(path).lower() not in _OF_SYSTEMS]
    if not names:
        return ""
    return (
        f"{len(names)} files or folders are passed over: {examples(names)} "
        "(passerby data check says what is read)"
    )


def _camera_in_names(records: Sequence[Record]) -> str | None:
    """The pattern that finds a camera in every name, and cameras that recur over persons."""
    named = [(os.path.basename(record.image), record.person) for record in records]
    for pattern in _IN_NAMES:
        found = [(re.search(pattern, name), person) for name, person in named]
        seen = {(match[1], person) for match, person in found if match}
        cameras = Counter(camera for camera, _ in seen)
        recurring = sum(count > 1 for count in cameras.values())
        if all(match for match, _ in found) and len(cameras) > 1 and 2 * recurring > len(cameras):
            return pattern
    return None
