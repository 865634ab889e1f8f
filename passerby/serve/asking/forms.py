"""Forms of a request, held in memory: what was sent of persons does not come to lie on a disk."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from passerby.serve.problems import Problem

_FIELDS = 8


class _InMemory(MultiPartParser):
    spool_max_size = 1 << 62  # bodies are bounded before


async def form_of(request: Request, most: int = 0) -> FormData:
    """The form of a request, read once.

    Args:
        most: Files that are wanted of it; only who asks first says it.

    Raises:
        Problem: 400 for a form that is broken, 413 for more files or fields.
    """
    kept: FormData | None = getattr(request.state, "form", None)
    if kept is None:
        reading = _InMemory(
            request.headers, request.stream(), max_files=most + 1, max_fields=_FIELDS
        )
        try:
            kept = await reading.parse()
        except MultiPartException as error:
            status = 413 if "Too many" in error.message else 400
            raise Problem(status, f"the form is not understood: {error.message}") from None
        request.state.form = kept
    return kept
