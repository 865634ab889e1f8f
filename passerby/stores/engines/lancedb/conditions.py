"""Filters as conditions in SQL: the only place where text from outside becomes part of a query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from passerby.tables.filters import Where, moment
from passerby.tables.sightings import UNKNOWN


def condition_of(where: Where) -> str | None:
    r"""A filter as a condition, None for everything.

    >>> condition_of(Where(persons=("o'brien",), known=True))
    "person IN ('o''brien') AND person != ''"
    """
    terms = [
        _among(column, names)
        for column, names in (
            ("id", where.ids),
            ("person", where.persons),
            ("camera", where.cameras),
            ("source", where.sources),
        )
        if names
    ]
    if where.not_cameras:
        terms.append(f"NOT ({_among('camera', where.not_cameras)})")
    if where.not_persons:
        terms.append(f"NOT ({_among('person', where.not_persons)})")
    # Where a time or a quality is not known it is NULL, of which no comparison is true. An OR of
    # two columns, each with its index, and not the later of both, which would have none.
    if where.since is not None:
        since = _instant(where.since)
        terms.append(f"(time >= {since} OR until >= {since})")
    if where.until is not None:
        terms.append(f"time < {_instant(where.until)}")
    if where.known is not None:
        terms.append(f"person {'!=' if where.known else '='} {_quoted(UNKNOWN)}")
    if where.min_quality is not None:
        terms.append(f"quality >= {float(np.float32(where.min_quality))!r}")
    return " AND ".join(terms) or None


def _among(column: str, names: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(map(_quoted, names))})"


def _quoted(text: str) -> str:
    """A literal: the quote is the only character that has a meaning in one, and is doubled."""
    return "'" + str(text).replace("'", "''") + "'"


def _instant(time: datetime) -> str:
    return f"timestamp '{str(moment(time)).replace('T', ' ')}'"
