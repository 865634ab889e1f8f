"""What lies on disk: the files of a folder, where a layout is, which named files exist.

Folders are listed, never asked file by file: a question to the file system per image makes the
126,441 images of MSMT17 take minutes on network storage instead of a second.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from passerby.data.images import IMAGE_SUFFIXES


@dataclass(frozen=True)
class Listing:
    """The names in one folder, sorted: images, other files, sub-folders."""

    folder: Path
    images: tuple[str, ...]
    others: tuple[str, ...]
    folders: tuple[str, ...]

    def other_paths(self) -> tuple[str, ...]:
        """The other files with their folder."""
        return tuple(os.path.join(self.folder, name) for name in self.others)


def path_given(text: str) -> Path:
    """The path that a user wrote; ``~`` is the home folder, ``~stranger`` is left as it is."""
    return Path(os.path.expanduser(text))  # Path.expanduser raises for a stranger


def is_image_name(name: str) -> bool:
    """Whether a file of that name is taken for an image; hidden ones (``._x.jpg``) are not."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES and not name.startswith(".")


def list_folder(folder: Path) -> Listing:
    """What a folder holds. Hidden sub-folders and ``__MACOSX`` are skipped."""
    images, others, folders = [], [], []
    with _entries(folder) as entries:
        for entry in entries:
            if _is_folder(entry):
                if not entry.name.startswith((".", "__")):
                    folders.append(entry.name)
            elif is_image_name(entry.name):
                images.append(entry.name)
            else:
                others.append(entry.name)
    return Listing(folder, tuple(sorted(images)), tuple(sorted(others)), tuple(sorted(folders)))


def list_tree(root: Path) -> Iterator[Listing]:
    """What a folder and all below it hold, depth first; each real folder once."""
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in seen:  # a symbolic link that leads back up would never end
            continue
        seen.add(real)
        listing = list_folder(folder)
        yield listing
        waiting += [folder / name for name in reversed(listing.folders)]


def first_images(folder: Path, count: int) -> list[str]:
    """A few image names of a folder, as the file system gives them; none if it is no folder."""
    if not folder.is_dir():
        return []
    with _entries(folder) as entries:
        return list(islice((e.name for e in entries if is_image_name(e.name)), count))


def _entries(folder: Path) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
    try:
        return os.scandir(folder)
    except OSError as error:
        raise ValueError(f"{folder} cannot be listed: {error.strerror or error}") from None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symbolic link to itself: a file, then, that cannot be read
        return False


def nearest(
    root: Path,
    holds: Callable[[Path], bool],
    fits: Callable[[Path], bool],
    inner: Sequence[str] = (),
) -> Path | None:
    """The folder that `holds` a layout: ``root``, else its parent, else a folder directly below.

    inner: names of the layout's own folders; the parent is asked only when ``root`` is one of
    them. Below the root, where the user named nothing, a folder must also `fits` (look like this
    data set and no other of the same layout). Raises ValueError when several do.
    """
    if not root.is_dir():
        return None
    if holds(root):
        return root
    above = root.absolute().parent
    if root.absolute().name in inner and holds(above):
        return above
    below = [root / name for name in list_folder(root).folders]
    found = [folder for folder in below if holds(folder) and fits(folder)]
    if len(found) > 1:
        names = ", ".join(folder.name for folder in found)
        raise ValueError(f"several folders below {root} could be meant: name one of {names}")
    return found[0] if found else None


def missing_of(root: Path, names: Iterable[str]) -> set[str]:
    """Those of the file names, relative to ``root``, that do not exist."""
    known: dict[str, frozenset[str]] = {}
    missing = set()
    for name in names:
        folder, _, file = name.rpartition("/")
        if folder not in known:
            known[folder] = _files(root / folder)
        # A file system may fold case or Unicode forms: what the listing lacks is asked for once.
        if file not in known[folder] and not os.path.isfile(os.path.join(root, name)):
            missing.add(name)
    return missing


def _files(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def examples(names: Iterable[str], count: int = 3) -> str:
    """The first few of some names in words: ``a, b, c and 4 more``."""
    listed = list(names)
    more = f" and {len(listed) - count} more" if len(listed) > count else ""
    return ", ".join(listed[:count]) + more
