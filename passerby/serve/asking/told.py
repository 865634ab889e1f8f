"""What a route tells the audit log beside its address."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request


def tell(request: Request, details: Mapping[str, object]) -> None:
    """Add to what is kept of a request: values that JSON holds, never a picture."""
    request.state.told = {**getattr(request.state, "told", {}), **details}
