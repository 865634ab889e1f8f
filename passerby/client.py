"""Client of a gallery that `passerby serve` gives out over HTTP, of the standard library alone.

The answers are those of docs/server.md, as JSON holds them.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

Image = str | os.PathLike[str] | bytes
"""The path of a JPEG, PNG or WebP file, or its content."""

Query = Mapping[str, object]
"""Parameters of a route; several values as a list, times as `datetime` with a zone."""

_STARTS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}
_BUSY = (429, 503)  # the server took nothing, and says when to come again
_PAGE = 500  # sightings asked for at once


class ServerError(ValueError):
    """What the server refused. status: of HTTP, 0 where nobody answered; detail: what was expected,
    what came, what to do; retry_after: seconds, where the server named them."""

    def __init__(self, status: int, detail: str, retry_after: float | None = None) -> None:
        super().__init__(f"{detail} ({status})" if status else detail)
        self.status, self.detail, self.retry_after = status, detail, retry_after


@dataclass(frozen=True)
class _Body:
    content: bytes
    kind: str


class Client:
    """A server, and one gallery of it. It may be used from several threads at once.

    Args:
        url: Of the server, as in "http://127.0.0.1:8765".
        key: That ``passerby serve keys add`` showed; "" for a server that asks for none.
        gallery: By its name; "": the server's first.
        timeout: Seconds for connecting and for each part of an answer.
        patience: Seconds in all that a request waits while the server says it is too busy.

    Raises:
        ValueError: The url is none of http or https.

    Examples:
        ``Client("http://127.0.0.1:8765").search("a.jpg")["matches"]``
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        gallery: str = "",
        *,
        timeout: float = 60.0,
        patience: float = 30.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected the address of a server, as http://HOST:PORT, got {url!r}")
        self._secure, self._netloc = parts.scheme == "https", parts.netloc.rpartition("@")[2]
        self._path, self._key, self._gallery = parts.path.rstrip("/"), key, gallery
        self._timeout, self._patience = timeout, patience

    def search(
        self,
        images: Image | Sequence[Image] = (),
        *,
        vector: Sequence[float] = (),
        sighting: str = "",
        k: int = 10,
        where: Query | None = None,
    ) -> Any:
        """Who is this, of all that the gallery holds, or nobody of them?

        Args:
            images: One, or several of one person; or in their place:
            vector: Of the gallery's model, [D], or
            sighting: The id of one that the gallery holds.
            k: Passages in the answer.
            where: Filter and options of the route, as ``{"camera": ["door"], "fpir": 0.001}``.

        Raises:
            ServerError: The server refused, or does not answer.
            ValueError: Not one of the three was given, or a file is no image of a known type.
        """
        given = [images] if isinstance(images, str | os.PathLike | bytes) else [*images]
        asked = [name for name in (given, list(vector), sighting) if name]
        if len(asked) != 1:
            raise ValueError("expected images, a vector or a sighting to search with: one of these")
        body = _images(given) if given else _json({"sighting": sighting})
        if len(vector):
            body = _json({"vector": [float(number) for number in vector]})
        return self._ask("POST", "/v1/search", {"k": k, **(where or {})}, body)

    def add(self, images: Image | Sequence[Image], said: Query | None = None) -> Any:
        """Add sightings, one of each image; on return they are on the server's disk.

        Args:
            images: One, or several; what is there already is not added twice.
            said: Of all of them, as ``{"camera": "door", "time": datetime.now(UTC)}``.

        Raises:
            ServerError: The server refused, or does not answer.
            ValueError: A file is no image of a known type.
        """
        listed = [images] if isinstance(images, str | os.PathLike | bytes) else [*images]
        return self._ask("POST", "/v1/sightings", said or {}, _images(listed))

    def embed(self, images: Image | Sequence[Image]) -> Any:
        """A vector of length 1 of each image, by the gallery's model. Raises as `add`."""
        listed = [images] if isinstance(images, str | os.PathLike | bytes) else [*images]
        return self._ask("POST", "/v1/embed", {}, _images(listed))

    def sightings(self, where: Query | None = None) -> Iterator[Any]:
        """All that satisfy a filter, the newest first, asked for page by page. Raises ServerError
        where the server refuses, or does not answer."""
        asked: dict[str, object] = {"limit": _PAGE, **(where or {})}
        while True:
            page = self._ask("GET", "/v1/sightings", asked)
            yield from page["sightings"]
            if page["next"] is None:
                return
            asked["after"] = page["next"]

    def get(self, route: str, query: Query | None = None) -> Any:
        """The answer of any route that only reads, as ``get("/v1/visitors", {"by": "hour"})``: JSON
        as Python holds it, a picture as bytes. Raises ServerError."""
        return self._ask("GET", route, query or {})

    def post(self, route: str, content: object, query: Query | None = None) -> Any:
        """The answer of any route that takes JSON. Raises ServerError."""
        return self._ask("POST", route, query or {}, _json(content))

    def delete(self, route: str, query: Query | None = None) -> Any:
        """Forget, as ``delete("/v1/sightings", {"person": "anna", "expected": 3})``. Raises
        ServerError."""
        return self._ask("DELETE", route, query or {})

    def _ask(self, method: str, route: str, query: Query, body: _Body | None = None) -> Any:
        left = self._patience
        while True:
            try:
                return self._once(method, self._target(route, query), body)
            except ServerError as error:
                pause = error.retry_after
                if error.status not in _BUSY or pause is None or pause > left:
                    raise
            left -= max(pause, 0.1)
            time.sleep(pause)

    def _target(self, route: str, query: Query) -> str:
        """The path of a request, to be quoted where a person's name may stand in it."""
        path, _, before = route.partition("?")
        pairs = [
            (name, _text(value))
            for name, values in {"gallery": self._gallery or None, **query}.items()
            for value in (values if isinstance(values, list | tuple | set) else [values])
            if value is not None
        ]
        if "gallery=" in before:  # a route that the server gave
            pairs = [pair for pair in pairs if pair[0] != "gallery"]
        said = "&".join(filter(None, [before, urlencode(pairs)]))
        return self._path + quote(path, safe="/%") + (f"?{said}" if said else "")

    def _once(self, method: str, target: str, body: _Body | None) -> Any:
        headers = {"User-Agent": "passerby", "Accept": "application/json, */*;q=0.5"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        if body is not None:
            headers["Content-Type"] = body.kind
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._netloc, timeout=self._timeout)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent
                connection.request(method, target, None if body is None else body.content, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise ServerError(0, f"no answer from {self._netloc}: {reason}") from None
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise ServerError(answer.status, _detail(content, answer.reason), _seconds(answer))
        named = answer.getheader("Content-Type", "")
        return json.loads(content) if named.partition(";")[0] == "application/json" else content


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _json(content: object) -> _Body:
    return _Body(json.dumps(content).encode(), "application/json")


def _images(images: Sequence[Image]) -> _Body:
    """One image as it is, several as the parts of a form; paths stay on this machine."""
    bodies = [_image(image) for image in images]
    if len(bodies) == 1:
        return bodies[0]
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{number}"\r\n'
        f"Content-Type: {body.kind}\r\n\r\n".encode()
        + body.content
        + b"\r\n"
        for number, body in enumerate(bodies, 1)
    ]
    whole = b"".join([*parts, f"--{boundary}--\r\n".encode()])
    return _Body(whole, f"multipart/form-data; boundary={boundary}")


def _image(image: Image) -> _Body:
    content = image if isinstance(image, bytes) else Path(image).read_bytes()
    for start, kind in _STARTS.items():
        if content.startswith(start):
            return _Body(content, kind)
    named = "the image" if isinstance(image, bytes) else os.fspath(image)
    raise ValueError(f"{named} is none of JPEG, PNG and WebP, which a server takes: convert it")


def _detail(content: bytes, reason: str) -> str:
    """What a problem+json says; the reason where something else answered, as a proxy."""
    try:
        return str(json.loads(content)["detail"])
    except (ValueError, KeyError, TypeError):
        return reason


def _seconds(answer: http.client.HTTPResponse) -> float | None:
    text = answer.getheader("Retry-After", "")
    return float(text) if text.isdecimal() else None
