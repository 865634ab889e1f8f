"""Work shared by threads of which each computes alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def shared(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """``work(item)`` of every item in order, by as many threads as torch is set to use.

    Inside ``work`` torch uses one thread: a product shared inside torch may be added up in another
    order with another number of threads, one that a single thread computes may not. It is also in
    inference mode: a caller may be, whose tensors only such threads may write to.
    """

    @torch.inference_mode()
    def work_alone(item: T) -> R:
        return work(item)

    threads = torch.get_num_threads()
    # A pool for one thread too: what its threads have allocated goes back to the system with them,
    # while the main thread's heap keeps some 200 MB of freed blocks at MSMT17's size.
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(work_alone, items))
    finally:
        # torch keeps the number for each thread, but hands the last one set to new threads.
        torch.set_num_threads(threads)
