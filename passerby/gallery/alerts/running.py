"""Alerts beside a run that sees passages: held against them as they end, hits on their way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from passerby.gallery.alerts.delivering import Courier
from passerby.gallery.alerts.ledger import Ledger, ledger_path
from passerby.gallery.alerts.watching import AlertWatch
from passerby.process.reporting import say
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.stores.opening import shown
from passerby.tables.sightings import Sightings

Ended = Callable[[Sightings], object]


def name_of(place: str) -> str:
    """A gallery's name in what leaves this machine: not where it lies.

    >>> name_of("/srv/galleries/lobby"), name_of("milvus://root:pw@db:19530/lobby")
    ('lobby', 'milvus://db:19530/lobby')
    """
    return shown(place) if "://" in place else Path(place).absolute().name


@contextmanager
def alerts_of(store: Store, place: str) -> Iterator[Ended | None]:
    """What is to be told of each passage of a gallery that ends, while the context lasts; None
    where hits have no place to be kept and the gallery has no alerts.

    Alerts that are added meanwhile count within seconds. Hits are delivered in a thread; at the end
    it is said how many there were, and what waits still. Raises ValueError for alerts without a
    place for hits.
    """
    try:
        path = ledger_path(store)
    except ValueError:
        if store.about.alerts:
            raise
        yield None
        return
    ledger = Ledger(path)
    try:
        watch = AlertWatch(store, ledger, name_of(place))
        _tell(watch)
        with Courier(path):
            try:
                yield watch.take
            finally:
                watch.flush()
        if watch.alerts:
            say(f"alerts: {count_of(watch.hits, 'new hit')}: passerby gallery alert report")
    finally:
        ledger.close()


def _tell(watch: AlertWatch) -> None:
    for row, alert in enumerate(watch.alerts):
        if alert.paused:
            say(f"the alert {alert.name!r} is paused: passerby gallery alert resume")
        elif watch.standing(row).threshold is None:
            say(f"the alert {alert.name!r} waits until more passages were seen")
