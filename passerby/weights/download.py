"""A file over HTTPS into a folder: resumed when the connection breaks, checked by its SHA-256."""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from filelock import FileLock

from passerby.process.json_files import read_object
from passerby.process.reporting import Advance, progress
from passerby.process.whole_files import write_whole
from passerby.version import __version__

LIMIT = 2 * 2**30  # bytes; published networks of the field are far below
_TRIES = 5  # connections in a row that may break without getting on
_BLOCK = 2**18
_OVERLAP = 2**16  # bytes asked for again when going on, which must be the same
_PATIENCE = 60.0  # seconds in which a connection must give a block


class _Broken(Exception):
    """The connection ended before the file did: worth another try from where it stopped."""


@dataclass(frozen=True)
class Fetched:
    """A file on disk: its path, SHA-256 (64 hexadecimal digits), and whether it was there."""

    path: Path
    sha256: str
    cached: bool


def checked_url(url: str) -> str:
    """The URL, if it is https, or http to this very machine; ValueError otherwise."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username or parts.password:
        raise ValueError("a URL must not hold a password: use one that needs none")
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError(f"expected a URL that begins with https://, got {url!r}")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(f"{url} is not encrypted, so anyone could change the file: use https")
    return url


def file_name(url: str) -> str:
    """A harmless file name from the end of a URL's path."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", unquote(urlsplit(url).path).rpartition("/")[2])
    return name.lstrip(".")[-150:] or "weights"


