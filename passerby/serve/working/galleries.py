"""The galleries of a server, and the bounded threads that work on them.

A store is for one thread at a time: each thread opens a gallery of its own, and one more of each
gallery adds to it. The models are shared.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from passerby.embedding.embedder import Embedder
from passerby.gallery.binding import open_embedder
from passerby.gallery.gallery import Gallery
from passerby.gallery.own_distances import OwnDistancesOf
from passerby.process.reporting import say
from passerby.process.spelling import count_of
from passerby.serve.problems import Problem
from passerby.serve.settings import Settings
from passerby.serve.working.batching import Together
from passerby.serve.working.writing import Writer
from passerby.stores import Written
from passerby.stores.opening import open_store
from passerby.tables.sightings import Sightings

_Answer = TypeVar("_Answer")


class Galleries:
    """All galleries of a server by name.

    Raises:
        ValueError: One of them cannot be opened.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._limits = settings, settings.limits
        self._own = threading.local()
        self._pool = ThreadPoolExecutor(self._limits.threads, "gallery")
        self._taken = 0
        self._opened: list[Gallery] = []
        self._lock = threading.Lock()
        self._learnt = {name: OwnDistancesOf() for name in settings.galleries}
        self._together: list[Together] = []
        self._embedders = {name: self._embedder(name) for name in settings.galleries}
        self._writers = {
            name: Writer(partial(open_store, place)) for name, place in settings.galleries.items()
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Of the galleries, the default first."""
        return tuple(self._settings.galleries)

    @property
    def taken(self) -> int:
        """Pieces of work that run or wait."""
        return self._taken

    async def run(self, name: str, work: Callable[[Gallery], _Answer]) -> _Answer:
        """What ``work`` makes of a gallery, in a thread that has it to itself.

        Raises:
            Problem: 429 where more wait already than are worth waiting for.
        """
        if self._taken >= self._limits.threads + self._limits.waiting:
            raise Problem(
                429,
                f"{count_of(self._taken, 'request is', 'requests are')} worked on or wait: come "
                "again in a second",
                headers={"Retry-After": "1"},
            )
        return await self._counted(self._pool.submit(lambda: work(self._gallery(name))))

    async def write(self, name: str, sightings: Sightings, *, replace: bool) -> Written:
        """As `Store.write`, at once with what other requests write; of a request that was taken."""
        return await self._counted(self._writers[name].write(sightings, replace=replace))

    def _counted(self, future: Future[_Answer]) -> asyncio.Future[_Answer]:
        """Work that is waited for, and counted as taken as long as it is not done: also when nobody
        waits any more."""
        self._taken += 1
        loop = asyncio.get_running_loop()

        def given_back(_: Future[_Answer]) -> None:
            if not loop.is_closed():  # the count is the loop's alone
                loop.call_soon_threadsafe(self._give_back)

        future.add_done_callback(given_back)
        return asyncio.wrap_future(future)

    def warm(self) -> None:
        """Begin what the first search would wait for."""
        for name in self.names:
            self._pool.submit(self._warm, name)

    def close(self) -> None:
        """Finish what runs, drop what waits, close all."""
        self._pool.shutdown(cancel_futures=True)
        for writer in self._writers.values():
            writer.close()
        for together in self._together:
            together.close()
        for gallery in self._opened:
            gallery.close()

    def _warm(self, name: str) -> None:
        shown = self._gallery(name).view
        if not shown.about.calibrations:  # else its distances are judged by them
            self._learnt[name].now(shown)

    def _give_back(self) -> None:
        self._taken -= 1

    def _gallery(self, name: str) -> Gallery:
        own: dict[str, Gallery] = self._own.__dict__.setdefault("galleries", {})
        if name not in own:
            settings = self._settings
            own[name] = Gallery(
                open_store(settings.galleries[name]),
                model=settings.model,
                device=settings.device,
                runtime=settings.runtime,
                embedder=self._embedders[name],
                learnt=self._learnt[name],
            )
            with self._lock:
                self._opened.append(own[name])
        own[name].store.refresh_about()  # another thread or process may have changed it
        return own[name]

    def _embedder(self, name: str) -> Embedder | None:
        """Of a gallery; None where its model is gone, which those who need it are told."""
        settings = self._settings
        store = open_store(settings.galleries[name])
        try:
            made = open_embedder(
                store.about, settings.model, device=settings.device, runtime=settings.runtime
            )
        except ValueError as error:
            say(f"note: gallery {name} cannot embed pictures: {error}")
            return None
        finally:
            store.close()
        self._together.append(Together(made.runtime))
        made.runtime = self._together[-1]
        return made
