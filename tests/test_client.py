"""The client, against a server that keeps what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from passerby.client import Client, ServerError

JPEG, PNG, WEBP = b"\xff\xd8\xffjpeg", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP"


@dataclass
class Asked:
    """What came, and what is answered to it: status, headers, content; the last one again."""

    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    def say(self, content: object, status: int = 200, **headers: str) -> None:
        kind = "application/json" if status < 300 else "application/problem+json"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, {"Content-Type": kind, **named}, json.dumps(content).encode()))


@pytest.fixture
def asked() -> Iterator[Asked]:
    kept = Asked()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            kept.lines.append(self.requestline.rpartition(" ")[0])
            kept.headers.append(dict(self.headers))
            kept.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            status, headers, content = kept.answers.pop(0)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield kept
        server.shutdown()
        thread.join()


def test_an_image_goes_as_it_is_with_the_filter_in_the_query(asked, tmp_path):
    asked.say({"matches": []})
    (tmp_path / "a.jpg").write_bytes(JPEG)
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    where = {"camera": ["door", "a&b"], "since": noon, "known": True, "until": None}
    found = Client(asked.url, "secret", "lobby").search(tmp_path / "a.jpg", k=3, where=where)
    assert found == {"matches": []}
    assert asked.lines == [
        "POST /v1/search?gallery=lobby&k=3&camera=door&camera=a%26b"
        "&since=2026-05-01T12%3A00%3A00%2B00%3A00&known=true"
    ]
    assert asked.bodies == [JPEG]
    assert asked.headers[0]["Content-Type"] == "image/jpeg"
    assert asked.headers[0]["Authorization"] == "Bearer secret"


def test_several_images_are_parts_without_paths(asked, tmp_path):
    asked.say({"added": 3})
    (tmp_path / "anna.png").write_bytes(PNG)
    Client(asked.url).add([tmp_path / "anna.png", JPEG, WEBP], {"camera": "door"})
    head = f"Content-Type: {asked.headers[0]['Content-Type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + asked.bodies[0])
    parts = [*message.iter_parts()]
    assert [part.get_content_type() for part in parts] == ["image/png", "image/jpeg", "image/webp"]
    names = [part.get_param("name", header="content-disposition") for part in parts]
    assert names == ["image"] * 3
    assert b"\r\n\r\n" + JPEG + b"\r\n--" in asked.bodies[0]
    assert b"anna" not in asked.bodies[0]
    assert "Authorization" not in asked.headers[0]
    assert asked.lines == ["POST /v1/sightings?camera=door"]


def test_a_vector_or_a_sighting_in_place_of_images(asked):
    client = Client(asked.url)
    for _ in range(2):
        asked.say({})
    client.search(vector=[1, 0.5])
    client.search(sighting="ab")
    assert [json.loads(body) for body in asked.bodies] == [{"vector": [1, 0.5]}, {"sighting": "ab"}]
    for given in ({}, {"vector": [1.0], "sighting": "ab"}):
        with pytest.raises(ValueError, match="one of these"):
            client.search(**given)
    assert len(asked.lines) == 2


def test_pages_are_read_to_the_end(asked):
    asked.say({"sightings": [1, 2], "next": "x"})
    asked.say({"sightings": [3], "next": None})
    assert [*Client(asked.url).sightings({"person": "anna"})] == [1, 2, 3]
    assert asked.lines == [
        "GET /v1/sightings?limit=500&person=anna",
        "GET /v1/sightings?limit=500&person=anna&after=x",
    ]


def test_a_route_that_the_server_gave_is_asked_as_it_is(asked):
    asked.answers.append((200, {"Content-Type": "image/jpeg"}, JPEG))
    url = "/v1/sightings/ab/pictures/0.jpg?gallery=hall%20b"
    assert Client(f"{asked.url}/below/", gallery="other").get(url) == JPEG
    assert asked.lines == [f"GET /below{url}"]


def test_what_is_refused_says_why(asked):
    asked.say({"detail": "3 sightings now, 2 were expected"}, 409)
    with pytest.raises(ServerError, match=r"3 sightings now, 2 were expected \(409\)") as refused:
        Client(asked.url).delete("/v1/sightings", {"person": "anna", "expected": 2})
    assert (refused.value.status, refused.value.retry_after) == (409, None)
    asked.answers.append((502, {"Content-Type": "text/html"}, b"<h1>proxy</h1>"))
    with pytest.raises(ServerError, match=r"Bad Gateway \(502\)"):
        Client(asked.url).get("/v1/summary")


def test_who_is_told_to_come_again_does_so_within_its_patience(asked):
    asked.say({"detail": "busy"}, 429, Retry_After="0")
    asked.say({"added": 1}, 201)
    assert Client(asked.url).add(JPEG) == {"added": 1}
    assert asked.bodies == [JPEG, JPEG]
    asked.say({"detail": "busy"}, 503, Retry_After="60")
    with pytest.raises(ServerError, match="busy") as refused:
        Client(asked.url, patience=5).add(JPEG)
    assert refused.value.retry_after == 60
    assert len(asked.lines) == 3


def test_nobody_there_no_address_no_image(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ServerError, match=f"no answer from 127.0.0.1:{port}") as lost:
        Client(f"http://127.0.0.1:{port}").get("/v1/summary")
    assert lost.value.status == 0
    for url in ("127.0.0.1:80", "ftp://a", "file:///etc"):
        with pytest.raises(ValueError, match="expected the address of a server"):
            Client(url)
    (tmp_path / "a.txt").write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"a\.txt is none of JPEG, PNG and WebP"):
        Client("http://127.0.0.1:1").add(tmp_path / "a.txt")


def test_an_answer_is_read_that_came_before_all_was_sent():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            taken, _ = listening.accept()
            with taken:
                taken.recv(1000)
                taken.sendall(
                    b"HTTP/1.1 413 Too Large\r\nContent-Type: application/problem+json\r\n"
                    b'Content-Length: 22\r\n\r\n{"detail": "too large"}'
                )
                taken.shutdown(socket.SHUT_WR)
                while taken.recv(100_000):
                    pass

        thread = threading.Thread(target=refuse)
        thread.start()
        client = Client(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(ServerError, match="413"):
            client.add(JPEG + bytes(3_000_000))
        thread.join()
