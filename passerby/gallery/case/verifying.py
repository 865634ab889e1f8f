"""Whether the file of a case is as it was written, and if not, what differs.

Nothing is unpacked to disk, and no member is read beyond the length that the manifest says of it.
"""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, Any

from passerby.gallery.case.writing import FORMAT, MANIFEST
from passerby.process.json_files import parse_object
from passerby.process.spelling import count_of

_LARGEST = 16_000_000  # bytes of a manifest
_MOST = 2_000_000_000  # of a file
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
_PLAIN = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?")


@dataclass(frozen=True)
class CaseCheck:
    """files: in the manifest; sha256: of the manifest, to be compared with the number that was told
    when the case was written; made, made_by: as it says; problems: what differs, by name."""

    files: int
    sha256: str
    made: str
    made_by: str
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether every file is as the manifest says, and there is no other."""
        return not self.problems

    def __str__(self) -> str:
        said = (
            f"{count_of(self.files, 'file')}, written {self.made} by {self.made_by}; SHA-256 of "
            f"the manifest: {self.sha256}"
        )
        if self.whole:
            return (
                f"{said}\nall files are as the manifest says. That nobody wrote the manifest anew "
                "shows only if this number is the one that was told when the case was written"
            )
        return "\n".join([said, *(f"differs: {one}" for one in self.problems)])


def verify_case(file: str | os.PathLike[str] | IO[bytes]) -> CaseCheck:
    """Compare every file of a case with its manifest.

    Raises:
        ValueError: It is no file of a case, or its manifest cannot be read.
    """
    named = os.fspath(file) if isinstance(file, str | os.PathLike) else "the file"
    try:
        archive = zipfile.ZipFile(file)
    except (*_DAMAGE, ValueError) as error:
        raise ValueError(f"{named} is no file of a case ({_words(error)})") from None
    with archive:
        text = _manifest(archive, named)
        manifest = parse_object(text, f"{named} is no file of a case: its manifest", FORMAT)
        files = manifest.get("files")
        if not isinstance(files, dict) or not all(_is_said(one) for one in files.values()):
            raise ValueError(f"{named} is no file of a case: its manifest lists no files")
        problems = [*_strays(archive, files), *_differences(archive, files)]
    return CaseCheck(
        len(files),
        hashlib.sha256(text).hexdigest(),
        str(manifest.get("made", "")),
        str(manifest.get("made_by", "")),
        tuple(problems),
    )


def _manifest(archive: zipfile.ZipFile, named: str) -> bytes:
    try:
        info = archive.getinfo(MANIFEST)
        if info.file_size > _LARGEST:
            raise ValueError("it is too large")
        return archive.read(info)
    except (KeyError, ValueError, *_DAMAGE) as error:
        raise ValueError(
            f"{named} is no file of a case: its {MANIFEST} cannot be read ({_words(error)})"
        ) from None


def _is_said(said: Any) -> bool:
    return (
        isinstance(said, dict)
        and isinstance(said.get("sha256"), str)
        and type(said.get("bytes")) is int
        and 0 <= said["bytes"] <= _MOST
    )


def _strays(archive: zipfile.ZipFile, files: dict[str, Any]) -> list[str]:
    """Members that the manifest does not list, or that are there twice."""
    names = [info.filename for info in archive.infolist()]
    found = [f"{name!r} is not in the manifest" for name in names if name not in {*files, MANIFEST}]
    twice = sorted({name for name in names if names.count(name) > 1})
    found += [f"{name!r} is there more than once" for name in twice]
    return found + [f"{name!r} is no name of ours" for name in files if not _PLAIN.fullmatch(name)]


def _differences(archive: zipfile.ZipFile, files: dict[str, Any]) -> list[str]:
    found = []
    for name, said in files.items():
        try:
            info = archive.getinfo(name)
        except KeyError:
            found.append(f"{name!r} is missing")
            continue
        if info.file_size != said["bytes"]:
            found.append(
                f"{name!r} has {count_of(info.file_size, 'byte')} in place of {said['bytes']:,}"
            )
            continue
        try:
            if _hash_of(archive, info) != said["sha256"]:
                found.append(f"{name!r} is not what was written")
        except _DAMAGE as error:
            found.append(f"{name!r} cannot be read ({_words(error)})")
    return found


def _hash_of(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    digest, left = hashlib.sha256(), info.file_size
    with archive.open(info) as member:
        while left > 0 and (data := member.read(min(left, 1 << 20))):
            digest.update(data)
            left -= len(data)
    return digest.hexdigest()


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
