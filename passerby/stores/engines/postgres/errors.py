"""What a server's errors mean: in one line, and whether another try may go well."""

from __future__ import annotations

import re
from typing import Any

_PASSING = ("08", "57P", "53300", "40001", "40P01")
"""Beginnings of codes: connection lost, server stopping or starting, too many connections, and
transactions of others that came across this one."""

_LASTING_WORDS = re.compile(
    r"authentication|no password|pg_hba|does not exist|certificate|ssl|not permitted|unsupported|"
    r"invalid (port|connection option)",
    re.IGNORECASE,
)
"""Of connections that were refused, which have no code; in other languages they are tried again."""


def line_of(error: Any) -> str:
    """What the server or the way to it said; never its details, which repeat values."""
    said = error.diag.message_primary or str(error)
    return " ".join(said.split())[:300]


def passes(error: Any) -> bool:
    """Whether another try may go well."""
    import psycopg

    if error.sqlstate is not None:
        return error.sqlstate.startswith(_PASSING)
    lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return lost and not _LASTING_WORDS.search(str(error))
