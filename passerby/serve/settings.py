"""How a server was started, and its bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

DEFAULT_PORT = 8765


@dataclass(frozen=True)
class Limits:
    """Bounds of one request and of one process. bytes: of a body; images: in one body; seconds: a
    request may take; threads: that work on galleries; waiting: requests that wait for one, above
    which more are told to come again; patience: seconds that a stop waits for what was taken."""

    bytes: int = 32_000_000
    images: int = 16
    seconds: float = 60.0
    threads: int = 4
    waiting: int = 64
    patience: float = 30.0


@dataclass(frozen=True)
class Settings:
    """galleries: place by name, the first is the default; model, device, runtime: as
    `Gallery.open` takes them; detector: file of a detector of persons, "" for none; state: folder
    of keys and audit log, "" for the usual one; behind_proxy: a proxy decides who may ask, where
    there are no keys; keys: they are asked for on this machine as well."""

    galleries: Mapping[str, str]
    model: str | None = None
    device: str | None = None
    runtime: str = "auto"
    detector: str = ""
    state: str = ""
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    workers: int = 1
    behind_proxy: bool = False
    keys: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not self.galleries:
            raise ValueError("expected at least one gallery: --gallery [NAME=]PLACE")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"a port is a number from 0 to 65535, got {self.port}")
        if self.workers < 1:
            raise ValueError(f"workers must be 1 or more, got {self.workers}")

    @property
    def guarded(self) -> bool:
        """Whether nobody without a key may ask anything."""
        return self.keys or not (self.local or self.behind_proxy)

    @property
    def asks_keys(self) -> bool:
        """Whether a key is asked for where there are some."""
        return self.guarded or self.behind_proxy

    @property
    def local(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is of this machine alone.

    >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def named_places(given: tuple[str, ...]) -> dict[str, str]:
    """Places by name, of ``[NAME=]PLACE``; without a name it is the last part of the place.

    Raises ValueError for a name that comes twice.

    >>> named_places(("lobby=/data/g1", "/data/shop", "milvus://db:19530/hall"))
    {'lobby': '/data/g1', 'shop': '/data/shop', 'hall': 'milvus://db:19530/hall'}
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, place = text.partition("=")
        if not equals or "/" in name:
            place = text
            name = place.partition("?")[0].rstrip("/").rpartition("/")[2]
        if not name or name in found:
            raise ValueError(f"each gallery needs a name of its own (NAME=PLACE), got {text!r}")
        found[name] = place
    return found
