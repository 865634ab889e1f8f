"""What changes a gallery, or looks for a person in one, stands in the audit log before it is told.

A line has who asked, what ("POST /v1/search"), the gallery, and the parameters of the address; what
a route knows beyond that it lays into ``request.state.told``. Bodies never come into it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from passerby.serve.audit import Audit
from passerby.serve.guards.keyed import Who
from passerby.serve.problems import Problem, without_paths

_READS = ("/v1/path", "/v1/audit")  # that are told like what changes something
_SILENT = ("/v1/embed", "/v1/detect")  # which ask no gallery for anybody
_MOST, _LONGEST = 50, 200  # parameters, and characters of one, that are told


class Audited:
    """ASGI layer. first: the gallery where a request names none."""

    def __init__(self, app: ASGIApp, audit: Audit, first: str) -> None:
        self._app, self._audit, self._first = app, audit, first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; its answer waits until the log has it."""
        if scope["type"] != "http" or not _is_told(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        problem: Problem | None = None

        async def told(message: Message) -> None:
            nonlocal problem
            if message["type"] == "http.response.start" and 200 <= message["status"] < 300:
                try:
                    await run_in_threadpool(self._audit.write, *self._line(scope))
                except (OSError, ValueError) as error:
                    said = without_paths(str(error))
                    problem = Problem(503, f"it was done, but could not be logged: {said}")
                    await problem.response()(scope, receive, send)
            if problem is None:
                await send(message)

        await self._app(scope, receive, told)

    def _line(self, scope: Scope) -> tuple[str, str, dict[str, object]]:
        route = getattr(scope.get("route"), "path", scope["path"])
        query = _query(scope["query_string"])
        given = query.pop("gallery", None)
        details: dict[str, object] = {"gallery": given[0] if given else self._first}
        path = {name: str(value)[:_LONGEST] for name, value in scope["path_params"].items()}
        details |= path | ({"query": query} if query else {})
        state: dict[str, Any] = scope.get("state", {})
        who = state.get("who", Who())
        return who.name, f"{scope['method']} {route}", details | state.get("told", {})


def _is_told(method: str, path: str) -> bool:
    if method in ("POST", "PUT", "PATCH", "DELETE"):
        return path.startswith("/v1/") and path not in _SILENT
    return path in _READS


def _query(text: bytes) -> dict[str, list[str]]:
    """Parameters by name, bounded."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(text.decode("latin-1"), keep_blank_values=True)[:_MOST]:
        found.setdefault(name[:_LONGEST], []).append(value[:_LONGEST])
    return found
