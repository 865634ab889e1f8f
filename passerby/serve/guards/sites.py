"""Requests that another site makes a browser send: DNS rebinding, and writes across sites.

A page of a stranger's may point its own name at 127.0.0.1 (so Host is not ours), or post a form to
us (so Origin is not ours). Nothing is authenticated by cookies, but on this machine alone nobody
needs a key.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from passerby.serve.problems import Problem
from passerby.serve.settings import is_loopback

_READS = ("GET", "HEAD", "OPTIONS")
_OWN = ("same-origin", "none")  # "none": typed by the user


class OwnSite:
    """ASGI layer. local: reached under a name of this machine alone."""

    def __init__(self, app: ASGIApp, local: bool) -> None:
        self._app, self._local = app, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http":
            problem = _refusal(scope["method"], Headers(scope=scope), self._local)
            if problem is not None:
                await problem.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refusal(method: str, headers: Headers, local: bool) -> Problem | None:
    host = headers.get("host", "")
    if local and not is_loopback(_name_of(host)):
        return Problem(
            403,
            "this server is reached as localhost or 127.0.0.1 alone; behind a proxy it is started "
            "with --behind-proxy",
        )
    if method in _READS:
        return None
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    foreign = origin is not None and origin.partition("://")[2] != host
    if site in _OWN or (site is None and not foreign):
        return None
    return Problem(403, "a page of another site asked for this: nothing was done")


def _name_of(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
