"""A lasting connection to an MQTT broker, below one topic of ours.

It comes again by itself; what is published meanwhile waits, so many messages at most. The retained
topic ``PREFIX/status`` says "online", and "offline" also when this process is killed.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from passerby.extras import lacking
from passerby.gallery.alerts.sinks.addresses import checked, filled, shown, topic_of
from passerby.gallery.alerts.sinks.sink import NotTaken
from passerby.process.reporting import say
from passerby.process.spelling import count_of

SECONDS = 10.0
"""For connecting, and for what waits at the end."""

MOST_WAITING = 1000
"""Messages that wait for a broker that is away; more are lost, and that is said."""


@dataclass(frozen=True)
class Message:
    """That came in."""

    topic: str
    payload: bytes


class Broker:
    """In a ``with`` statement: connected in the thread of the library paho-mqtt.

    Args:
        address: ``mqtt(s)://[USER:{PASSWORD}@]HOST[:PORT]/PREFIX``, with secrets as alerts have
            them: ``{NAME}`` of the environment, ``{file:PATH}``.
        topics: that are listened to, as MQTT writes filters.

    Raises:
        ValueError: An address that is none, a secret or the library that is not there, or a broker
            that does not answer, or refuses, at the beginning.
    """

    def __init__(self, address: str, topics: Sequence[str] = ()) -> None:
        try:
            from paho.mqtt import client as mqtt
        except ImportError as error:
            raise lacking("an MQTT broker", "paho-mqtt", "alerts", error) from None
        if not address.startswith(("mqtt://", "mqtts://")):
            raise ValueError(f"expected mqtt(s)://HOST[:PORT]/TOPIC, got {shown(address)}")
        try:
            whole = filled(checked(address))
        except NotTaken as error:
            raise ValueError(str(error)) from None
        parts = urlsplit(whole)
        tls = parts.scheme == "mqtts"
        self.shown, self.prefix = shown(address), unquote(topic_of(whole)).strip("/")
        self._place = parts.hostname or "", parts.port or (8883 if tls else 1883)
        self._topics = [*topics]
        self._incoming: queue.Queue[Message] = queue.Queue(MOST_WAITING)
        self._answered = threading.Event()
        self._refused = ""
        self._lost = 0
        self._client = client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.connect_timeout = SECONDS
        client.max_queued_messages_set(MOST_WAITING)
        client.reconnect_delay_set(1, 30)
        if parts.username:
            client.username_pw_set(unquote(parts.username), unquote(parts.password or "") or None)
        if tls:
            client.tls_set()
        client.will_set(f"{self.prefix}/status", "offline", qos=1, retain=True)
        client.on_connect, client.on_message = self._connected, self._came

    def __enter__(self) -> Broker:
        host, port = self._place
        try:
            self._client.connect(host, port)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise ValueError(f"{self.shown}: no broker there ({why})") from None
        self._client.loop_start()
        if not self._answered.wait(SECONDS) or self._refused:
            self._client.loop_stop()
            why = self._refused or f"no answer within {SECONDS:.0f} s"
            raise ValueError(f"{self.shown}: the broker refuses: {why}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client.is_connected():  # messages go in order: when this has gone, all have
            last = self._client.publish(f"{self.prefix}/status", "offline", qos=1, retain=True)
            with suppress(ValueError, RuntimeError):  # it went away at this moment
                last.wait_for_publish(SECONDS)
        else:
            say(f"{self.shown} is away: what was to be told last is lost")
        self._client.disconnect()
        self._client.loop_stop()
        if self._lost:
            say(
                f"{count_of(self._lost, 'message was', 'messages were')} lost: {self.shown} was "
                "away for too long"
            )

    def publish(self, topic: str, content: Mapping[str, Any], *, retain: bool = False) -> None:
        """Send JSON to a topic, whole as it stands; it waits while the broker is away."""
        text = json.dumps(content, allow_nan=False)
        self.publish_text(topic, text, retain=retain)

    def publish_text(self, topic: str, text: str, *, retain: bool = False) -> None:
        """Send a text."""
        sent = self._client.publish(topic, text.encode(), qos=1, retain=retain)
        if sent.rc == 15:  # MQTT_ERR_QUEUE_SIZE
            self._lost += 1

    def next(self, seconds: float) -> Message | None:
        """The next message that came in, None where none does within so long."""
        try:
            return self._incoming.get(timeout=seconds)
        except queue.Empty:
            return None

    def _connected(self, client: Any, _: Any, __: Any, code: Any, ___: Any) -> None:
        if code.is_failure:
            self._refused = str(code)
        else:
            for topic in self._topics:
                client.subscribe(topic, qos=1)
            client.publish(f"{self.prefix}/status", "online", qos=1, retain=True)
        self._answered.set()

    def _came(self, _: Any, __: Any, message: Any) -> None:
        try:
            self._incoming.put_nowait(Message(message.topic, message.payload))
        except queue.Full:
            self._lost += 1
