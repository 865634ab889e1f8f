"""Dumps: a gallery as one file, to move or to keep, readable without any engine.

A zip archive (uncompressed vectors, no pickle): ``about.json``; then for each part of some thousand
sightings ``part-000000.json`` (columns by name, as lists), ``part-000000.vectors`` (float32, little
endian, row after row) and ``part-000000.thumbnails`` (the JPEGs one after another, their lengths in
the JSON); last ``manifest.json`` with the length and SHA-256 of each. Nothing is ever unpacked to
disk, and only members of these names are read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from passerby.process.json_files import parse_object
from passerby.process.reporting import progress
from passerby.process.whole_files import replacing
from passerby.stores import Store, Written
from passerby.stores.about import About
from passerby.stores.opening import open_or_create_store
from passerby.tables.sightings import Sightings

FORMAT = 1

_ROWS = 5000
_MEMBER = re.compile(r"about\.json|part-[0-9]{6,9}\.(?:json|vectors|thumbnails)")
_TEXTS = ("ids", "persons", "cameras", "sources", "images")
_NUMBERS = ("frames", "tracklets")
# Far above what a part of _ROWS sightings can take: what is larger was not written by us.
_LARGEST = 2_000_000_000


def dump(store: Store, path: str | os.PathLike[str]) -> int:
    """Write all sightings of a store into one file, whole or not at all; returns how many.

    Raises DiskFull, with an older file left as it was.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    total, done = store.count(), 0
    members: dict[str, dict[str, object]] = {}

    def write(name: str, data: bytes) -> None:
        text = name.endswith(".json")
        archive.writestr(name, data, zipfile.ZIP_DEFLATED if text else zipfile.ZIP_STORED)
        members[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    with (
        replacing(target, total * store.about.dimensions * 4) as file,
        progress("writing") as advance,
        zipfile.ZipFile(file, "w", allowZip64=True) as archive,
    ):
        write("about.json", store.about.to_json().encode())
        for number, batch in enumerate(_bounded(store.read(with_thumbnails=True, batch=_ROWS))):
            for ending, data in _encoded(batch).items():
                write(f"part-{number:06d}.{ending}", data)
            done += len(batch)
            advance(done, max(done, total))
        manifest = {"format": FORMAT, "sightings": done, "members": members}
        archive.writestr("manifest.json", json.dumps(manifest), zipfile.ZIP_DEFLATED)
    return done


def restore(path: str | os.PathLike[str], place: str | os.PathLike[str]) -> Written:
    """Make the gallery of a dump at a place, in any engine; the file is checked before anything.

    A restore that was stopped goes on when it is called again: the same gallery at the place (its
    model and when it was created) is filled up, and sightings that are there stay. Raises
    ValueError for a file that is no dump, is damaged or of a newer version, and when another
    gallery is there.
    """
    with _opened(path) as archive, progress("restoring") as advance:
        about, parts, total = _checked(archive, path)
        key = (about.model, about.pooling, about.dimensions, about.created)
        store = open_or_create_store(
            place, about, lambda a: (a.model, a.pooling, a.dimensions, a.created) == key
        )
        added = present = 0
        try:
            for number in parts:
                sightings = _decoded(archive, number, about, path)
                written = store.write(sightings)
                added, present = added + written.added, present + written.present
                advance(added + present, total)
        finally:
            store.close()
    return Written(added, 0, present)


def _bounded(batches: Iterator[Sightings]) -> Iterator[Sightings]:
    """Parts of at most _ROWS, whatever an engine gives at once."""
    for batch in batches:
        for start in range(0, len(batch), _ROWS):
            yield batch[start : start + _ROWS]


def _encoded(part: Sightings) -> dict[str, bytes]:
    columns: dict[str, list[Any]] = {name: getattr(part, name).tolist() for name in _TEXTS}
    columns |= {name: getattr(part, name).tolist() for name in _NUMBERS}
    columns["times"] = [
        None if time is None else time.isoformat() for time in part.times.tolist()
    ]  # in UTC
    columns["qualities"] = [None if q != q else q for q in part.qualities.tolist()]  # noqa: PLR0124
    columns["thumbnails"] = [len(jpeg) for jpeg in part.thumbnails]
    return {
        "json": json.dumps(columns, ensure_ascii=True, allow_nan=False).encode(),
        "vectors": part.vectors.astype("<f4").tobytes(),
        "thumbnails": b"".join(part.thumbnails),
    }


def _decoded(
    archive: zipfile.ZipFile, number: str, about: About, path: str | os.PathLike[str]
) -> Sightings:
    try:
        columns = parse_object(archive.read(f"part-{number}.json"), "its columns")
        jpegs = archive.read(f"part-{number}.thumbnails")
        vectors = np.frombuffer(archive.read(f"part-{number}.vectors"), "<f4")
        ends = np.cumsum([0, *columns.pop("thumbnails")]).tolist()
        if ends[-1] != len(jpegs):
            raise ValueError("the thumbnails are not as long as they say")
        return Sightings(
            columns.pop("ids"),
            vectors.reshape(-1, about.dimensions),
            times=np.array(columns.pop("times"), "datetime64[us]"),
            qualities=[np.nan if q is None else q for q in columns.pop("qualities")],
            thumbnails=[jpegs[a:b] for a, b in pairwise(ends)],
            **{name: columns[name] for name in (*_TEXTS[1:], *_NUMBERS)},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"part {number} of {os.fspath(path)} is damaged: {error}") from None


def _opened(path: str | os.PathLike[str]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{os.fspath(path)} is no whole dump of a gallery ({error}): expected a file that "
            "passerby gallery dump wrote, copied to its end"
        ) from None


def _checked(
    archive: zipfile.ZipFile, path: str | os.PathLike[str]
) -> tuple[About, list[str], int]:
    """What the dump is of, its parts and how many sightings; ValueError if anything is amiss."""
    named = os.fspath(path)
    manifest = _manifest(archive, named)
    members: Mapping[str, Mapping[str, object]] = manifest["members"]
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    for name, said in members.items():
        if not _MEMBER.fullmatch(name):
            raise ValueError(f"{named} names a member {name!r} that no dump has: it is not read")
        if sizes.get(name) != said["bytes"] or sizes[name] > _LARGEST:
            raise ValueError(f"{name} in {named} is not as long as it should be: copy it again")
        if _hash_of(archive, name, named) != said["sha256"]:
            raise ValueError(f"{name} in {named} is not what was written: copy it again")
    if "about.json" not in members:
        raise ValueError(f"{named} does not say what it is a dump of")
    about = About.from_json(archive.read("about.json").decode())
    numbers = [name[5:-5] for name in members if name.startswith("part-") and ".json" in name]
    return about, sorted(numbers), int(manifest["sightings"])


def _manifest(archive: zipfile.ZipFile, named: str) -> dict[str, Any]:
    try:
        if archive.getinfo("manifest.json").file_size > _LARGEST:
            raise ValueError("it is too large")
        manifest = parse_object(archive.read("manifest.json"), "it")
        version = manifest["format"]
        if version <= FORMAT:
            int(manifest["sightings"])
            for said in manifest["members"].values():
                said["bytes"], said["sha256"]
            return dict(manifest)
    except (KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{named} is no dump of a gallery: its manifest says {error}") from None
    raise ValueError(
        f"{named} is a dump of format {version}, and this version of Passerby knows {FORMAT}: "
        "upgrade Passerby"
    )


def _hash_of(archive: zipfile.ZipFile, name: str, named: str) -> str:
    digest = hashlib.sha256()
    try:
        with archive.open(name) as member:
            while data := member.read(1 << 20):
                digest.update(data)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ValueError(f"{name} in {named} cannot be read ({error}): copy it again") from None
    return digest.hexdigest()
