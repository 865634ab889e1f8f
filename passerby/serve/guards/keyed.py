"""Who asks is known before anything of a request is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from passerby.serve.keys import SCOPES, Keys
from passerby.serve.problems import Problem, without_paths

_OPEN = ("/healthz", "/readyz", "/")  # and the page's files
_LONGEST = 200  # characters of what could be a key


@dataclass(frozen=True)
class Who:
    """name: of the key, "" where none is needed; scopes: what it may do, each by itself."""

    name: str = ""
    scopes: frozenset[str] = field(default=frozenset(SCOPES))


@dataclass(frozen=True)
class Door:
    """keys: those that are known; always: whether one is asked for even where none is known;
    never: nor where there are some."""

    keys: Keys
    always: bool
    never: bool = False

    def who(self, headers: Headers) -> Who:
        """Who asks, by the headers of a request.

        Raises:
            Problem: 401 where a key is asked for and none that is known came.
        """
        if self.never or not (self.always or self.keys.any()):
            return Who()
        kind, _, secret = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not secret:
            raise _not_let_in("a key is asked for (Authorization: Bearer KEY), and none came")
        key = self.keys.find(secret.strip()) if len(secret) <= _LONGEST else None
        if key is None:
            raise _not_let_in("this key is not known, was revoked or has ended: ask for another")
        return Who(key.name, key.scopes)


class Keyed:
    """ASGI layer: whoever passes is ``request.state.who``."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and not _is_open(scope["path"]):
            headers = Headers(scope=scope)
            try:
                who = (
                    Who() if self._door.never else await run_in_threadpool(self._door.who, headers)
                )
            except Problem as problem:
                await problem.response()(scope, receive, send)
                return
            except ValueError as error:  # the file of keys is damaged: nobody is let in
                await Problem(503, without_paths(str(error))).response()(scope, receive, send)
                return
            scope.setdefault("state", {})["who"] = who
        await self._app(scope, receive, send)


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith("/page/")


def _not_let_in(detail: str) -> Problem:
    return Problem(401, detail, headers={"WWW-Authenticate": "Bearer", "Connection": "close"})
