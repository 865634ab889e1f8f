"""``milvus://[USER:PASSWORD@|TOKEN@]HOST:PORT/COLLECTION``: what the text of an address says."""

from __future__ import annotations

import logging.config
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from passerby.extras import lacking
from passerby.stores.opening import shown

TOKEN_VARIABLE = "PASSERBY_MILVUS_TOKEN"
"""Of the environment: USER:PASSWORD or a token, so that it need not stand in a command line."""

Client = Any
"""A pymilvus.MilvusClient, which has no types."""


@dataclass(frozen=True)
class Address:
    """What the text of an address says. shown: without its credentials, for messages.

    tls: speak TLS; ca: file of the certificate that is trusted, "" for those of the system; cert
    and key: files of this client, where the server asks for them; name: host name in the server's
    certificate when it is another one than HOST; database: of the server, "" for its default one;
    consistency: of searches; patience: seconds for which a server that does not answer is asked
    again.
    """

    uri: str
    shown: str
    collection: str
    token: str = ""
    tls: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""
    name: str = ""
    database: str = ""
    consistency: str = "bounded"
    patience: float = 30.0

    @classmethod
    def from_text(cls, text: str) -> Address:
        """Read ``milvus://[USER:PASSWORD@|TOKEN@]HOST[:PORT]/COLLECTION[?OPTION=VALUE&...]``.

        Without a host, ``milvus:///FOLDER/FILE.db/COLLECTION`` is a file of Milvus Lite. Raises
        ValueError, which never repeats the credentials.
        """
        place = shown(text)
        try:
            parts = urlsplit(text)
        except ValueError:  # whose message repeats what it could not read
            raise ValueError(f"{place}: expected milvus://HOST:PORT/COLLECTION") from None
        path, _, collection = parts.path.rpartition("/")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,254}", collection):
            raise ValueError(
                f"{place}: expected milvus://HOST:PORT/COLLECTION, and a collection is named by "
                f"letters, digits and _, got {collection!r}"
            )
        options = _options(place, parts.query)
        if not parts.netloc and path.endswith(".db"):
            return cls(path, place, collection, **options)
        try:
            host, port = parts.hostname, parts.port or 19530
        except ValueError:
            host, port = None, 0
        if not host or path:
            raise ValueError(f"{place}: expected milvus://HOST:PORT/COLLECTION")
        token = ":".join(unquote(each) for each in (parts.username, parts.password) if each)
        uri = f"{'https' if options.get('tls') else 'http'}://{host}:{port}"
        return cls(uri, place, collection, token or os.environ.get(TOKEN_VARIABLE, ""), **options)

    @property
    def lite(self) -> bool:
        """Whether it is a file of Milvus Lite."""
        return self.uri.endswith(".db")

    def connect(self) -> Client:
        """A client of its own: a shared one would not tell TLS from none."""
        files = {"ca_pem_path": self.ca, "client_pem_path": self.cert, "client_key_path": self.key}
        if not self.cert:
            files = {"server_pem_path": self.ca}
        return pymilvus().MilvusClient(
            uri=self.uri,
            token=self.token,
            db_name=self.database,
            timeout=self.patience,
            dedicated=True,
            server_name=self.name,
            **files,
        )


def _options(place: str, query: str) -> dict[str, Any]:
    """The options of an address, each with its type."""
    known: dict[str, Callable[[str], object]] = {
        "tls": lambda text: {"0": False, "1": True}[text],
        "ca": str,
        "cert": str,
        "key": str,
        "name": str,
        "database": str,
        "consistency": lambda text: {"bounded": text, "strong": text}[text],
        "patience": float,
    }
    options = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            raise ValueError(f"{place}: no option is named {name!r}, only {', '.join(known)}")
        try:
            options[name] = known[name](text)
        except (KeyError, ValueError):
            raise ValueError(f"{place}: {name} cannot be {text!r}") from None
    if not options.get("tls") and any(name in options for name in ("ca", "cert", "key", "name")):
        raise ValueError(f"{place}: ca, cert, key and name go with tls=1")
    if ("cert" in options) != ("key" in options) or ("cert" in options and "ca" not in options):
        raise ValueError(f"{place}: cert needs key and ca beside it")
    return options


def pymilvus() -> Any:
    """The client's package. Raises ValueError where it is not installed."""
    try:
        with _handlers_kept():
            import pymilvus
    except ImportError as error:
        raise lacking("a gallery on a Milvus server", "pymilvus", "milvus", error) from None
    return pymilvus


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """While pymilvus is imported its configuration of logging is passed over.

    Python closes all handlers of the process before it applies one: files that others log to, and
    where absl is loaded (OpenVINO brings it) even a stderr that has been redirected since.
    """
    configure = logging.config.dictConfig
    if "pymilvus" not in sys.modules:
        logging.config.dictConfig = lambda config: None
    try:
        yield
    finally:
        logging.config.dictConfig = configure
