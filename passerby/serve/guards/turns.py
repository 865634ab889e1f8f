"""Every request takes bounded time; a server that stops finishes what it took and no more."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from passerby.serve.problems import Problem

_ALIVE = "/healthz"


@dataclass
class Turns:
    """open: whether requests are taken; running: how many are being answered."""

    open: bool = True
    running: int = 0


class InTurn:
    """ASGI layer. seconds: for a request, its body's coming included."""

    def __init__(self, app: ASGIApp, turns: Turns, seconds: float) -> None:
        self._app, self._turns, self._seconds = app, turns, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on within its time, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not self._turns.open and scope["path"] != _ALIVE:
            problem = Problem(
                503,
                "the server is stopping: come again in some seconds",
                headers={"Retry-After": "5", "Connection": "close"},
            )
            await problem.response()(scope, receive, send)
            return
        self._turns.running += 1
        try:
            await self._within_time(scope, receive, send)
        finally:
            self._turns.running -= 1

    async def _within_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        timeout = asyncio.timeout(self._seconds)
        try:
            async with timeout:
                await self._app(scope, receive, noted)
        except TimeoutError:
            if started or not timeout.expired():
                raise
            problem = Problem(
                504,
                f"this took more than {self._seconds:g} seconds: ask for less, or come again when "
                "there is less to do",
                headers={"Connection": "close"},
            )
            await problem.response()(scope, receive, send)
