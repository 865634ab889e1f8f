"""Where the ledger of a gallery lies, and one who decides at a time.

``decisions.sqlite`` in the gallery's folder, readable by its owner alone; of a gallery on a server
in the folder that the environment variable PASSERBY_STATE names, for those who decide to share; of
one in memory in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakKeyDictionary

from filelock import FileLock, Timeout

from passerby.gallery.ledger.file import LedgerFile
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.stores.files_beside import file_beside

PATIENCE = 600.0
"""Seconds that one decision waits for others."""


@dataclass(eq=False)
class _InMemory:
    """Of a gallery of this process, for one thread at a time."""

    file: LedgerFile = field(default_factory=lambda: LedgerFile.opened(None))
    lock: threading.RLock = field(default_factory=threading.RLock)


_MEMORY: WeakKeyDictionary[Store, _InMemory] = WeakKeyDictionary()
_making = threading.Lock()


def decisions_path(store: Store) -> Path | None:
    """Where the ledger of a gallery is, None for one in memory. Raises ValueError for one on a
    server without a folder."""
    if store.folder is None and not store.plain.lasting:
        return None
    return file_beside(
        store,
        "decisions",
        "who decided what is kept on this machine, and a gallery on a server has no folder: name "
        "one in the environment variable PASSERBY_STATE, the same for all who decide",
    )


def has_ledger(store: Store) -> bool:
    """Whether there is one, here."""
    try:
        path = decisions_path(store)
    except ValueError:
        return False
    return store.plain in _MEMORY if path is None else path.exists()


@contextmanager
def reading(store: Store) -> Iterator[LedgerFile | None]:
    """The ledger as it is, None where nobody decided anything.

    Raises ValueError where decisions were made whose ledger is not here, and for a damaged file.
    """
    if has_ledger(store):
        with _opened(store) as file:
            yield file
        return
    made = store.refresh_about().decisions
    if made:
        raise ValueError(
            f"{count_of(made, 'decision of people holds', 'decisions of people hold')} in this "
            "gallery, of who is who, and the ledger of it is not here: expected the file "
            f"{decisions_path(store)}"
        )
    yield None


@contextmanager
def deciding(store: Store) -> Iterator[LedgerFile]:
    """The ledger, made where there is none, while nobody else decides."""
    with reading(store):  # ValueError where it should be there and is not
        pass
    with _alone(decisions_path(store)), _opened(store) as file:
        yield file


@contextmanager
def standing_still(store: Store) -> Iterator[Callable[[int], set[str]]]:
    """While nobody decides: tells the sightings about which something was decided, or taken back,
    after the event of a number."""
    try:
        path = decisions_path(store)
    except ValueError:  # on a server, and nobody decides here
        path = None
    with _alone(path):
        if not has_ledger(store):
            yield lambda number: set()
            return
        with _opened(store) as file:
            yield file.touched_since


@contextmanager
def _alone(path: Path | None) -> Iterator[None]:
    """No other process decides; of a ledger in memory `_opened` sees to that."""
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_suffix(".lock"), timeout=PATIENCE)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"{path}: another process has been deciding for {PATIENCE:.0f} s; wait until it is done"
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _opened(store: Store) -> Iterator[LedgerFile]:
    path = decisions_path(store)
    if path is None:
        with _making:
            kept = _MEMORY.setdefault(store.plain, _MEMORY.get(store.plain) or _InMemory())
        with kept.lock:
            yield kept.file
        return
    file = LedgerFile.opened(path)
    try:
        yield file
    finally:
        file.close()
