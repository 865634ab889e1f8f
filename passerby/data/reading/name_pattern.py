"""File names that carry person and camera, such as ``0002_c1s1_000451_03.jpg``."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from passerby.data.reading.listing import Listing, examples
from passerby.process.spelling import suggest
from passerby.tables.records import Record

GROUPS = ("person", "camera", "sequence", "frame", "tracklet")
"""The named groups that a pattern may have; sequence is allowed for and not kept."""

DUKE_NAME = re.compile(
    r"(?P<person>[0-9]{1,18})_c(?P<camera>[0-9]{1,18})_f(?P<frame>[0-9]{1,18})\.\w+"
)
"""How DukeMTMC-reID names its images, by which it is told from Market-1501."""

_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class NamePattern:
    """A regular expression with named groups that a whole file name must match."""

    expression: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> NamePattern:
        """Compile a pattern; ValueError if it is none, or lacks or misnames a group."""
        try:
            expression = re.compile(text)
        except re.error as error:
            raise ValueError(f"the pattern {text!r} is no regular expression: {error}") from None
        groups = list(expression.groupindex)
        for group in groups:
            if group not in GROUPS:
                raise ValueError(
                    f"the pattern {text!r} has a group {group!r}{suggest(group, list(GROUPS))} "
                    f"(groups: {', '.join(GROUPS)})"
                )
        if "person" not in groups:
            raise ValueError(f"the pattern {text!r} needs a group (?P<person>...)")
        return cls(expression)

    def records(self, listing: Listing, source: str) -> list[Record]:
        """A record for every image of a listing.

        Raises ValueError naming the first images that do not match, or whose person, camera or
        frame is not a number.
        """
        prefix = os.path.join(listing.folder, "")
        records, failed = [], []
        for name in listing.images:
            match = self.expression.fullmatch(name)
            if match is None:
                failed.append(name)
            else:
                records.append(_record(prefix + name, match.groupdict(), source))
        if failed:
            raise ValueError(
                f"{len(failed)} of {len(listing.images)} image names in {listing.folder} do not "
                f"match the pattern {self.expression.pattern}\nThe first: {examples(failed)}.\n"
                "Give a pattern for whole names, such as "
                r"market1501(pattern=r'(?P<person>\d+)_(?P<camera>\d+)_.*')=ROOT, "
                "or move these files elsewhere."
            )
        return records


def _record(path: str, found: dict[str, str | None], source: str) -> Record:
    try:
        numbers = {key: None if text is None else int(text) for key, text in found.items()}
        person = numbers["person"]
        if person is None:
            raise ValueError("no person")
        if max(abs(number or 0) for number in numbers.values()) > _LARGEST:
            raise ValueError("too large")
    except ValueError:
        got = ", ".join(f"{key} {text!r}" for key, text in found.items())
        raise ValueError(
            f"in {path} the pattern finds {got}: expected whole numbers of at most 18 digits. "
            "For persons or cameras with names, use the folder or table reader."
        ) from None
    return Record(
        path,
        person,
        numbers.get("camera"),
        source,
        tracklet=numbers.get("tracklet"),
        frame=numbers.get("frame"),
    )


def all_match(names: Sequence[str], expression: re.Pattern[str]) -> bool:
    """Whether there are names and all match."""
    return bool(names) and all(expression.fullmatch(name) for name in names)
