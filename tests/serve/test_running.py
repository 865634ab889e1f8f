"""A server in processes of its own: stopping, large uploads, kills, several workers."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from passerby.client import Client, ServerError
from passerby.data.crops import content_id
from passerby.gallery.gallery import Gallery

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, sends signals")


@contextmanager
def served(place, *words, tmp=None):
    """A running server: its process and port."""
    command = [sys.executable, "-m", "passerby", "serve", "--gallery", f"lobby={place}"]
    environment = {**os.environ, "PASSERBY_STATE": str(place.parent / "state")}
    if tmp is not None:
        environment["TMPDIR"] = str(tmp)
    process = subprocess.Popen(
        [*command, "--port", "0", *words], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        said = process.stdout.readline()
        while " at http" not in said:
            assert said, "the server ended before it served"
            said = process.stdout.readline()
        port = int(re.search(r"http://\S+:(\d+)", said)[1])
        wait_for(lambda: status(port, "/readyz") == 200)
        yield process, port
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def wait_for(true, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def status(port, path):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0


def highest_memory(process):
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) * 1024


def refused_upload(port, chunked):
    """The beginning of the answer to an upload of 300 MB, and how much of it was sent."""
    sent = 0
    with closing(socket.create_connection(("127.0.0.1", port))) as connection:
        connection.settimeout(20)
        how = "Transfer-Encoding: chunked" if chunked else "Content-Length: 300000000"
        head = f"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{how}\r\n"
        form = "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        connection.sendall((head + form).encode())
        part = b"--x\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\n"
        try:
            for block in [part + bytes(65_536 - len(part)), *[bytes(65_536)] * 4600]:
                framed = b"10000\r\n" + block + b"\r\n" if chunked else block
                connection.sendall(framed)
                sent += len(framed)
        except OSError:  # it has hung up
            pass
        return connection.recv(12), sent


def test_large_uploads_cost_nothing_and_a_stop_finishes_what_was_taken(place, draw_crop, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    data = draw_crop(tmp_path / "one.jpg", 50).read_bytes()
    with served(place, tmp=spool) as (process, port):
        refused_upload(port, chunked=False)  # what a first request loads is not an upload's cost
        before = highest_memory(process)
        for chunked, expected in ((False, b"HTTP/1.1 413"), (True, b"HTTP/1.1 411")):
            answer, sent = refused_upload(port, chunked)
            assert answer == expected
            assert sent < 20_000_000  # what lay in buffers of the system on both sides
        assert highest_memory(process) - before < 100_000_000  # of the 600 MB that were offered
        assert [file for file in spool.rglob("*") if file.is_file()] == []
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as taken:
            taken.putrequest("POST", "/v1/sightings")
            taken.putheader("Content-Type", "image/jpeg")
            taken.putheader("Content-Length", str(len(data)))
            taken.endheaders(data[:100])
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: status(port, "/readyz") == 503, 5)
            assert status(port, "/healthz") == 200
            taken.send(data[100:])
            assert taken.getresponse().status == 201
        assert process.wait(20) == 0
    with Gallery.open(place) as gallery:
        assert len(gallery) == 11


def test_nothing_that_was_acknowledged_is_lost_by_a_kill(place, draw_crop, tmp_path):
    files = [draw_crop(tmp_path / f"{n}.jpg", 100 + n).read_bytes() for n in range(200)]
    acknowledged, left = [], iter(files)

    def add(client):
        for data in left:
            try:
                client.add(data, {"camera": "3"})
            except (ServerError, OSError):
                return
            acknowledged.append(content_id(data))

    with served(place) as (process, port):
        clients = [Client(f"http://127.0.0.1:{port}", patience=0.1) for _ in range(4)]
        threads = [threading.Thread(target=add, args=(client,)) for client in clients]
        for each in threads:
            each.start()
        wait_for(lambda: len(acknowledged) >= 12)
        process.kill()
        for each in threads:
            each.join()
    with Gallery.open(place) as gallery:
        there = {name for part in gallery.store.read() for name in part.ids.tolist()}
        assert gallery.check().whole
    assert 12 <= len(acknowledged) < 200
    assert set(acknowledged) <= there


def test_several_workers_answer_and_a_dead_one_is_replaced(place, draw_crop, tmp_path):
    data = draw_crop(tmp_path / "one.jpg", 51).read_bytes()
    with served(place, "--workers", "2") as (process, port):
        client = Client(f"http://127.0.0.1:{port}")
        assert client.add(data)["added"] == 1
        assert [client.get("/v1/sightings")["total"] for _ in range(8)] == [11] * 8
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        worker = next(
            int(child)
            for child in children
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
        )
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{worker}").exists())
        wait_for(lambda: status(port, "/readyz") == 200)
        text = client.get("/metrics").decode()
        assert 'passerby_sightings{gallery="lobby"} 11.0' in text
        total = re.search(r'requests_total{.*route="/v1/sightings",status="200"} (\d+)', text)
        assert int(total[1]) == 8
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
