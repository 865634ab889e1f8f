"""Passages and identities out to a broker, as passages end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from passerby.gallery.gallery import Gallery
from passerby.mqtt.broker import Broker
from passerby.mqtt.identities import identity_of, passage_said, vector_said
from passerby.mqtt.topics import discovery, topic_part
from passerby.tables.sightings import Sightings


class PassagesOut:
    """Tells a broker of each passage of a gallery: ``PREFIX/CAMERA/passage`` of where and when,
    ``PREFIX/CAMERA/identity`` of who, too.

    Args:
        broker: connected.
        gallery: that passages come into, asked who somebody is.
        name: of the gallery.
        cameras: that Home Assistant is told to expect.
        vectors: send them as well.
    """

    def __init__(
        self,
        broker: Broker,
        gallery: Gallery,
        name: str,
        cameras: Sequence[str],
        *,
        vectors: bool = False,
    ) -> None:
        self._broker, self._gallery, self._name = broker, gallery, name
        self._vectors = vectors
        for topic, content in discovery(broker.prefix, name, cameras).items():
            broker.publish(topic, content, retain=True)

    def take(self, passage: Sightings) -> None:
        """One passage, as one sighting with its vector; not yet in the gallery, or in it."""
        place = f"{self._broker.prefix}/{topic_part(str(passage.cameras[0]))}"
        said = {**passage_said(passage), "gallery": self._name}
        self._broker.publish(f"{place}/passage", said)
        who = identity_of(self._gallery, passage)
        more = vector_said(self._gallery, passage) if self._vectors else {}
        self._broker.publish(f"{place}/identity", {**said, **who, **more})


@contextmanager
def passages_to(
    address: str | None, gallery: Gallery, name: str, cameras: Sequence[str], *, vectors: bool
) -> Iterator[Callable[[Sightings], object] | None]:
    """What is to be told of each passage, while the context lasts; None without an address.

    Raises:
        ValueError: As `Broker`, or vectors without an address.
    """
    if address is None:
        if vectors:
            raise ValueError("--vectors are sent to a broker: name it with --mqtt ADDRESS")
        yield None
        return
    with Broker(address) as broker:
        yield PassagesOut(broker, gallery, name, cameras, vectors=vectors).take
