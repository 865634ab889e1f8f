"""Streams that stall, drop and come back, from a tiny server on this machine."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from passerby.video.sources.opening import open_source
from passerby.video.sources.paces import EveryNth
from passerby.video.sources.streams import Patience, StreamSource, shown_url
from passerby.video.sources.together import frames_together

QUICK = Patience(opening=1.0, reading=0.5, pause=0.05, longest=0.1, first=3)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n"


@contextmanager
def serving(answer: Callable[[int, socket.socket], None]) -> Iterator[str]:
    """A server that calls answer(number, connection) for each connection; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()
    kept: list[socket.socket] = []

    def serve() -> None:
        number = 0
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            kept.append(connection)
            connection.settimeout(5)
            try:
                connection.recv(4096)
                answer(number, connection)
            except OSError:
                pass
            number += 1

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/live.ts"
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in kept:
            connection.close()
        thread.join(5)


@pytest.fixture(scope="module")
def ts(tmp_path_factory, make_video):
    """40 frames of MPEG-TS."""
    path = make_video(tmp_path_factory.mktemp("ts") / "a.ts", frames=40, container="mpegts")
    return path.read_bytes()


def taken(source, most):
    """Up to so many frames, then the source is stopped."""
    found = []
    for frame in source.frames(EveryNth(1)):
        found.append(frame)
        if len(found) >= most:
            source.stop()
    return found


def test_a_stream_that_drops_is_taken_up_again_and_the_gap_written_down(ts):
    def answer(number, connection):
        connection.sendall(HEAD + b"\r\n" + ts)
        connection.close()

    with serving(answer) as url:
        source = StreamSource(url, "door", patience=QUICK)
        frames = taken(source, 60)
    assert len(frames) == 60
    seconds = [frame.seconds for frame in frames]
    assert seconds == sorted(set(seconds))
    times = [frame.time for frame in frames]
    assert times == sorted(times)
    assert len({frame.origin for frame in frames}) == 2
    gap = next(event for event in source.journal.events if event.kind == "gap")
    assert "gone for" in gap.text
    assert gap.lasted > 0


@pytest.mark.parametrize("after", [0, 0.6], ids=["silent", "stalls"])
def test_a_stream_that_stalls_counts_as_gone(ts, after):
    """The first connection gives nothing, or a part, and stays open; the second is sound."""

    def answer(number, connection):
        part = ts if number else ts[: int(len(ts) * after) // 188 * 188]
        connection.sendall(HEAD + b"\r\n" + part)
        if number:
            connection.close()

    with serving(answer) as url:
        source = StreamSource(url, patience=QUICK)
        frames = taken(source, 45 if after else 30)
    assert len(frames) == (45 if after else 30)
    gaps = [event for event in source.journal.events if event.kind == "gap"]
    assert len(gaps) == (1 if after else 0)  # before the first frame there is nothing to miss


def test_a_stream_that_never_gives_video_is_named(ts):
    def answer(number, connection):
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    with serving(answer) as url:
        source = StreamSource(url.replace("http://", "http://user:secret@"), "", patience=QUICK)
        with pytest.raises(ValueError, match=r"gives no video.*tried 3 times") as caught:
            taken(source, 1)
    assert "secret" not in str(caught.value)


def test_silent_rtsp_counts_as_gone():
    """FFmpeg says of it "invalid data", which it is not."""
    with serving(lambda number, connection: None) as url:
        source = StreamSource(url.replace("http:", "rtsp:"), patience=QUICK)
        with pytest.raises(ValueError, match="gives no video"):
            taken(source, 1)


def test_a_file_over_http_ends_and_is_not_begun_again(ts):
    def answer(number, connection):
        length = f"Content-Length: {len(ts)}\r\n".encode()
        connection.sendall(HEAD + length + b"\r\n" + ts)
        connection.close()

    with serving(answer) as url:
        source = StreamSource(url, patience=QUICK)
        frames = taken(source, 1000)
    assert len(frames) == 40


def test_addresses_are_shown_without_secrets():
    assert shown_url("rtsps://a:b@[::1]:554/x?password=c#d") == "rtsps://[::1]:554/x"
    with pytest.raises(ValueError, match="expected the address of a stream"):
        shown_url("file:///etc/passwd")
    with pytest.raises(ValueError, match="--start"):
        open_source("rtsp://a/b", fps=25)


def test_streams_and_files_are_read_at_once(ts, tmp_path, make_video):
    """The file's frames come all, whatever the stream does; the stream ends when it is stopped."""

    def answer(number, connection):
        connection.sendall(HEAD + b"\r\n" + ts)

    file = open_source(str(make_video(tmp_path / "a.mp4", frames=30)))
    with serving(answer) as url:
        stream = StreamSource(url, "live", patience=QUICK)
        counts = [0, 0]
        for number, frame in frames_together([(file, EveryNth(2)), (stream, EveryNth(1))]):
            counts[number] += 1
            assert frame.source == (file, stream)[number].name
            if counts[1] >= 3 and counts[0] == 15:
                stream.stop()
    assert counts[0] == 15
    assert counts[1] >= 3


def test_a_source_that_fails_is_heard_of(tmp_path):
    with serving(lambda number, connection: connection.close()) as url:
        stream = StreamSource(url, "live", patience=QUICK)
        with pytest.raises(ValueError, match="live gives no video"):
            list(frames_together([(stream, EveryNth(1))]))
