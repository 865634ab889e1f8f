"""Images of requests that come at once go through the network together.

One thread takes all images that came while it computed the batch before, and runs them as one;
each request gets its own rows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from passerby.embedding.runtimes import Outputs, Runtime
from passerby.serve.metrics import BATCHES

MOST = 32
"""Images of one batch."""

WAIT = 0.0
"""Seconds that a batch waits for more images: none, as those that come while one is computed are
the next. Waiting 5 ms made a single client's answer as much later and eight clients' no sooner."""

_Asked = tuple[Tensor, Future[Outputs]]


class Together(Runtime):
    """A runtime of which concurrent calls become one batch.

    Args:
        inner: What computes.
        most: Images of one batch; a call with more, or with cameras, runs by itself.
        wait: Seconds for more images.
    """

    def __init__(self, inner: Runtime, most: int = MOST, wait: float = WAIT) -> None:
        self.name, self.precision = inner.name, inner.precision
        self.dimensions, self.outputs = inner.dimensions, inner.outputs
        self.batch_size = inner.batch_size
        self._inner, self._most, self._wait = inner, most, wait
        self._asked: SimpleQueue[_Asked | None] = SimpleQueue()  # None: it is time to end
        self._thread = threading.Thread(target=self._run, name="batches", daemon=True)
        self._thread.start()

    def start(self, images: Tensor, cameras: Tensor | None) -> Callable[[], Outputs]:
        """As of the inner runtime, together with what others ask at the same time."""
        if cameras is not None or len(images) > self._most:
            return self._inner.start(images, cameras)
        future: Future[Outputs] = Future()
        self._asked.put((images, future))
        return future.result

    def close(self) -> None:
        """Compute what waits, and end the thread, which held the network."""
        self._asked.put(None)
        self._thread.join()

    def _run(self) -> None:
        late: _Asked | None = None
        while (first := late or self._asked.get()) is not None:
            together = [first]
            late = self._collect(together)
            self._answer(together)

    def _collect(self, together: list[_Asked]) -> _Asked | None:
        """Fill a batch; what no longer fits is returned."""
        count, end = len(together[0][0]), time.monotonic() + self._wait
        while count < self._most:
            try:
                asked = self._asked.get(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                return None
            if asked is None:
                self._asked.put(None)  # for after this batch
                return None
            if count + len(asked[0]) > self._most:
                return asked
            together.append(asked)
            count += len(asked[0])
        return None

    def _answer(self, together: list[_Asked]) -> None:
        BATCHES.observe(sum(len(images) for images, _ in together))
        try:
            made = self._inner.start(torch.cat([images for images, _ in together]), None)()
        except Exception as error:  # whoever asked is told, and the thread goes on
            for _, future in together:
                future.set_exception(error)
            return
        start = 0
        for images, future in together:
            future.set_result(_rows(made, slice(start, start + len(images))))
            start += len(images)


def _rows(made: Outputs, rows: slice) -> Outputs:
    def of(values: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        return None if values is None else values[rows]

    return Outputs(made.embedding[rows], of(made.before_neck), of(made.local))
