"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import Depends, Request

from passerby.serve.problems import Problem

SCOPES = frozenset({"read", "write", "delete", "admin"})


@dataclass(frozen=True)
class Who:
    """name: of the key, "" where none is needed; scopes: what it may do, each by itself."""

    name: str = ""
    scopes: frozenset[str] = field(default=SCOPES)


def who_of(request: Request) -> Who:
    """Who asks; everybody may do everything where no keys are asked for."""
    return getattr(request.state, "who", None) or Who()


def _needs(scope: str) -> Any:
    def required(request: Request) -> None:
        if scope not in who_of(request).scopes:
            raise Problem(403, f"this needs a key with the scope {scope}")

    return Depends(required)


READ, WRITE, DELETE, ADMIN = (_needs(scope) for scope in ("read", "write", "delete", "admin"))
