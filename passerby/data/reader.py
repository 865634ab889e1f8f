"""How a folder on disk becomes a Split: the contract of a data set reader, and ``[KIND=]ROOT``."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from passerby.data.records import Split
from passerby.registry import DATASETS, Call


@dataclass(frozen=True)
class Published:
    """What the authors count in one part: images, persons, cameras (None: not published)."""

    images: int
    persons: int | None = None
    cameras: int | None = None


class Reader(ABC):
    """Reads one layout. The constructor takes the reader's options; all have defaults.

    layout: the tree that is expected, shown when it is not found. published: the authors' counts
    by part, for ``passerby data check``. generic: the layout is so loose that it is only guessed
    when no other fits.
    """

    layout: ClassVar[str]
    generic: ClassVar[bool] = False
    published: ClassVar[Mapping[str, Published]] = {}

    @abstractmethod
    def locate(self, root: Path) -> Path | None:
        """The folder at or directly below ``root`` that holds this layout, None when there is none.

        Must be quick (look for folder and list names, open no image): it is also used to guess
        the kind of a root.
        """

    @abstractmethod
    def read(self, root: Path) -> Split:
        """Read the layout at ``root`` (as found by `locate`).

        Raises ValueError saying what was expected and what came when the layout is broken.
        """


def read_split(data: str) -> Split:
    """Read a data set named as ``[KIND=]ROOT``, as the command line's ``--data`` takes it.

    KIND is a reader's name, with options if need be: ``msmt17(val=separate)=ROOT``. Without it the
    kind is guessed from the layout. Raises ValueError when nothing there can be read.
    """
    reader, located = open_reader(data)
    return reader.read(located)


def open_reader(data: str) -> tuple[Reader, Path]:
    """The reader and the located root for ``[KIND=]ROOT``; errors as `read_split`."""
    kind, root = _kind_and_root(data)
    if not root.exists():
        raise ValueError(f"no such file or folder: {root}")
    if kind is None:
        return _guess(root)
    reader: Reader = DATASETS.build(kind)
    located = reader.locate(root)
    if located is None:
        raise ValueError(
            f"{root} does not hold the layout of {kind.name}.\nExpected:\n{reader.layout}\n"
            f"Found: {_listing(root)}"
        )
    return reader, located


def _kind_and_root(data: str) -> tuple[Call | None, Path]:
    named = re.match(r"(\w[\w-]*(?:\(.*?\))?)=(.+)", data)
    if named and not Path(data).exists():
        return Call.parse(named[1]), Path(named[2]).expanduser()
    return None, Path(data).expanduser()


def _guess(root: Path) -> tuple[Reader, Path]:
    found = []
    for name in DATASETS.names():
        reader: Reader = DATASETS.build(name)
        located = reader.locate(root)
        if located is not None:
            found.append((reader, located))
    found = [pair for pair in found if not pair[0].generic] or found
    if len(found) == 1:
        return found[0]
    if found:
        names = [type(reader).__name__.lower() for reader, _ in found]
        raise ValueError(f"{root} could be {' or '.join(names)}: write {names[0]}={root}")
    raise ValueError(
        f"{root} holds no layout that is known ({', '.join(DATASETS.names())}). "
        f"Found: {_listing(root)}. Name the kind as KIND={root} to see what it expects."
    )


def _listing(root: Path) -> str:
    if root.is_file():
        return f"a file of {root.stat().st_size} bytes"
    names = sorted(p.name + ("/" if p.is_dir() else "") for p in root.iterdir())
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (", ".join(names[:8]) or "an empty folder") + more
