"""What a server counts of itself, for Prometheus; of several processes the sum.

No label holds what somebody asked: a route is told as its pattern.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import REGISTRY
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SHARED = "PROMETHEUS_MULTIPROC_DIR"  # where processes keep their counts, as its client has it

REQUESTS = Counter("passerby_requests", "Requests answered.", ("method", "route", "status"))
SECONDS = Histogram(
    "passerby_request_seconds",
    "From the first byte to the end of the answer.",
    ("route",),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
BATCHES = Histogram(
    "passerby_batch_images",
    "Images that went through a network together.",
    buckets=(1, 2, 4, 8, 16, 32),
)
WRITES = Histogram(
    "passerby_write_sightings",
    "Sightings that were written together.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
)


class Measured:
    """ASGI layer that counts requests and times them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, counted = time.perf_counter(), False

        def route() -> str:
            return getattr(scope.get("route"), "path", "other")

        async def noted(message: Message) -> None:
            nonlocal counted
            if message["type"] == "http.response.start":  # before anybody has the answer
                REQUESTS.labels(scope["method"], route(), message["status"]).inc()
                counted = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            if not counted:
                REQUESTS.labels(scope["method"], route(), 500).inc()
            SECONDS.labels(route()).observe(time.perf_counter() - begin)


def exposition(sightings: dict[str, int]) -> bytes:
    """All counts as text; sightings: of each gallery, now."""
    counted = REGISTRY
    if os.environ.get(_SHARED):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)
    now = CollectorRegistry()
    gauge = Gauge("passerby_sightings", "Sightings of a gallery.", ("gallery",), registry=now)
    for name, count in sightings.items():
        gauge.labels(name).set(count)
    return generate_latest(counted) + generate_latest(now)


@contextmanager
def shared_counts() -> Iterator[None]:
    """A folder in which the processes that are started meanwhile keep their counts."""
    with tempfile.TemporaryDirectory(prefix="passerby-") as folder:
        before = os.environ.get(_SHARED)
        os.environ[_SHARED] = folder
        try:
            yield
        finally:
            del os.environ[_SHARED]
            if before is not None:
                os.environ[_SHARED] = before
