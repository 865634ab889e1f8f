"""Debian's broker mosquitto, where it is installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Mosquitto:
    """A broker of this test's own; port: on this machine alone."""

    port: int

    @property
    def address(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}/passerby"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Running; skips with a reason where it is not installed."""
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None:
        pytest.skip("the broker mosquitto is not installed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    running = subprocess.Popen([program, "-c", config], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield Mosquitto(port)
    finally:
        running.terminate()
        running.wait(10)


class Listener:
    """Another client, who hears everything and speaks as Frigate does."""

    def __init__(self, port: int) -> None:
        from paho.mqtt import client as mqtt

        self.heard: list[tuple[str, bytes, bool]] = []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _, __, m: self.heard.append((m.topic, m.payload, m.retain))
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def say(self, topic: str, payload: bytes) -> None:
        self.client.publish(topic, payload, qos=1).wait_for_publish(5)

    def wait_for(self, topic: str, count: int = 1, seconds: float = 20) -> list[bytes]:
        """The messages of a topic, when there are so many."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = [payload for name, payload, _ in self.heard if name == topic]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{topic}: {[name for name, *_ in self.heard]}")

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    made = Listener(mosquitto.port)
    yield made
    made.close()
