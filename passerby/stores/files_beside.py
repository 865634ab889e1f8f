"""Files that lie beside a gallery's sightings, in SQLite: where, and all or nothing written."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from passerby.stores import Store


def file_beside(store: Store, name: str, why: str) -> Path:
    """The file "NAME.sqlite" of a gallery: in its folder, or of one on a server in the folder that
    the environment variable PASSERBY_STATE names.

    Raises ValueError, with why it is kept on this machine, for one on a server without that folder.
    """
    if store.folder is not None:
        return store.folder / f"{name}.sqlite"
    folder = os.environ.get("PASSERBY_STATE", "")
    if not folder:
        raise ValueError(why)
    about = store.about
    own = hashlib.blake2b(f"{about.model} {about.created}".encode(), digest_size=8).hexdigest()
    return Path(folder) / f"{name}-{own}.sqlite"


@contextmanager
def writing(base: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of it or nothing; base: with ``isolation_level=None``."""
    base.execute("BEGIN IMMEDIATE")
    try:
        yield base
    except BaseException:
        base.execute("ROLLBACK")
        raise
    base.execute("COMMIT")
