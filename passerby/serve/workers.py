"""Several processes that answer on one port; one that dies is replaced."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from types import FrameType

from passerby.process.reporting import say

_LOOK = 0.5  # seconds between two looks at whether all live


def run_workers(count: int, work: Callable[[], None]) -> None:
    """Run ``work`` in ``count`` processes until SIGTERM or Ctrl-C, which they are told as SIGTERM;
    what ``work`` holds must go from process to process, as sockets do."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        processes = [_started(work) for _ in range(count)]
        while not stopping.wait(_LOOK):
            for place, process in enumerate(processes):
                if process.is_alive():
                    continue
                if process.exitcode == 1:  # it said why, and would say it again
                    stopping.set()
                else:
                    say(f"a worker ended ({process.exitcode}): another takes its place")
                    processes[place] = _started(work)
        for process in processes:
            if process.is_alive():
                process.terminate()
        for process in processes:
            process.join()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _started(work: Callable[[], None]) -> BaseProcess:
    # Spawned, as engines do not survive a fork.
    process = get_context("spawn").Process(target=work)
    process.start()
    return process
