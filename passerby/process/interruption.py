"""Being asked to stop: Ctrl-C and SIGTERM set a mark that the work looks at between its steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

_Handler = Callable[[int, FrameType | None], object] | int | None


class Stopped(KeyboardInterrupt):
    """Work was stopped by a signal and is kept. exit_code: 128 + the signal's number."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


class StopRequest:
    """A context in which Ctrl-C and SIGTERM do not end the process but are noted in ``number``.

    A second signal does what it did before the context, so that who insists is obeyed; not with
    ``patient``, because torchrun passes on a signal that the terminal has already sent. Outside
    the main thread, where Python allows no handlers, it notes nothing.
    """

    def __init__(self, patient: bool = False) -> None:
        self.number = 0
        self._patient = patient
        self._before: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for kind in (signal.SIGINT, signal.SIGTERM):
                self._before[kind] = signal.signal(kind, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
        if not self._patient:
            self._restore()

    def _restore(self) -> None:
        for kind, handler in self._before.items():
            # None: it was not set from Python, and cannot be set back from here.
            signal.signal(kind, signal.SIG_DFL if handler is None else handler)
        self._before = {}
