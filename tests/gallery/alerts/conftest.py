"""Receivers of hits within this process: a webhook and an MQTT broker."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from passerby.gallery.alerts.ledger import Ledger
from passerby.tables.sightings import Sightings


class Hook:
    """Answers what ``codes`` say, the last one for ever; keeps what came."""

    def __init__(self) -> None:
        self.codes, self.bodies, self.headers, self.paths = [200], [], [], []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = hook.codes.pop(0) if len(hook.codes) > 1 else hook.codes[0]
                hook.headers.append(dict(self.headers))
                hook.paths.append(self.path)
                if code == 200:
                    hook.bodies.append(json.loads(body))
                self.send_response(code)
                if code == 302:
                    self.send_header("Location", f"{hook.address}elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


class Broker:
    """As much of MQTT 3.1.1 as takes a message of QoS 1; code: of its answer to a connection."""

    def __init__(self, code: int = 0, silent: bool = False) -> None:
        self.code, self.silent = code, silent
        self.messages: list[tuple[str, bytes]] = []
        self.users: list[tuple[str, str]] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.port = self._socket.getsockname()[1]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                connection = self._socket.accept()[0]
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(2)
                with suppress(ConnectionError, TimeoutError):
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        while True:
            kind = self._bytes(connection, 1)[0]
            length = shift = 0
            while True:
                byte = self._bytes(connection, 1)[0]
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            body = self._bytes(connection, length)
            if kind >> 4 == 1:
                texts = body[10:]
                found = []
                while texts:
                    (size,) = struct.unpack(">H", texts[:2])
                    found.append(texts[2 : 2 + size].decode())
                    texts = texts[2 + size :]
                self.users += [tuple(found[1:3])] if len(found) > 1 else []
                connection.sendall(bytes([0x20, 2, 0, self.code]))
            elif kind >> 4 == 3:
                (size,) = struct.unpack(">H", body[:2])
                number = body[2 + size : 4 + size]
                self.messages.append((body[2 : 2 + size].decode(), body[4 + size :]))
                if not self.silent:
                    connection.sendall(bytes([0x40, 2]) + number)
            elif kind >> 4 == 14:
                return

    @staticmethod
    def _bytes(connection: socket.socket, count: int) -> bytes:
        found = b""
        while len(found) < count:
            part = connection.recv(count - len(found))
            if not part:
                raise ConnectionError
            found += part
        return found


@pytest.fixture
def make_broker() -> Iterator[Callable[..., Broker]]:
    made: list[Broker] = []

    def make(**how: object) -> Broker:
        made.append(Broker(**how))
        return made[-1]

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def ledger(tmp_path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "state" / "alerts.sqlite")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """Where hits of galleries in memory are kept."""
    monkeypatch.setenv("PASSERBY_STATE", str(tmp_path / "state"))


def passage(number: int, vectors, time: str | np.datetime64 = "NaT", **columns) -> Sightings:
    """The sightings of a passage: ids of its number, a second apart, of the camera "door"."""
    rows = len(vectors)
    times = np.datetime64(time, "us") + np.arange(rows) * np.timedelta64(1, "s")
    given = {"cameras": ["door"] * rows, "tracklets": [number] * rows, **columns}
    ids = [f"{number:024x}{row:08x}" for row in range(rows)]
    return Sightings(ids, vectors, times=times, **given)
