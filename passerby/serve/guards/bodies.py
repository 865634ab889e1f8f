"""A body is counted as it comes, and refused before more than its bound is read or stored."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from passerby.process.sizes import size_text
from passerby.serve.problems import Problem

MOST_UNSAID = 1_000_000
"""Bytes of a body whose length was not stated before."""

_CLOSE = {"Connection": "close"}  # what is left of the body is not waited for


class BoundedBodies:
    """ASGI layer. most: bytes of a body that states its length; of others MOST_UNSAID."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body bounded."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length")
        try:
            most = self._bound(stated)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > most:
                raise _unsaid() if stated is None else self._too_large(count)
            return message

        await self._app(scope, counted, send)

    def _bound(self, stated: str | None) -> int:
        if stated is None:
            return min(MOST_UNSAID, self._most)
        if not (stated.isascii() and stated.isdecimal()):
            raise Problem(400, "Content-Length is no number", headers=_CLOSE)
        if len(stated) > 18 or int(stated) > self._most:
            raise self._too_large(int(stated[:18]))
        return int(stated)

    def _too_large(self, came: int) -> Problem:
        return Problem(
            413,
            f"a body has at most {size_text(self._most)}, this one {size_text(came)}: send fewer "
            "or smaller pictures",
            headers=_CLOSE,
        )


def _unsaid() -> Problem:
    return Problem(
        411,
        f"a body of more than {size_text(MOST_UNSAID)} states its length (Content-Length)",
        headers=_CLOSE,
    )
