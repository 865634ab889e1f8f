"""Ledgers on their way: in parts of JSON for dumps, and along with sightings to other galleries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, get_args

from passerby.gallery.ledger.applying import forget_lost
from passerby.gallery.ledger.events import Kind
from passerby.gallery.ledger.place import deciding, reading
from passerby.gallery.ledger.tables import COLUMNS
from passerby.process.json_files import parse_json
from passerby.stores import Store
from passerby.stores.about import Answer

_PART = 4_000_000  # characters of JSON after which another part begins
_LONGEST = 8192  # characters of a name, as in dumps
_TEXTS = frozenset({"kind", "by", "at", "sighting", "before", "after", "first", "second", "person"})
_OPTIONAL = frozenset(
    {
        ("events", "undoes"), ("events", "undone_by"), ("answers", "before"), ("answers", "after"),
        ("apart", "dropped_by"),
    }
)  # fmt: skip

Rows = Mapping[str, list[list[Any]]]
"""Rows of tables by name, as `COLUMNS` has them."""


def ledger_parts(store: Store) -> Iterator[bytes]:
    """The ledger of a gallery in parts, none where there is none.

    Raises ValueError where decisions were made whose ledger is not here.
    """
    with reading(store) as file:
        if file is None:
            return
        part: dict[str, list[tuple[Any, ...]]] = {}
        length = 0
        for table, row in file.rows():
            part.setdefault(table, []).append(row)
            length += len(json.dumps(row))
            if length > _PART:
                yield json.dumps(part).encode()
                part, length = {}, 0
        if part:
            yield json.dumps(part).encode()


def ledger_rows(part: bytes) -> Rows:
    """What `ledger_parts` gave. Raises ValueError for anything else."""
    content = parse_json(part)
    if not isinstance(content, dict) or not {*content} <= {*COLUMNS}:
        raise ValueError(f"expected tables of decisions, which are {', '.join(COLUMNS)}")
    for table, rows in content.items():
        if not isinstance(rows, list):
            raise ValueError(f"expected rows of {table}")
        for row in rows:
            _require_row(table, row)
    return content


def restore_ledger(store: Store, parts: Iterable[Rows]) -> None:
    """Give a gallery the ledger of another, as far as it has its sightings; one that it has by now
    stays."""
    listed = [*parts]
    if not listed:
        return
    with deciding(store) as file:
        if file.newest() == 0:
            file.load(listed)
    forget_lost(store)


def carry_ledger(store: Store, target: Store) -> None:
    """Take the ledger along to another gallery of the same sightings, as far as it has them."""
    restore_ledger(target, map(ledger_rows, ledger_parts(store)))


def _require_row(table: str, row: object) -> None:
    columns = COLUMNS[table]
    if not isinstance(row, list) or len(row) != len(columns):
        raise ValueError(f"expected rows of {table} with {', '.join(columns)}, got {row!r:.80}")
    given = dict(zip(columns, row, strict=True))
    for name, value in given.items():
        kind = _is_text if name in _TEXTS else _is_number
        if not (kind(value) or (value is None and (table, name) in _OPTIONAL)):
            raise ValueError(f"expected another {name} in {table} than {value!r:.80}")
    if table == "events":
        if given["kind"] not in get_args(Kind):
            raise ValueError(f"no decision is of the kind {given['kind']!r:.80}")
        if datetime.fromisoformat(given["at"]).tzinfo is None:
            raise ValueError(f"expected a time with its zone, got {given['at']!r:.80}")
    if table == "apart" and given["side"] not in (0, 1):
        raise ValueError(f"expected the side 0 or 1, got {given['side']}")
    for name in ("before", "after"):
        if table == "answers" and given[name]:
            _require_answer(given[name], given["first"], given["second"])


def _require_answer(text: str, first: str, second: str) -> None:
    content = parse_json(text.encode())
    known = isinstance(content, dict) and {*content} == {each.name for each in fields(Answer)}
    if (
        not known
        or (content["first"], content["second"]) != (first, second)
        or not first < second
        or content["same"] not in (True, False, None)
        or type(content["labelled"]) is not bool
    ):
        raise ValueError(f"expected an answer about its pair, got {text[:80]!r}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and "\0" not in value


def _is_number(value: object) -> bool:
    return type(value) is int and -1 <= value < 2**62
