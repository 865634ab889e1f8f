"""Servers of one's own, by address in the environment, that the conformance suite runs on, too."""

from __future__ import annotations

import os
import uuid

VARIABLES = {"own-milvus": "PASSERBY_MILVUS_URL", "own-postgres": "PASSERBY_POSTGRES_URL"}
"""``milvus://[USER:PASSWORD@]HOST:PORT[?OPTIONS]``, ``postgres://[...]HOST[:PORT]/DATABASE[?...]``:
addresses of galleries without the gallery."""


def named() -> list[str]:
    """Those that the environment names."""
    return [name for name, variable in VARIABLES.items() if os.environ.get(variable)]


class OwnServers:
    """Galleries of names that nothing else has, all of which `remove` removes again."""

    def __init__(self) -> None:
        self._made: list[str] = []
        self._bare: list[str] = []  # databases without the extension

    def place(self, name: str) -> str:
        """Where to make a gallery on the server of that name."""
        server, mark, options = os.environ[VARIABLES[name]].partition("?")
        place = f"{server.rstrip('/')}/passerby_test_{uuid.uuid4().hex}{mark}{options}"
        if name == "own-postgres" and not self._made and not _has_extension(place):
            self._bare.append(place)
        self._made.append(place)
        return place

    def remove(self) -> None:
        """Remove all galleries, and the extension where the first of them brought it."""
        for place in self._made:
            if place.startswith("milvus"):
                _drop_collection(place)
            else:
                _drop_schema(place)
        for place in self._bare:
            _drop_extension(place)


def _drop_collection(place: str) -> None:
    from passerby.stores.engines.milvus.address import Address

    address = Address.from_text(place)
    client = address.connect()
    client.drop_collection(address.collection)  # also where there is none
    client.close()


def _drop_schema(place: str) -> None:
    from psycopg import sql

    from passerby.stores.engines.postgres.address import Address

    address = Address.from_text(place)
    with address.connect() as connection:
        schema = sql.Identifier(address.gallery)
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))


def _has_extension(place: str) -> bool:
    from passerby.stores.engines.postgres.address import Address

    with Address.from_text(place).connect() as connection:
        found = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'")
        return found.fetchone() is not None


def _drop_extension(place: str) -> None:
    from passerby.stores.engines.postgres.address import Address

    with Address.from_text(place).connect() as connection:
        connection.execute("DROP EXTENSION IF EXISTS vector")