def fetch(
    url: str,
    target: Path,
    sha256: str = "",
    *,
    limit: int = LIMIT,
    pause: float = 1.0,
) -> Fetched:
    """Fetch a file, unless it is there already; then its hash is checked and nothing is asked.

    sha256: of the file, or its first digits (at least 8), or "" when it is not known; limit: most
    bytes that are taken; pause: seconds before a broken connection is tried again, doubled each
    time. What has arrived stays beside the target, and a later call goes on from it if the server
    says that the file is still the same and repeats its last bytes. Raises ValueError when the
    file cannot be had, is too large, or has another hash, and when another file stands there.
    """
    checked_url(url)
    if sha256 and not re.fullmatch(r"[0-9a-f]{8,64}", sha256.lower()):
        raise ValueError(f"a SHA-256 has 64 hexadecimal digits, got {sha256!r}")
    if type(limit) is not int or limit < 1:
        raise ValueError(f"limit must be a whole number of bytes, got {limit!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(_beside(target, "lock")):
        if target.exists():
            return Fetched(target, _standing(target, url, sha256), cached=True)
        part = _beside(target, "part")
        with progress("fetching") as advance:
            _Download(url, part, limit, advance, trusted=bool(sha256)).run(pause)
        try:
            digest = verified(part, sha256)
        except ValueError:
            _discard(part)
            raise
        os.replace(part, target)
        _discard(part)
        write_whole(_record(target), json.dumps({"url": url, "sha256": digest}))
        return Fetched(target, digest, cached=False)


def _standing(target: Path, url: str, sha256: str) -> str:
    """The SHA-256 of a file that is there already; ValueError unless it is what is asked for."""
    record = _state(target)
    if not target.is_file() or (not sha256 and record.get("url") != url):
        raise ValueError(
            f"{target} is there already, and nothing says that it is {url}: choose another file, "
            "remove it, or give --sha256 to have it checked"
        )
    verified(target, record.get("sha256", ""))
    return verified(target, sha256)


@dataclass(frozen=True)
class _Download:
    """One file that is being fetched. trusted: its hash will be checked in the end."""

    url: str
    part: Path
    limit: int
    advance: Advance
    trusted: bool

    def run(self, pause: float) -> None:
        """Connect until the file is whole; give up when connections break without progress."""
        failed, most = 0, -1
        while True:
            try:
                self._connect()
                return
            except _Broken as error:
                now = self.part.stat().st_size if self.part.is_file() else 0
                # Only what there never was before counts as getting on.
                failed = 1 if now > most else failed + 1
                most = max(most, now)
                if failed >= _TRIES:
                    raise ValueError(
                        f"{self.url}: {error}, {failed} times in a row; call again to go on from "
                        f"{now} bytes"
                    ) from None
                time.sleep(pause * 2 ** (failed - 1))

    def _connect(self) -> None:
        """One connection: append to the part file what the server still gives."""
        have = self._resumable()
        again = min(have, _OVERLAP)
        headers = {"User-Agent": f"passerby/{__version__}", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have - again}-"
            validator = _state(self.part).get("validator")
            headers |= {"If-Range": validator} if validator else {}
        try:
            with _open(Request(self.url, headers=headers)) as response:
                self._receive(response, have, again)
        except HTTPError as error:
            with error:
                self._handle_http_error(error)
        except URLError as error:
            raise ValueError(
                f"{self.url} cannot be reached ({error.reason}): are you online?"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise _Broken(f"the connection broke ({error or type(error).__name__})") from None

    def _handle_http_error(self, error: HTTPError) -> None:
        if error.code == 416:  # the part file is longer than the file: begin again
            _discard(self.part)
        if error.code in (408, 416, 429) or error.code >= 500:
            raise _Broken(f"the server answers {error.code}") from None
        if 300 <= error.code < 400:
            raise ValueError(f"{self.url} leads to what is no https:// address: refused") from None
        # Its own words are left out: they may say, and hold, anything.
        said = http.client.responses.get(error.code, "")
        raise ValueError(f"{self.url}: the server answers {error.code} {said}".rstrip()) from None

    def _resumable(self) -> int:
        """Bytes that may be kept: of the same URL, with a hash or the server's mark to check."""
        state = _state(self.part)
        if state.get("url") != self.url or not (self.trusted or state.get("validator")):
            _discard(self.part)
        return self.part.stat().st_size if self.part.is_file() else 0

    def _receive(self, response: Any, have: int, again: int) -> None:
        if response.headers.get_content_type() == "text/html":
            raise ValueError(f"{self.url} is a page, not a file: a browser shows what it says")
        start = self._start(response, have, again)
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if re.fullmatch(r"\d{1,18}", length) else 0
        self._bound(max(total, start))
        if start:
            self._require_same(response.read(again), again)
        _write_record(self.part, self.url, response.headers)
        try:
            with self.part.open("ab" if start else "wb") as opened:
                done = self._copy(response, opened, start + again if start else 0, total)
        except ValueError:  # too large: what came is of no use
            _discard(self.part)
            raise
        if done < total:
            raise _Broken(f"the connection broke after {done} of {total} bytes")

    def _require_same(self, repeated: bytes, again: int) -> None:
        """Go on only where the server repeats the last bytes that are there."""
        if len(repeated) < again:
            raise _Broken("the connection broke")
        if repeated != _tail(self.part, again):
            _discard(self.part)
            raise _Broken("the server goes on with another file than it began")

    def _start(self, response: Any, have: int, again: int) -> int:
        """The byte with which an answer begins: 0, or what was asked for of the same version."""
        if response.status != 206:
            return 0
        begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        mark = _state(self.part).get("validator", "")
        if begins is None or int(begins[1]) != have - again or _mark(response.headers) != mark:
            _discard(self.part)
            raise _Broken("the server sent another range, or another version, than asked")
        return have - again

    def _copy(self, response: Any, opened: IO[bytes], done: int, total: int) -> int:
        since, first = time.monotonic(), done
        while block := response.read1(_BLOCK):
            done += len(block)
            self._bound(done)
            opened.write(block)
            self.advance(done, total)
            if done - first >= _BLOCK:
                since, first = time.monotonic(), done
            elif time.monotonic() - since > _PATIENCE:
                raise _Broken("the connection is too slow")
        return done

    def _bound(self, size: int) -> None:
        if size > self.limit:
            raise ValueError(
                f"{self.url} is larger than {self.limit} bytes: fetch it by hand if you want it"
            )


class _Redirects(HTTPRedirectHandler):
    """Follow redirections, but never from https to a URL that is not."""

    def redirect_request(  # noqa: PLR0917 - the standard library's signature
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise ValueError(f"{req.full_url} leads to {newurl!r}, which is not encrypted: refused")
        checked_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(request: Request) -> Any:
    # A proxy is for other machines.
    here = _is_loopback(urlsplit(request.full_url).hostname or "")
    opener = build_opener(_Redirects, *([ProxyHandler({})] if here else []))
    return opener.open(request, timeout=30)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _state(part: Path) -> dict[str, str]:
    try:
        content = read_object(_record(part), "the record of a download")
    except ValueError:
        return {}
    return {name: value for name, value in content.items() if isinstance(value, str)}


def _write_record(part: Path, url: str, headers: Any) -> None:
    """Keep the server's mark of this version of the file, with which a range is asked for."""
    content = {"url": url, "validator": _mark(headers)}
    write_whole(_record(part), json.dumps(content))


def _mark(headers: Any) -> str:
    mark = headers.get("ETag") or ""
    if not mark or mark.startswith("W/"):
        mark = headers.get("Last-Modified") or ""
    return str(mark)


def _tail(path: Path, count: int) -> bytes:
    """The last bytes of a file."""
    with path.open("rb") as opened:
        opened.seek(-count, os.SEEK_END)
        return opened.read(count)


def _beside(target: Path, kind: str) -> Path:
    """A file of our own beside a target, by a name that no user gives."""
    return target.with_name(f"{target.name}.passerby-{kind}")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _record(part).unlink(missing_ok=True)


def _record(path: Path) -> Path:
    return _beside(path, "record")


def recorded_sha256(target: Path) -> str:
    """What a file had when it was fetched, or "" when it was not."""
    return _state(target).get("sha256", "")


def verified(path: Path, sha256: str) -> str:
    """The SHA-256 of a file; ValueError when it does not begin as it should."""
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    if not digest.startswith(sha256.lower()):
        raise ValueError(
            f"{path} has the SHA-256 {digest}, expected {sha256.lower()}: it is damaged or not the "
            "file that was meant; delete it if it is there, and fetch it again"
        )
    return digest
