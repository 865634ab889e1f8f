"""A web server on this machine that misbehaves as told."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Site:
    """What the server serves and how; asked: the path and range of each request so far."""

    content: bytes = bytes(range(256)) * 4096  # 1 MB
    mark: str = '"v1"'
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)  # bytes of each coming answer
    answers: list[int] = field(default_factory=list)  # status of each coming answer, then 200
    wrong_range: bool = False
    kind: str = "application/octet-stream"
    redirect: str = ""
    length: bool = True
    heeds_mark: bool = True  # whether another version is sent whole
    reason: str | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


def handler_of(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            site.asked.append((self.path, asked))
            status = site.answers.pop(0) if site.answers else 200
            if site.redirect and not self.path.startswith("/moved"):
                self.send_response(302)
                self.send_header("Location", site.redirect)
                self.end_headers()
                return
            if status != 200:
                self.send_response(status, site.reason)
                self.end_headers()
                return
            start = 0
            found = re.fullmatch(r"bytes=(\d+)-", asked or "")
            same = self.headers.get("If-Range") in (None, site.mark) or not site.heeds_mark
            if found and site.ranges and same:
                start = int(found[1])
                if start >= len(site.content):
                    self.send_error(416)
                    return
                self.send_response(206)
                shown = start + site.wrong_range
                self.send_header("Content-Range", f"bytes {shown}-{len(site.content) - 1}/*")
            else:
                self.send_response(200)
            self.send_header("Content-Type", site.kind)
            if site.mark:
                self.send_header("ETag", site.mark)
            if site.length:
                self.send_header("Content-Length", str(len(site.content) - start))
            self.end_headers()
            end = len(site.content)
            if site.cut_after:
                end = min(end, start + site.cut_after.pop(0))
            self.wfile.write(site.content[start:end])

    return Handler


class Server(ThreadingHTTPServer):
    """One that says nothing when a client leaves in the middle of an answer."""

    def handle_error(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    """A server of one file at any path, on the loopback interface."""
    site = Site()
    server = Server(("127.0.0.1", 0), handler_of(site))
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()
