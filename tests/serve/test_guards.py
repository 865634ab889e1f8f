"""What a request passes: bounds of bodies, own site, headers, time, stopping; no path is told."""

import asyncio
import io
import socket

import numpy as np
import pytest
import uvicorn
from PIL import Image
from starlette.testclient import TestClient

from passerby.gallery.gallery import Gallery
from passerby.serve.application import application
from passerby.serve.asking.pixel_bounds import most_pixels
from passerby.serve.guards.bodies import MOST_UNSAID, BoundedBodies
from passerby.serve.guards.turns import InTurn, Turns
from passerby.serve.problems import without_paths
from passerby.serve.running import listening, require_guarded
from passerby.serve.settings import Settings

JPEG = {"Content-Type": "image/jpeg"}


def ask(application, headers=(), chunks=()):
    """Statuses of the answer, and the bytes that were read of a body, by ASGI alone."""
    sent, read = [], 0
    coming = iter(chunks)

    async def receive():
        nonlocal read
        body = next(coming, None)
        read += len(body or b"")
        return {"type": "http.request", "body": body or b"", "more_body": body is not None}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/search", "raw_path": b"/v1/search",
        "query_string": b"", "headers": [(b"host", b"127.0.0.1"), *headers],
        "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1), "server": ("x", 1),
    }  # fmt: skip
    asyncio.run(application(scope, receive, send))
    return sent[0]["status"], read


@pytest.mark.parametrize("kind", [b"image/jpeg", b"multipart/form-data; boundary=x"])
def test_a_large_body_is_refused_before_it_is_read(settings, kind):
    made = application(settings)
    chunks = [b"--x\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\n"]
    chunks += [bytes(65_536)] * 5000
    named = (b"content-type", kind)
    said = [named, (b"content-length", b"300000000")]
    assert ask(made, said, chunks) == (413, 0)
    status, read = ask(made, [named], chunks)
    assert status == 411
    assert read < MOST_UNSAID + 65_536 + 100
    assert ask(made, [named, (b"content-length", b"x")], chunks) == (400, 0)
    made.state.galleries.close()


def test_who_hangs_up_is_no_fault_of_the_server(settings, caplog):
    made, sent = application(settings), []
    coming = iter([{"type": "http.request", "body": b"\xff", "more_body": True}])

    async def receive():
        return next(coming, {"type": "http.disconnect"})

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"image/jpeg"), (b"content-length", b"9")]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/search", "raw_path": b"/v1/search",
        "query_string": b"", "headers": headers, "http_version": "1.1", "scheme": "http",
        "client": ("127.0.0.1", 1), "server": ("x", 1),
    }  # fmt: skip
    asyncio.run(made(scope, receive, send))
    assert sent[0]["status"] == 400
    assert caplog.records == []
    made.state.galleries.close()


def test_a_body_is_no_longer_than_it_says():
    async def reads_all(scope, receive, send):
        while (await receive())["more_body"]:
            pass

    with pytest.raises(Exception, match="at most"):
        ask(BoundedBodies(reads_all, 100), [(b"content-length", b"10")], [b"12345678"] * 9)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
def test_pixels_are_bounded_by_the_header(client, kind):
    wide = most_pixels(kind) // 1000 + 1
    file = io.BytesIO()
    Image.fromarray(np.zeros((1000, wide, 3), np.uint8)).save(file, kind)
    refused = client.post("/v1/search", content=file.getvalue(), headers=JPEG)
    assert refused.status_code == 422
    assert f"{wide}×1000 pixels" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:8765"}, 403),
        ({"Origin": "http://127.0.0.1:8765"}, 415),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8765"}, 415),
        ({"Host": "[::1]:8765"}, 415),
        ({"Host": "localhost"}, 415),
    ],
)
def test_what_another_site_asks_for_is_refused(client, headers, status):
    assert client.post("/v1/search", headers=headers).status_code == status


def test_a_rebound_name_reads_nothing(client):
    assert client.get("/v1/sightings", headers={"Host": "evil.example"}).status_code == 403


def test_every_answer_has_the_headers_and_problems_one_shape(client):
    for path in ("/", "/page/none.js", "/v1/server", "/v1/none", "/page/%2e%2e/settings.py"):
        answer = client.get(path)
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
        if answer.status_code != 200:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code == 404
    wrong = client.put("/v1/server")
    assert (wrong.status_code, wrong.json()["status"]) == (405, 405)


def test_a_request_takes_bounded_time_and_none_is_taken_while_stopping():
    turns = Turns()

    async def slow(scope, receive, send):
        assert turns.running == 1
        await asyncio.sleep(60)

    assert ask(InTurn(slow, turns, 0.01))[0] == 504
    assert turns.running == 0
    turns.open = False
    assert ask(InTurn(slow, turns, 60))[0] == 503


def test_more_than_can_wait_is_told_to_come_again(settings, monkeypatch):
    with TestClient(application(settings), "http://127.0.0.1") as client:
        monkeypatch.setattr(client.app.state.galleries, "_taken", 1000)
        busy = client.get("/v1/sightings")
    assert busy.status_code == 429
    assert busy.headers["retry-after"] == "1"


def test_errors_of_the_library_tell_no_path(client, monkeypatch, place):
    def fails(self):
        raise ValueError(f"{place}/sightings-1.lance is damaged")

    monkeypatch.setattr(Gallery, "show", fails)
    refused = client.get("/v1/summary")
    assert refused.status_code == 422
    assert str(place.parent) not in refused.text
    assert refused.json()["detail"] == "…/sightings-1.lance is damaged"


def test_a_fault_is_told_without_its_words(settings, monkeypatch):
    def fails(self):
        raise RuntimeError("secret words")

    monkeypatch.setattr(Gallery, "show", fails)
    with TestClient(application(settings), "http://127.0.0.1", False) as client:
        fault = client.get("/v1/summary")
    assert fault.status_code == 500
    assert "secret" not in fault.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it is at /srv/a b/c.npz: gone", "it is at …/a b/c.npz: gone"),
        (r"C:\data\x.jpg is none", "…/x.jpg is none"),
        ("and/or 1/2", "and/or 1/2"),
        ("http://host:1/a/b", "http://host:1/a/b"),
    ],
)
def test_folders_are_left_out_of_texts(text, shown):
    assert without_paths(text) == shown


def test_other_machines_need_keys_or_a_proxy(place):
    places = {"lobby": str(place)}
    with pytest.raises(ValueError, match="--behind-proxy"):
        require_guarded(Settings(places, host="0.0.0.0"))
    for taken in (Settings(places), Settings(places, host="0.0.0.0", behind_proxy=True)):
        assert require_guarded(taken) is None


def test_answers_do_not_wait_for_acknowledgements():
    with listening(uvicorn.Config("none", port=0)) as bound:
        bound.listen()
        taken = socket.create_connection(bound.getsockname())
        accepted, _ = bound.accept()
        with taken, accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_pictures_of_a_form_never_lie_on_a_disk(client, draw_crop, tmp_path, monkeypatch):
    def rolled(*_: object) -> None:
        raise AssertionError("a part was written to a disk")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", rolled)
    whole = draw_crop(tmp_path / "a.jpg", 1).read_bytes()
    large = whole[:2] + (b"\xff\xfe\xff\xff" + bytes(65_533)) * 60 + whole[2:]  # comments: 4 MB
    parts = [("image", (name, large, "image/jpeg")) for name in ("a.jpg", "b.jpg")]
    answer = client.post("/v1/search", files=parts)
    assert answer.status_code == 200, answer.text
    assert answer.json()["images"] == 2
