"""Who asks, and what they may do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from passerby.serve.guards.keyed import Who
from passerby.serve.keys import Scope
from passerby.serve.problems import Problem

_BEARER = HTTPBearer(
    auto_error=False,  # the guard has asked for it
    description="A key of `passerby serve keys add`; none is needed where only this machine asks.",
)


def who_of(request: Request) -> Who:
    """Who asks, as the guard found; everybody may do everything where no keys are asked for."""
    return getattr(request.state, "who", None) or Who()


def _needs(scope: Scope) -> Any:
    def required(request: Request, _: Annotated[object, Security(_BEARER)]) -> None:
        if scope not in who_of(request).scopes:
            raise Problem(403, f"this needs a key with the scope {scope}")

    return Depends(required)


READ, WRITE, DELETE, ADMIN = (_needs("read"), _needs("write"), _needs("delete"), _needs("admin"))
