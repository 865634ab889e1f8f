"""Frigate's persons: each event's snapshot becomes a vector, a sighting where wanted, an identity.

Frigate gives a person a new event after occlusion and at every camera; which are of one person a
gallery can say. Read is ``frigate/events`` (JSON with the event ``after`` a change); the picture is
taken from Frigate's HTTP API where its address is given, else it is the newest
``frigate/CAMERA/person/snapshot``, which of several persons at once may show another one.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import numpy as np

from passerby.data.crops import content_id
from passerby.data.images import UnreadableImage
from passerby.gallery.gallery import Gallery
from passerby.mqtt.broker import Broker, Message
from passerby.mqtt.identities import identity_of, passage_said, vector_said
from passerby.mqtt.topics import discovery, topic_part
from passerby.process.reporting import say
from passerby.tables.sightings import Sightings
from passerby.tables.times import moment
from passerby.tables.unit_length import unit

_EVENT = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MOST_BYTES = 20_000_000  # of a snapshot
_SECONDS = 10.0  # for an answer of Frigate
_HANDLERS = (
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
)


@dataclass(frozen=True)
class Event:
    """A person whom Frigate saw, when that has ended."""

    id: str
    camera: str
    first: datetime
    last: datetime


@dataclass
class Bridge:
    """From Frigate's topics to ours.

    frigate: its topic; http: address of its API, "" for none; enrol: let persons into the gallery,
    with small pictures; label: give the event the name as its sub label, where there is one.
    told: events answered so far.
    """

    broker: Broker
    gallery: Gallery
    name: str
    frigate: str = "frigate"
    http: str = ""
    enrol: bool = False
    vectors: bool = False
    label: bool = False
    told: int = 0
    _snapshots: dict[str, bytes] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    @staticmethod
    def topics(frigate: str) -> list[str]:
        """What is to be listened to."""
        return [f"{frigate}/events", f"{frigate}/+/person/snapshot"]

    def take(self, message: Message) -> None:
        """One message; what cannot be understood is said and passed over."""
        if message.topic == f"{self.frigate}/events":
            event = event_of(message.payload)
            if event is not None:
                self._answer(event)
        elif message.payload:
            camera = message.topic.split("/")[-3]
            self._snapshots[camera] = message.payload[: _MOST_BYTES + 1]

    def _answer(self, event: Event) -> None:
        jpeg = self._picture(event)
        if not jpeg:
            say(f"event {event.id} has no snapshot: switch them on in Frigate")
            return
        try:
            sighting = self._sighting(event, jpeg)
        except UnreadableImage as error:
            say(f"the snapshot of event {event.id} cannot be read: {error.reason}")
            return
        if self.gallery.store.refresh_about().opt_outs and (
            self.gallery.store.refusals(sighting)[0] >= 0
        ):
            return  # who asked not to be known is not told of either
        who = identity_of(self.gallery, sighting)
        if self.enrol:
            self.gallery.add(
                [jpeg], camera=event.camera, source=self.frigate, time=event.first,
                until=event.last, keep_thumbnails=True,
            )  # fmt: skip
        self._tell(event, sighting, who)

    def _tell(self, event: Event, sighting: Sightings, who: dict[str, Any]) -> None:
        self._expect(event.camera)
        said = {**passage_said(sighting), "gallery": self.name, "event": event.id}
        more = vector_said(self.gallery, sighting) if self.vectors else {}
        topic = f"{self.broker.prefix}/{topic_part(event.camera)}/identity"
        self.broker.publish(topic, {**said, **who, **more})
        self.told += 1
        if self.label and self.http and who.get("person"):
            self._label(event, who["person"], who.get("probability"))

    def _expect(self, camera: str) -> None:
        """Let Home Assistant know of a camera when it is seen first."""
        if camera not in self._known:
            self._known.add(camera)
            found = discovery(self.broker.prefix, self.name, sorted(self._known))
            for topic, content in found.items():
                self.broker.publish(topic, content, retain=True)

    def _sighting(self, event: Event, jpeg: bytes) -> Sightings:
        return Sightings(
            [content_id(jpeg)],
            unit(self.gallery.embedder([jpeg])),
            cameras=[event.camera],
            sources=[self.frigate],
            times=np.array([moment(event.first)], "datetime64[us]"),
            untils=np.array([moment(event.last)], "datetime64[us]"),
        )

    def _picture(self, event: Event) -> bytes:
        if not self.http:
            jpeg = self._snapshots.get(event.camera, b"")
            return jpeg if len(jpeg) <= _MOST_BYTES else b""
        # As it is, cut out, without what Frigate draws over it.
        path = f"/api/events/{quote(event.id)}/snapshot.jpg?crop=1&bbox=0&timestamp=0&quality=95"
        return self._asked(path, None)

    def _label(self, event: Event, person: str, probability: float | None) -> None:
        body = {"subLabel": person[:100], "subLabelScore": probability}
        self._asked(f"/api/events/{quote(event.id)}/sub_label", json.dumps(body).encode())

    def _asked(self, path: str, body: bytes | None) -> bytes:
        """Frigate's answer, b"" where there is none, which is said."""
        request = urllib.request.Request(
            self.http.rstrip("/") + path, body, {"Content-Type": "application/json"}
        )
        try:
            with _opener().open(request, timeout=_SECONDS) as answer:
                found: bytes = answer.read(_MOST_BYTES + 1)
        except (OSError, urllib.error.URLError) as error:
            say(f"Frigate does not answer: {getattr(error, 'reason', error)}")
            return b""
        return found if len(found) <= _MOST_BYTES else b""


def _opener() -> urllib.request.OpenerDirector:
    """Without redirections and proxies: it asks where it was told to, or nowhere."""
    made = urllib.request.OpenerDirector()
    for handler in _HANDLERS:
        made.add_handler(handler())
    return made


def event_of(payload: bytes) -> Event | None:
    """The person of a message of Frigate's events, when the event has ended; None for other
    messages, other labels, what Frigate itself took back, and what is no such message."""
    try:
        message = json.loads(payload)
        after = message["after"]
        wanted = message["type"] == "end" and after["label"] == "person"
        if not wanted or after.get("false_positive"):
            return None
        first, last = float(after["start_time"]), float(after["end_time"] or after["start_time"])
        found = Event(
            str(after["id"]),
            str(after["camera"]),
            datetime.fromtimestamp(first, UTC),
            datetime.fromtimestamp(max(first, last), UTC),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return None
    return found if _EVENT.fullmatch(found.id) and found.camera else None
