"""API keys: who may ask a server for what. Their hashes are kept, a key itself is shown once.

A key is 256 random bits, which nobody guesses: SHA-256 is enough to keep it by, where a password
that a person chose would need a slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

from filelock import FileLock

from passerby.process.json_files import read_object, read_value
from passerby.process.reporting import printable
from passerby.process.spelling import suggest
from passerby.process.whole_files import replacing

Scope = Literal["read", "write", "delete", "admin"]
"""read: search and look; write: add, name, answer; delete: forget; admin: the audit log. None holds
another one."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

FORMAT = 1
_START = "passerby_"  # so that searches for leaked secrets know one when they see it
_LONGEST = 64  # characters of a name


@dataclass(frozen=True)
class Key:
    """name: of who has it; scopes: what it is for; created, expires: when, ISO 8601 in UTC, ""
    where it never does."""

    name: str
    scopes: frozenset[Scope]
    created: str = ""
    expires: str = ""

    def expired(self, now: datetime | None = None) -> bool:
        """Whether it is of no use any more."""
        return self.expires != "" and datetime.fromisoformat(self.expires) <= (
            now or datetime.now(UTC)
        )


@dataclass(frozen=True)
class _Kept:
    """As a key lies in the file. hash: SHA-256 of the secret, hexadecimal."""

    name: str
    scopes: tuple[Scope, ...]
    hash: str
    created: str
    expires: str

    @property
    def key(self) -> Key:
        return Key(self.name, frozenset(self.scopes), self.created, self.expires)


class Keys:
    """The keys in ``keys.json`` of a folder, which only its owner may read. It may be used from
    several threads and processes.

    Raises:
        ValueError: The file is damaged, or of a newer Passerby.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "keys.json"
        self._seen: tuple[int, ...] = ()
        self._kept: tuple[_Kept, ...] = ()
        self._now()

    def find(self, secret: str) -> Key | None:
        """Whose key this is, None for nobody's and for one that has expired. Each is compared in a
        time that says nothing of it. Raises ValueError where the file is damaged by now."""
        wanted = _hash(secret)
        found = None
        for kept in self._now():  # all of them, whichever it is
            if hmac.compare_digest(kept.hash, wanted):
                found = kept.key
        return None if found is None or found.expired() else found

    def any(self) -> bool:
        """Whether there is one, expired or not. Raises as `find`."""
        return bool(self._now())

    def all(self) -> tuple[Key, ...]:
        """All of them, in the order in which they were made. Raises as `find`."""
        return tuple(kept.key for kept in self._now())

    def add(self, name: str, scopes: Collection[str], days: float | None = None) -> str:
        """Make a key and return it: it cannot be shown again.

        Args:
            name: Of who gets it, as the audit log will have it.
            scopes: One or more of `SCOPES`.
            days: After which it is of no use any more; None: it stays.

        Raises:
            ValueError: The name is taken or none, or a scope is not known.
        """
        _require_name(name)
        _require_scopes(scopes)
        if days is not None and not 0 < days < 100_000:
            raise ValueError(f"a key lasts for more than 0 and fewer than 100,000 days, got {days}")
        secret = _START + secrets.token_urlsafe(32)
        now = datetime.now(UTC)
        expires = "" if days is None else _text(now + timedelta(days=days))
        chosen = tuple(scope for scope in SCOPES if scope in scopes)
        with self._changing() as before:
            if any(kept.name == name for kept in before):
                raise ValueError(f"there is a key of {name!r} already: revoke it first")
            self._write((*before, _Kept(name, chosen, _hash(secret), _text(now), expires)))
        return secret

    def revoke(self, name: str) -> None:
        """From now on nobody can use the key. Raises ValueError for a name that none has."""
        with self._changing() as before:
            left = tuple(kept for kept in before if kept.name != name)
            if len(left) == len(before):
                known = [kept.name for kept in before]
                raise ValueError(f"no key is of {name!r}{suggest(name, known)}")
            self._write(left)

    def _now(self) -> tuple[_Kept, ...]:
        """As the file has them by now."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._seen, self._kept = (), ()
            return ()
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            self._kept = self._read()
            self._seen = seen
        return self._kept

    def _read(self) -> tuple[_Kept, ...]:
        content = read_object(self._path, "a file of keys", FORMAT)
        kept: tuple[_Kept, ...] = read_value(
            tuple[_Kept, ...], content.get("keys"), f"keys in {self._path}"
        )
        for one in kept:
            one.key.expired()  # ValueError for what is no time
        return kept

    @contextmanager
    def _changing(self) -> Iterator[tuple[_Kept, ...]]:
        with FileLock(self._path.with_suffix(".lock"), mode=0o600):
            yield self._now()

    def _write(self, kept: tuple[_Kept, ...]) -> None:
        content = {"format": FORMAT, "keys": [asdict(one) for one in kept]}
        with replacing(self._path, private=True) as file:
            file.write(json.dumps(content, indent=1).encode())


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _require_name(name: str) -> None:
    if not name.strip() or len(name) > _LONGEST or printable(name) != name or "\n" in name:
        raise ValueError(
            f"a key's name is of 1 to {_LONGEST} characters that can be printed, got {name[:80]!r}"
        )


def _require_scopes(scopes: Collection[str]) -> None:
    if not scopes:
        raise ValueError(f"a key is for something: name one or more of {', '.join(SCOPES)}")
    for scope in scopes:
        if scope not in SCOPES:
            raise ValueError(
                f"no scope is named {scope!r}{suggest(scope, SCOPES)}: {', '.join(SCOPES)}"
            )
