"""Filters as conditions of a statement. Their values are bound, and never part of its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from passerby.tables.filters import Where
from passerby.tables.times import moment

if TYPE_CHECKING:
    from typing import LiteralString

ENDED = "coalesce(until, time)"
"""When a sighting was seen last."""


def condition_of(where: Where) -> tuple[LiteralString, dict[str, Any]]:
    """A filter as a condition, "true" for everything, and the values that it names.

    >>> condition_of(Where(persons=("o'brien",), known=True))
    ("person = ANY(%(persons)s::text[]) AND person <> ''", {'persons': ["o'brien"]})
    """
    terms: list[LiteralString] = []
    values: dict[str, Any] = {}
    named: tuple[tuple[str, LiteralString, tuple[str, ...]], ...] = (
        ("ids", "id = ANY(%(ids)s::text[])", where.ids),
        ("persons", "person = ANY(%(persons)s::text[])", where.persons),
        ("cameras", "camera = ANY(%(cameras)s::text[])", where.cameras),
        ("sources", "source = ANY(%(sources)s::text[])", where.sources),
        ("not_cameras", "camera <> ALL(%(not_cameras)s::text[])", where.not_cameras),
        ("not_persons", "person <> ALL(%(not_persons)s::text[])", where.not_persons),
    )
    for name, term, texts in named:
        if texts:
            terms.append(term)
            values[name] = [*texts]
    if where.since is not None:
        terms.append("coalesce(until, time) >= %(since)s::timestamp")
        values["since"] = moment(where.since).item()
    if where.until is not None:
        terms.append("time < %(until)s::timestamp")
        values["until"] = moment(where.until).item()
    if where.known is not None:
        terms.append("person <> ''" if where.known else "person = ''")
    if where.min_quality is not None:
        terms.append("quality >= %(min_quality)s::real")
        values["min_quality"] = float(np.float32(where.min_quality))
    return " AND ".join(terms) or "true", values
