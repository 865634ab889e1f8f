"""How a folder on disk becomes a Split: the contract of a data set reader, and ``[KIND=]ROOT``."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from passerby.calls import Call
from passerby.data.reading.cautions import cautions
from passerby.data.reading.listing import path_given
from passerby.process.reporting import say
from passerby.registry import DATASETS
from passerby.tables.records import Split


@dataclass(frozen=True)
class Published:
    """What the authors count in one part: images, persons, cameras (None: not published)."""

    images: int | None
    persons: int | None = None
    cameras: int | None = None


class Reader(ABC):
    """Reads one layout. The constructor takes the reader's options; all have defaults.

    layout: the tree that is expected, shown when it is not found. advice: what to do when nothing
    is there. generic: the layout is so loose that it is only guessed when no other fits.
    published: the authors' counts by part (train, query, gallery, and what `check` counts beside
    them: gallery persons, distractors, junk, test folder); empty when options make it another set.
    """

    layout: ClassVar[str]
    advice: ClassVar[str] = ""
    generic: ClassVar[bool] = False
    published: Mapping[str, Published] = MappingProxyType({})

    @abstractmethod
    def locate(self, root: Path) -> Path | None:
        """The folder at or directly below ``root`` that holds this layout, None when there is none.

        Must be quick (look for folder and list names, open no image): it is also used to guess
        the kind of a root. Raises ValueError when several folders below hold it.
        """

    def fits(self, located: Path) -> bool:
        """Whether a located root looks like this data set, not like another of the same layout.

        Asked only when the kind is guessed; a user who names the kind has decided.
        """
        del located
        return True

    @abstractmethod
    def read(self, root: Path) -> Split:
        """Read the layout at ``root`` (as found by `locate`).

        Raises ValueError saying what was expected and what came when the layout is broken.
        """


def read_split(data: str) -> Split:
    """Read a data set named as ``[NAME:][KIND=]ROOT``, as the command line's ``--data`` takes it.

    What suggests that it was misread is said: files passed over, cameras that look like tracklets.

    Args:
        data: KIND is a reader's name, with options if need be: ``msmt17(val=separate)=ROOT``.
            Without it the kind is guessed from the layout. NAME becomes the records' source in
            place of the reader's own.

    Returns:
        The records of train, query and gallery, with persons and cameras as the set numbers them.

    Raises:
        ValueError: Nothing there can be read; the message says what was expected and what came.

    Examples:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> for name in ("anna/cam1/1.jpg", "anna/cam2/2.jpg"):
        ...     (root / name).parent.mkdir(parents=True)
        ...     (root / name).touch()
        >>> split = read_split(f"lobby:folder(train_share=1)={root}")
        >>> [(record.source, record.person, record.camera) for record in split.train]
        [('lobby', 1, 1), ('lobby', 1, 2)]
    """
    reader, located = open_reader(data)
    split = reader.read(located)
    name, _ = _name_and_rest(data)
    for caution in cautions(split):
        say(f"look: {caution}")
    return split.of_source(name) if name else split


def open_reader(data: str) -> tuple[Reader, Path]:
    """The reader and the located root for ``[NAME:][KIND=]ROOT``; errors as `read_split`."""
    kind, root = _kind_and_root(_name_and_rest(data)[1])
    if kind is None:
        if not os.path.exists(root):
            raise ValueError(f"no such file or folder: {root}")
        return _guess(root)
    reader: Reader = DATASETS.build(kind)
    if not os.path.exists(root):
        raise ValueError(f"no such file or folder: {root}. {reader.advice}".rstrip(". "))
    located = reader.locate(root)
    if located is None:
        raise ValueError(
            f"{root} does not hold the layout of {kind.name}.\nExpected:\n{reader.layout}\n"
            f"Found: {_listing(root)}\n{reader.advice}".rstrip()
        )
    return reader, located


def known_layout(root: Path) -> tuple[Reader, Path] | None:
    """The reader of a published data set whose layout a folder has; None when it has none.

    Raises ValueError when it could be several.
    """
    return _guess_among(root, generic=False)


def _name_and_rest(data: str) -> tuple[str, str]:
    """``lobby`` and ``folder=ROOT`` of ``lobby:folder=ROOT``; one letter is a drive of Windows."""
    named = re.match(r"(\w[\w.-]+):(.+)", data)
    return (named[1], named[2]) if named and not os.path.exists(data) else ("", data)


def _kind_and_root(data: str) -> tuple[Call | None, Path]:
    if os.path.exists(data):  # Path.exists raises for names that are too long
        return None, Path(data)
    if plain := re.match(r"(\w[\w-]*)=(.+)", data):
        return Call.parse(plain[1]), path_given(plain[2])
    if not re.match(r"\w[\w-]*\(", data):
        return None, path_given(data)
    # An option may itself hold ")=" (a pattern): the first place where a whole call ends counts.
    ends = [found.start() + 1 for found in re.finditer(r"\)=.", data)]
    for end in ends:
        try:
            return Call.parse(data[:end]), path_given(data[end + 1 :])
        except ValueError:
            if end == ends[-1]:
                raise
    return None, path_given(data)


def _guess(root: Path) -> tuple[Reader, Path]:
    guessed = _guess_among(root, generic=False) or _guess_among(root, generic=True)
    if guessed is not None:
        return guessed
    if not root.is_dir():
        raise ValueError(
            f"{root} is no data set: expected a folder, or a table (.csv, .tsv, .parquet) of images"
        )
    raise ValueError(
        f"{root} holds no layout that is known ({', '.join(DATASETS.names())}). "
        f"Found: {_listing(root)}. Name the kind as KIND={root} to see what it expects."
    )


def _guess_among(root: Path, generic: bool) -> tuple[Reader, Path] | None:
    readers: dict[str, Reader] = {name: DATASETS.build(name) for name in DATASETS.names()}
    chosen = {name: reader for name, reader in readers.items() if reader.generic == generic}
    located = _located(chosen, root)
    if len(located) > 1:
        names = list(located)
        raise ValueError(f"{root} could be {' or '.join(names)}: write {names[0]}={root}")
    return next(iter(located.values()), None)


def _located(readers: Mapping[str, Reader], root: Path) -> dict[str, tuple[Reader, Path]]:
    """Those of the readers that find their layout at the root and think that it is theirs."""
    found = {}
    for name, reader in readers.items():
        place = reader.locate(root)
        if place is not None and reader.fits(place):
            found[name] = (reader, place)
    return found


def _listing(root: Path) -> str:
    if not root.is_dir():
        return f"a file of {root.stat().st_size} bytes"
    names = sorted(p.name + ("/" if p.is_dir() else "") for p in root.iterdir())
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (", ".join(names[:8]) or "an empty folder") + more
