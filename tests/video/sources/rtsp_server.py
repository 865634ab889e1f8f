"""A camera for tests: an RTSP server (RFC 2326) that sends H.264 as RTP within the connection.

As much of both as FFmpeg asks for: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, and the basic scheme
of passwords. What is sent after PLAY, and how it ends, is a function of the test.
"""

import base64
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np

CLOCK = 90_000  # ticks a second of RTP's times of video
Send = Callable[[int, "Viewer"], None]


def encoded(pictures: Sequence[np.ndarray]) -> list[list[bytes]]:
    """The NAL units of each picture, the first with the parameter sets."""
    codec = av.CodecContext.create("libx264", "w")
    codec.height, codec.width = pictures[0].shape[:2]
    codec.pix_fmt, codec.time_base, codec.framerate = "yuv420p", Fraction(1, 25), Fraction(25)
    codec.options = {"bf": "0", "crf": "18", "tune": "zerolatency", "g": "10", "threads": "1"}
    packets = []
    for number, pixels in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts = number
        packets += codec.encode(frame)
    packets += codec.encode(None)
    return [[one for one in re.split(b"\x00{2,3}\x01", bytes(packet)) if one] for packet in packets]


class Viewer:
    """One connection, from PLAY on."""

    def __init__(self, connection: socket.socket, pictures: list[list[bytes]]) -> None:
        self.connection, self._pictures = connection, pictures

    def send(self, first: int, last: int, pause: float = 0.002) -> None:
        """Pictures of these numbers as RTP packets (RFC 6184, one unit each), 25 a second."""
        for number in range(first, last):
            units = self._pictures[number]
            for place, unit in enumerate(units):
                marker = 0x80 if place == len(units) - 1 else 0
                head = struct.pack(
                    ">BBHII", 0x80, marker | 96, self._sequence(), number * CLOCK // 25, 7
                )
                packet = head + unit
                self.connection.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
            time.sleep(pause)

    def _sequence(self) -> int:
        self._sent = getattr(self, "_sent", -1) + 1
        return self._sent & 0xFFFF


@contextmanager
def camera(
    pictures: list[list[bytes]], play: Send, user: str = "", password: str = ""
) -> Iterator[str]:
    """A camera that calls play(number, viewer) for each connection that plays; gives its address,
    without the password that it asks for."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []
    wanted = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
    played = iter(range(1_000))

    def answer(connection: socket.socket) -> None:
        try:
            if _agreed(connection, pictures, wanted):
                play(next(played), Viewer(connection, pictures))
        except OSError:
            pass  # the viewer has gone

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.settimeout(5)
            open_ones.append(connection)
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"rtsp://127.0.0.1:{listener.getsockname()[1]}/door"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_ones:
            connection.close()
        thread.join(5)


def _agreed(connection: socket.socket, pictures: list[list[bytes]], wanted: str) -> bool:
    """Answer requests until PLAY; False where the viewer went before."""
    text = b""
    while True:
        while b"\r\n\r\n" not in text:
            more = connection.recv(4096)
            if not more:
                return False
            text += more
        head, _, text = text.partition(b"\r\n\r\n")
        request = head.decode()
        method = request.split(" ", 1)[0]
        number = re.search(r"CSeq: *(\d+)", request, re.I)
        assert number is not None
        allowed = f"Authorization: Basic {wanted}" in request if wanted else True
        lines, body = _reply(method, pictures) if allowed or method == "OPTIONS" else (_REFUSED, "")
        reply = [lines[0], f"CSeq: {number[1]}", *lines[1:], f"Content-Length: {len(body)}", "", ""]
        connection.sendall(("\r\n".join(reply) + body).encode())
        if method == "PLAY" and allowed:
            return True


_REFUSED = ["RTSP/1.0 401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"']


def _reply(method: str, pictures: list[list[bytes]]) -> tuple[list[str], str]:
    known, body = ["RTSP/1.0 200 OK"], ""
    if method == "OPTIONS":
        known.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
    elif method == "DESCRIBE":
        known.append("Content-Type: application/sdp")
        sets = ",".join(base64.b64encode(unit).decode() for unit in pictures[0][:2])
        body = "\r\n".join([
            "v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=camera", "t=0 0", "m=video 0 RTP/AVP 96",
            f"a=rtpmap:96 H264/{CLOCK}",
            f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}", "a=control:one", "",
        ])  # fmt: skip
    elif method == "SETUP":
        known += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
    elif method == "PLAY":
        known.append("Session: 1")
    return known, body
