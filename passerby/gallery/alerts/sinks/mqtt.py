"""An MQTT broker: each hit is published with QoS 1, taken when the broker acknowledges it."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import unquote, urlsplit

from passerby.extras import lacking
from passerby.gallery.alerts.sinks.addresses import topic_of
from passerby.gallery.alerts.sinks.sink import NotTaken, Sink

SECONDS = 10.0
"""For connecting, and for an acknowledgement."""


class Mqtt(Sink):
    """One topic of a broker, by paho-mqtt (extra ``[alerts]``); mqtts:// checks certificates."""

    def __init__(self, address: str) -> None:
        try:
            from paho.mqtt import client as mqtt
        except ImportError as error:
            raise NotTaken(str(lacking("an MQTT broker", "paho-mqtt", "alerts", error))) from None
        parts = urlsplit(address)
        self._mqtt, self._topic = mqtt, unquote(topic_of(address))
        self._tls = parts.scheme == "mqtts"
        self._host, self._port = parts.hostname or "", parts.port or (8883 if self._tls else 1883)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")

    def send(self, hit: str, payload: str) -> None:
        """See `Sink`. A connection for each: hits are rare, and brokers restart."""
        client = self._mqtt.Client(self._mqtt.CallbackAPIVersion.VERSION2)
        client.connect_timeout = SECONDS
        if self._user:
            client.username_pw_set(self._user, self._password or None)
        if self._tls:
            client.tls_set()
        answered, refused = threading.Event(), []

        def connected(_: Any, __: Any, ___: Any, code: Any, ____: Any) -> None:
            if code.is_failure:
                refused.append(str(code))
            answered.set()

        client.on_connect = connected
        try:
            client.connect(self._host, self._port)
            client.loop_start()
            if not answered.wait(SECONDS):
                raise NotTaken(f"the broker did not answer within {SECONDS:.0f} s")
            if refused:
                raise NotTaken(f"the broker refuses: {refused[0]}")
            sent = client.publish(self._topic, payload.encode(), qos=1)
            sent.wait_for_publish(SECONDS)
            if not sent.is_published():
                raise NotTaken(f"the broker did not acknowledge it within {SECONDS:.0f} s")
        except (OSError, ValueError, RuntimeError) as error:
            raise NotTaken(getattr(error, "strerror", None) or type(error).__name__) from None
        finally:
            client.disconnect()
            client.loop_stop()
