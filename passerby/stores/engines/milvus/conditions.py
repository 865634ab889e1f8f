"""Filters in the server's language: the only place where text from outside becomes part of one.

Templates would leave that to the server, but Milvus 2.3 does not know them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from passerby.tables.filters import Where
from passerby.tables.times import moment

MOST_IDS = 5_000
"""Ids in one condition."""

NO_TIME = 2**63 - 1
"""The time of what has none, so that "until" leaves it out without another condition."""


def condition_of(where: Where, untils: bool = True) -> str:
    r"""A filter as a condition, "" for everything. untils: whether the collection has the field of
    when a passage ended.

    >>> condition_of(Where(persons=('a "b" \\c',), known=True))
    'person in ["a \\"b\\" \\\\c"] and person != ""'
    """
    terms = [
        f"{column} in {_strings(values)}"
        for column, values in (
            ("id", where.ids),
            ("person", where.persons),
            ("camera", where.cameras),
            ("source", where.sources),
        )
        if values
    ]
    if where.not_cameras:
        terms.append(f"camera not in {_strings(where.not_cameras)}")
    if where.not_persons:
        terms.append(f"person not in {_strings(where.not_persons)}")
    if where.since is not None:
        since = _microseconds(moment(where.since))
        later = f"(time >= {since} or (until >= {since} and until < {NO_TIME}))"
        terms.append(later if untils else f"time >= {since}")
    if where.timed:
        until = NO_TIME if where.until is None else _microseconds(moment(where.until))
        terms.append(f"time < {until}")
    if where.known is not None:
        terms.append(f'person {"!=" if where.known else "=="} ""')
    if where.min_quality is not None:
        terms.append(f"quality >= {float(np.float32(where.min_quality))!r}")
    return " and ".join(terms)


def _strings(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, values))}]"


def _quoted(text: str) -> str:
    """A literal. No other escape is known to both the server and Milvus Lite, and no other
    character needs one."""
    for character, escaped in (("\\", r"\\"), ('"', r"\""), ("\n", r"\n"), ("\r", r"\r")):
        text = text.replace(character, escaped)
    return f'"{text}"'


def _microseconds(time: np.datetime64) -> int:
    return int(time.astype(np.int64))


def parts_of(where: Where) -> list[Where]:
    """The filter as several that have few enough ids each and none in common."""
    ids = tuple(dict.fromkeys(where.ids))
    if len(ids) <= MOST_IDS:
        return [where]
    return [
        replace(where, ids=ids[start : start + MOST_IDS]) for start in range(0, len(ids), MOST_IDS)
    ]


def and_after(condition: str, name: str) -> str:
    """A condition, and that the id comes later than this one in their order."""
    return " and ".join(filter(None, [condition, f"id > {_quoted(name)}"]))
