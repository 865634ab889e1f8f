"""``postgres://[USER[:PASSWORD]@][HOST[:PORT]]/DATABASE/GALLERY``: what the text says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from passerby.extras import lacking
from passerby.stores.opening import shown

if TYPE_CHECKING:
    from psycopg import Connection

_EXPECTED = "expected postgres://HOST:PORT/DATABASE/GALLERY"
_PASSED_ON = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "host")
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True, repr=False)
class Address:
    """What the text of an address says. shown: without its credentials, for messages.

    database: of the server; gallery: the schema in it; host: name, or folder of the server's
    socket, "" for what libpq takes; port: 0 likewise, as are user and password (PGPASSWORD,
    ~/.pgpass); tls: libpq's options by name (sslmode, sslrootcert, ...); patience: seconds for
    which a server that does not answer is asked again.
    """

    shown: str
    database: str
    gallery: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    tls: tuple[tuple[str, str], ...] = ()
    patience: float = 30.0

    @classmethod
    def from_text(cls, text: str) -> Address:
        """Read ``postgres://[USER[:PASSWORD]@][HOST[:PORT]]/DATABASE/GALLERY[?OPTION=VALUE&...]``.

        Raises ValueError, which never repeats the credentials.
        """
        place = shown(text)
        try:
            parts = urlsplit(text)
            port, host = parts.port or 0, parts.hostname or ""
        except ValueError:  # whose message repeats what it could not read
            raise ValueError(f"{place}: {_EXPECTED}") from None
        names = parts.path.split("/")
        if len(names) != 3 or not names[1]:
            raise ValueError(f"{place}: {_EXPECTED}")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", names[2]):
            raise ValueError(
                f"{place}: {_EXPECTED}, and a gallery is named by letters, digits and _, at most "
                f"63, got {names[2]!r}"
            )
        options = _options(place, parts.query)
        host = options.pop("host", host)
        patience = _seconds(place, options.pop("patience", "30"))
        return cls(
            shown=place,
            database=unquote(names[1]),
            gallery=names[2],
            host=host,
            port=port,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls=tuple(options.items()),
            patience=patience,
        )

    def connect(self) -> Connection[Any]:
        """A connection, without any table being looked for."""
        given = {"host": self.host, "port": self.port, "user": self.user}
        given |= {"password": self.password}
        options: dict[str, Any] = {name: value for name, value in given.items() if value}
        return psycopg().connect(
            dbname=self.database,
            application_name="passerby",
            client_encoding="utf8",
            connect_timeout=max(2, min(10, int(self.patience))),
            keepalives_idle=30,
            prepare_threshold=None,  # poolers between would lose prepared statements
            **options,
            **dict(self.tls),
        )


def _options(place: str, query: str) -> dict[str, str]:
    """The options of an address, each a known one."""
    known = (*_PASSED_ON, "patience")
    options: dict[str, str] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise ValueError(f"{place}: no option is named {name!r}, only {', '.join(known)}")
        options[name] = text
    mode = options.get("sslmode", "prefer")
    if mode not in _SSL_MODES:
        raise ValueError(f"{place}: sslmode cannot be {mode!r}, only {', '.join(_SSL_MODES)}")
    return options


def _seconds(place: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{place}: patience cannot be {text!r}") from None


def psycopg() -> Any:
    """The driver. Raises ValueError where it or pgvector's package is not installed."""
    try:
        import pgvector
        import psycopg
    except ImportError as error:
        package = "psycopg and pgvector"
        raise lacking("a gallery in PostgreSQL", package, "postgres", error) from None
    del pgvector
    return psycopg
