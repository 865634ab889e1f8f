"""Where a gallery lies, and so which engine keeps it: a folder, or SCHEME://... of another one."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import cast

from passerby.extras import lacking
from passerby.process.spelling import suggest
from passerby.stores import Store, StoreUnavailable, engines
from passerby.stores.about import About

_FOLDER_ENGINE = "lancedb"


def create_store(place: str | os.PathLike[str], about: About) -> Store:
    """Make an empty gallery. Raises ValueError when there is something already."""
    return _engine(place).create(os.fspath(place), about)


def open_store(place: str | os.PathLike[str]) -> Store:
    """Open a gallery. Raises ValueError when there is none, or one of a newer format."""
    return _engine(place).open(os.fspath(place))


def open_or_create_store(
    place: str | os.PathLike[str], about: About, same: Callable[[About], bool]
) -> Store:
    """Make a gallery, or go on with the one there if it is the ``same`` work, begun before.

    Raises ValueError when there is another gallery or something else.
    """
    try:
        return create_store(place, about)
    except StoreUnavailable:
        raise
    except ValueError as error:
        try:
            there = open_store(place)
        except ValueError:
            raise error from None  # it is no gallery: what making one said is what helps
    if not same(there.about):
        there.close()
        raise ValueError(f"there is another gallery at {shown(place)}: name a new place")
    return there


def shown(place: str | os.PathLike[str]) -> str:
    """A place for messages: without what an address says of users, passwords and options.

    Everything before the last @ goes, also where a password was not written as in a URL.

    >>> shown("milvus://root:secret@db:19530/lobby?tls=1"), shown("galleries/lobby")
    ('milvus://db:19530/lobby', 'galleries/lobby')
    >>> shown("postgres://me:se/cr?et@db/people/lobby")
    'postgres://db/people/lobby'
    """
    scheme, separator, rest = os.fspath(place).partition("://")
    if not separator:
        return os.fspath(place)
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def engine_of(place: str | os.PathLike[str]) -> str:
    """The name of the engine: the scheme of an address, LanceDB for a folder.

    >>> engine_of("milvus://localhost:19530/lobby"), engine_of("galleries/lobby")
    ('milvus', 'lancedb')
    """
    scheme, separator, _ = os.fspath(place).partition("://")
    return scheme if separator else _FOLDER_ENGINE


def _engine(place: str | os.PathLike[str]) -> type[Store]:
    name = engine_of(place)
    known = sorted(module.name for module in iter_modules(engines.__path__))
    if name not in known:
        raise ValueError(
            f"{shown(place)}: no gallery engine is named {name!r}{suggest(name, known)}; a gallery "
            "is a folder, milvus://HOST:PORT/COLLECTION or postgres://HOST:PORT/DATABASE/GALLERY"
        )
    try:
        return cast(type[Store], import_module(f"passerby.stores.engines.{name}").ENGINE)
    except ImportError as error:  # other engines import their clients later, and say so themselves
        if name != _FOLDER_ENGINE:
            raise
        raise lacking("a gallery in a folder", "LanceDB", "gallery", error) from None
