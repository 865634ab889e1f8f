"""A server that is away or not ready is asked again, for as long as its address says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from passerby.stores import StoreUnavailable

_Answer = TypeVar("_Answer")


def patiently(
    call: Callable[[], _Answer],
    errors: tuple[type[Exception], ...],
    told: Callable[[Exception], tuple[str, bool]],
    *,
    shown: str,
    patience: float,
    check: str,
) -> _Answer:
    """The answer of ``call``, which is called again after those of its errors that pass.

    told: of an error, a line that says it and whether another try may change it. shown: the
    address without a password. patience: seconds. check: what of the address may be wrong.

    Raises:
        StoreUnavailable: No answer within that time.
        ValueError: An error that another try does not change.
    """
    deadline = time.monotonic() + patience
    pause = 0.05
    while True:
        try:
            return call()
        except errors as error:
            said, may_pass = told(error)
            if not may_pass:
                raise ValueError(f"{shown}: {said}") from None
        left = deadline - time.monotonic()
        if left <= 0:
            raise StoreUnavailable(
                f"{shown} does not answer, asked for {patience:g} s: {said}. "
                f"What it acknowledged is kept. Start the server, check {check}, "
                "and do it again"
            )
        time.sleep(min(pause, left))
        pause = min(2 * pause, 2.0)
