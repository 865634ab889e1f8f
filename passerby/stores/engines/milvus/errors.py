"""What a server's errors mean: in one line, and whether another try may go well."""

from __future__ import annotations

import re
from typing import Any

NO_INDEX = 700
"""Code of the answer that there is no index, which passes where it is being exchanged."""

# Codes of answers that pass: a server that starts, a segment on its way to another node, a
# collection that is released and has no index while that is exchanged, a rate limit.
_PASSING = {1, 2, 4, 5, 8, 9, 101, 103, 106, NO_INDEX} | {*range(400, 407), *range(500, 505)}
_PASSING |= {*range(600, 605), *range(900, 905)}
_PASSING_WORDS = re.compile(
    r"not ready|not healthy|unavailable|no available|not loaded|not serviceable|empty grpc client"
)
_LASTING = {"UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED", "INVALID_ARGUMENT"}


def line_of(error: BaseException) -> str:
    """What the server or the way to it said."""
    call = _call_error(error)
    said = str(getattr(error, "message", error)) if call is None else call.details()
    return " ".join(said.split())[:300]


def passes(error: BaseException) -> bool:
    """Whether another try may go well."""
    call = _call_error(error)
    if call is not None:
        return call.code().name not in _LASTING
    return getattr(error, "code", None) in _PASSING or bool(_PASSING_WORDS.search(str(error)))


def _call_error(error: BaseException) -> Any:
    """The error of the remote call that is at the bottom of it, None where there is none."""
    import grpc

    found: Any = None
    cause: BaseException | None = error
    seen: set[int] = set()  # pymilvus raises errors from themselves
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, grpc.RpcError):
            found = cause
        cause = cause.__cause__
    return found
