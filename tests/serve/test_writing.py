"""Sightings that come at once are one write, and each request hears of its own alone."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from passerby.serve.working.writing import Writer
from passerby.stores import StoreUnavailable, Written
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit


class Slow(MemoryStore):
    """Writes when it is let; refuses the camera "broken" as an engine does, late."""

    def __init__(self) -> None:
        super().__init__(About("drawn", "plain", 8))
        self.begun, self.let = threading.Event(), threading.Event()
        self.sizes: list[list[int]] = []
        self.away = self.closed = False

    def write_each(self, batches, *, replace=False):
        self.sizes.append([len(batch) for batch in batches])
        self.begun.set()
        assert self.let.wait(10)
        if self.away:
            raise StoreUnavailable("away")
        if any("broken" in batch.cameras for batch in batches):
            raise ValueError("broken")
        return super().write_each(batches, replace=replace)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def store() -> Slow:
    return Slow()


@pytest.fixture
def writer(store: Slow) -> Iterator[Writer]:
    made = Writer(lambda: store)
    yield made
    store.let.set()
    made.close()
    assert store.closed


def some(*ids: str, camera: str = "door") -> Sightings:
    vectors = np.random.default_rng(len(ids)).standard_normal((len(ids), 8))
    return Sightings(ids, unit(vectors.astype(np.float32)), cameras=[camera] * len(ids))


def busy(writer: Writer, store: Slow):
    """A write that goes on until it is let."""
    first = writer.write(some("a"))
    assert store.begun.wait(10)
    return first


def test_what_comes_during_a_write_is_the_next_one(store, writer):
    first = busy(writer, store)
    later = [writer.write(some(*ids)) for ids in (("b", "c"), ("a",), ("d", "b"), ("e",))]
    assert not first.done()
    store.let.set()
    assert [one.result(10) for one in (first, *later)] == [
        Written(1, 0, 0),
        Written(2, 0, 0),
        Written(0, 0, 1),
        Written(1, 0, 1),
        Written(1, 0, 0),
    ]
    assert store.sizes == [[1], [2, 1, 2, 1]]


def test_what_cannot_be_written_keeps_nothing_else_out(store, writer):
    busy(writer, store)
    good, bad = writer.write(some("b")), writer.write(some("c", camera="broken"))
    other = writer.write(some("d"))
    store.let.set()
    assert good.result(10) == other.result(10) == Written(1, 0, 0)
    with pytest.raises(ValueError, match="broken"):
        bad.result(10)
    assert store.count() == 3
    assert store.sizes == [[1], [1, 1, 1], [1], [1], [1]]


def test_a_server_that_is_away_is_asked_once_for_all(store, writer):
    busy(writer, store)
    store.away = True
    later = [writer.write(some(name)) for name in "bcd"]
    store.let.set()
    for one in later:
        with pytest.raises(StoreUnavailable):
            one.result(10)
    assert store.sizes == [[1], [1, 1, 1]]
    store.away = False
    assert writer.write(some("e")).result(10) == Written(1, 0, 0)


def test_of_two_that_replace_the_same_the_latter_stays(store, writer):
    busy(writer, store)
    later = [writer.write(some("b", camera=name), replace=True) for name in ("one", "two")]
    store.let.set()
    assert [one.result(10) for one in later] == [Written(1, 0, 0), Written(0, 1, 0)]
    assert store.count(Where(cameras=("two",))) == 1


def test_who_gave_up_before_its_turn_is_not_written_and_a_stop_writes_the_rest(store):
    writer = Writer(lambda: store)
    busy(writer, store)
    given_up, waiting = writer.write(some("b")), writer.write(some("c"))
    assert given_up.cancel()
    threading.Timer(0.1, store.let.set).start()
    writer.close()
    assert waiting.result(0) == Written(1, 0, 0)
    assert store.count(Where(ids=("b",))) == 0


def test_a_store_that_cannot_be_opened_is_told_and_tried_again(store):
    errors = [ValueError("no gallery there")]

    def opened() -> Slow:
        if errors:
            raise errors.pop()
        return store

    writer = Writer(opened)
    store.let.set()
    with pytest.raises(ValueError, match="no gallery there"):
        writer.write(some("a")).result(10)
    assert writer.write(some("a")).result(10) == Written(1, 0, 0)
    writer.close()
