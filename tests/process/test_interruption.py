"""Signals are noted within the context only, and who insists is obeyed."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from passerby.process.interruption import Stopped, StopRequest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="os.kill ends a process on Windows")


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    """As in a foreground process: a shell starts those in the background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def send(kind: signal.Signals) -> None:
    os.kill(os.getpid(), kind)


def handlers() -> list[object]:
    return [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)]


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_the_handlers_come_back(kind: signal.Signals) -> None:
    before = handlers()
    with StopRequest() as request:
        assert request.number == 0
        assert handlers() != before
        send(kind)
        assert request.number == kind
    assert handlers() == before


def test_a_second_signal_ends_at_once() -> None:
    before = handlers()
    with StopRequest() as request:
        send(signal.SIGINT)
        assert request.number == signal.SIGINT
        assert handlers() == before
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_a_patient_one_waits_also_for_the_second() -> None:
    with StopRequest(patient=True) as request:
        send(signal.SIGTERM)
        send(signal.SIGINT)
        assert request.number == signal.SIGTERM


def test_an_error_within_gives_the_handlers_back() -> None:
    before = handlers()
    with pytest.raises(RuntimeError), StopRequest():
        raise RuntimeError
    assert handlers() == before


def test_outside_the_main_thread_nothing_is_changed() -> None:
    before = handlers()

    def inside() -> bool:
        with StopRequest():
            return handlers() == before and threading.current_thread().name != "MainThread"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(inside).result()


def test_the_exit_code_is_the_conventional_one() -> None:
    assert Stopped("enough", signal.SIGTERM).exit_code == 143
    assert Stopped("enough", signal.SIGINT).exit_code == 130
    assert issubclass(Stopped, KeyboardInterrupt)
