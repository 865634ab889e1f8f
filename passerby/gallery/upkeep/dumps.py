"""Dumps: a gallery as one file, to move or to keep, readable without any engine.

A zip archive (uncompressed vectors, no pickle): ``about.json``; then for each part of some thousand
sightings ``part-000000.json`` (columns by name, as lists), ``part-000000.vectors`` (float32, little
endian, row after row) and ``part-000000.thumbnails`` (the JPEGs one after another, their lengths in
the JSON), and where there are passages ``part-000000.looks`` and ``part-000000.pictures`` likewise;
where people decided who is who ``decisions-000000.json``, the tables of the ledger; last
``manifest.json`` with the length and SHA-256 of each. Nothing is ever unpacked to disk, and only
members of these names are read."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.ledger.applying import finish_pending
from passerby.gallery.ledger.carrying import Rows, ledger_parts, ledger_rows, restore_ledger
from passerby.gallery.ledger.place import standing_still
from passerby.process.json_files import parse_json, parse_object
from passerby.process.reporting import progress
from passerby.process.whole_files import replacing
from passerby.stores import Store, Written
from passerby.stores.about import About
from passerby.stores.opening import open_or_create_store
from passerby.stores.opting_out import require_whole
from passerby.tables.looks import Looks
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import is_unit

FORMAT = 3
"""With decisions; without any a dump with passages is of format 2, and one without these of format
1, which older versions read."""

_ROWS = 5000
_READ = 1000  # at once: with their pictures passages are large
_MEMBER = re.compile(
    r"about\.json|decisions-[0-9]{6,9}\.json|"
    r"part-[0-9]{6,9}\.(?:json|vectors|thumbnails|looks|pictures)"
)
_TEXTS = ("ids", "persons", "cameras", "sources", "images")
_NUMBERS = ("frames", "tracklets")
# What is larger was not written by us. JSON takes up to sixty times its size when it is read.
_LARGEST = {
    "json": 32_000_000, "vectors": 2_000_000_000, "thumbnails": 2_000_000_000,
    "looks": 2_000_000_000, "pictures": 2_000_000_000,
}  # fmt: skip
_ALWAYS = ("json", "vectors", "thumbnails")  # members of every part
_LONGEST = 8192  # characters of a name or path; in an array all are as long as the longest
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression that is not known
    RuntimeError,  # encrypted
    OSError,
)


def dump(store: Store, path: str | os.PathLike[str]) -> int:
    """Write all sightings of a store into one file, whole or not at all; returns how many.

    Nobody decides who is who meanwhile. Raises DiskFull, with an older file left as it was, and
    ValueError where decisions were made whose ledger is not here.
    """
    target = Path(path)
    total, done, passages, decisions = store.count(), 0, False, 0
    members: dict[str, dict[str, object]] = {}
    finish_pending(store)

    def write(name: str, data: bytes) -> None:
        text = name.endswith(".json")
        archive.writestr(name, data, zipfile.ZIP_DEFLATED if text else zipfile.ZIP_STORED)
        members[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    with (
        standing_still(store),
        replacing(target, total * store.about.dimensions * 4) as file,
        progress("writing") as advance,
        zipfile.ZipFile(file, "w", allowZip64=True) as archive,
    ):
        for part in ledger_parts(store):
            write(f"decisions-{decisions:06d}.json", part)
            decisions += 1
        write("about.json", store.refresh_about().to_json().encode())
        for number, batch in enumerate(_bounded(store.read(with_thumbnails=True, batch=_READ))):
            for ending, data in _encoded(batch).items():
                passages |= ending not in _ALWAYS
                write(f"part-{number:06d}.{ending}", data)
            done += len(batch)
            advance(done, max(done, total))
        kind = FORMAT if decisions else 2 if passages else 1
        manifest = {"format": kind, "sightings": done, "members": members}
        archive.writestr("manifest.json", json.dumps(manifest), zipfile.ZIP_DEFLATED)
    return done


def restore(path: str | os.PathLike[str], place: str | os.PathLike[str]) -> Written:
    """Make the gallery of a dump at a place, in any engine; the file is checked before anything.

    A restore that was stopped goes on when it is called again: the same gallery at the place (its
    model and when it was created) is filled up, and sightings that are there stay. Alerts come
    paused: whoever made the file said where hits go. Raises ValueError for a file that is no dump,
    is damaged or of a newer version, and when another gallery is there.
    """
    with _opened(path) as archive, progress("restoring") as advance:
        about, parts, total = _checked(archive, path)
        decisions = _decisions(archive, path)
        paused = tuple(replace(alert, paused=True) for alert in about.alerts)
        about = replace(about, alerts=paused, decisions=0, not_persons=0)
        key = (about.model, about.pooling, about.dimensions, about.created)
        store = open_or_create_store(
            place, about, lambda a: (a.model, a.pooling, a.dimensions, a.created) == key
        )
        added = present = refused = 0
        try:
            for number in parts:
                sightings = _decoded(archive, number, about, path)
                written = store.write(sightings)
                added, present = added + written.added, present + written.present
                refused += written.refused
                advance(added + present + refused, total)
            restore_ledger(store, decisions)
        finally:
            store.close()
    return Written(added, 0, present, refused)


def _bounded(batches: Iterator[Sightings]) -> Iterator[Sightings]:
    """Parts of at most _ROWS, fewer where names are long, whatever an engine gives at once."""
    for batch in batches:
        # Escaped, a character takes up to twelve.
        text = sum(12 * getattr(batch, name).dtype.itemsize // 4 for name in _TEXTS)
        rows = max(1, min(_ROWS, _LARGEST["json"] // (text + 200)))
        for start in range(0, len(batch), rows):
            yield batch[start : start + rows]


def _encoded(part: Sightings) -> dict[str, bytes]:
    columns: dict[str, list[Any]] = {name: getattr(part, name).tolist() for name in _TEXTS}
    columns |= {name: getattr(part, name).tolist() for name in _NUMBERS}
    columns["times"] = _instants(part.times)
    columns["qualities"] = _shares(part.qualities)
    columns["thumbnails"] = [len(jpeg) for jpeg in part.thumbnails]
    more: dict[str, bytes] = {}
    if any(part.looks) or any(part.pictures) or not np.isnat(part.untils).all():
        looks = [b"" if each is None else each.to_bytes() for each in part.looks]
        columns["untils"] = _instants(part.untils)
        columns["coherences"] = _shares(part.coherences)
        columns["looks"] = [len(each) for each in looks]
        columns["pictures"] = [[len(jpeg) for jpeg in each] for each in part.pictures]
        more["looks"] = b"".join(looks)
        more["pictures"] = b"".join(jpeg for each in part.pictures for jpeg in each)
    return {
        "json": json.dumps(columns, ensure_ascii=True, allow_nan=False).encode(),
        "vectors": part.vectors.astype("<f4").tobytes(),
        "thumbnails": b"".join(part.thumbnails),
        **more,
    }


def _instants(times: NDArray[np.datetime64]) -> list[str | None]:
    """In UTC."""
    return [None if time is None else time.isoformat() for time in times.tolist()]


def _shares(values: NDArray[np.float32]) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]


def _decoded(
    archive: zipfile.ZipFile, number: str, about: About, path: str | os.PathLike[str]
) -> Sightings:
    try:
        columns = parse_json(archive.read(f"part-{number}.json"))
        vectors = np.frombuffer(archive.read(f"part-{number}.vectors"), "<f4")
        for name in _TEXTS:
            if not all(_is_text(text) for text in columns[name]):
                raise ValueError(f"{name} must be texts of at most {_LONGEST:,} characters")
        jpegs = archive.read(f"part-{number}.thumbnails")
        sightings = Sightings(
            columns["ids"],
            vectors.reshape(-1, about.dimensions),
            times=np.array(columns["times"], "datetime64[us]"),
            qualities=[np.nan if q is None else q for q in columns["qualities"]],
            thumbnails=_pieces(jpegs, columns["thumbnails"], "thumbnails"),
            **_passages(archive, number, columns),
            **{name: columns[name] for name in (*_TEXTS[1:], *_NUMBERS)},
        )
        if not is_unit(sightings.vectors).all():
            raise ValueError("vectors must be of length 1 and without NaN")
        return sightings
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, *_DAMAGE) as error:
        raise ValueError(f"part {number} of {os.fspath(path)} is damaged: {error}") from None


def _passages(archive: zipfile.ZipFile, number: str, columns: dict[str, Any]) -> dict[str, Any]:
    """The columns of passages of a part, none where there are none."""
    if "untils" not in columns:
        return {}
    looks = _pieces(archive.read(f"part-{number}.looks"), columns["looks"], "looks")
    counts = [len(each) for each in columns["pictures"]]
    lengths = [length for each in columns["pictures"] for length in each]
    jpegs = _pieces(archive.read(f"part-{number}.pictures"), lengths, "pictures")
    ends = np.cumsum([0, *counts]).tolist()
    return {
        "untils": np.array(columns["untils"], "datetime64[us]"),
        "coherences": [np.nan if q is None else q for q in columns["coherences"]],
        "looks": [Looks.from_bytes(each) if each else None for each in looks],
        "pictures": [jpegs[a:b] for a, b in pairwise(ends)],
    }


def _decisions(archive: zipfile.ZipFile, path: str | os.PathLike[str]) -> list[Rows]:
    """The ledger's tables, in parts. Raises ValueError where they are not as a ledger's."""
    names = sorted(name for name in archive.namelist() if name.startswith("decisions-"))
    try:
        return [ledger_rows(archive.read(name)) for name in names]
    except (ValueError, *_DAMAGE) as error:
        raise ValueError(f"the decisions in {os.fspath(path)} are damaged: {error}") from None


def _pieces(data: bytes, lengths: Any, what: str) -> list[bytes]:
    """What was written one after another. Raises ValueError where the lengths are not its own."""
    if not all(type(n) is int and n >= 0 for n in lengths) or sum(lengths) != len(data):
        raise ValueError(f"the {what} are not as long as they say")
    ends = np.cumsum([0, *lengths]).tolist()
    return [data[a:b] for a, b in pairwise(ends)]


def _is_text(text: object) -> bool:
    # Arrays lose a NUL at the end.
    return isinstance(text, str) and len(text) <= _LONGEST and "\0" not in text


def _opened(path: str | os.PathLike[str]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise ValueError(f"cannot read {os.fspath(path)}: {error.strerror or error}") from None
    except (*_DAMAGE, ValueError, struct.error) as error:
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
    infos = {info.filename: info for info in archive.infolist()}
    for name, said in manifest["members"].items():
        if not _MEMBER.fullmatch(name):
            raise ValueError(f"{named} names a member {name!r} that no dump has: it is not read")
        info = infos.get(name)
        if info is None or info.file_size != said["bytes"] or not _as_written(info):
            raise ValueError(f"{name} in {named} is not as long as it should be: copy it again")
        if _hash_of(archive, name, named) != said["sha256"]:
            raise ValueError(f"{name} in {named} is not what was written: copy it again")
    if "about.json" not in manifest["members"]:
        raise ValueError(f"{named} does not say what it is a dump of")
    about = About.from_json(archive.read("about.json").decode("utf-8", "replace"))
    require_whole(about)
    names = [name for name in manifest["members"] if name.startswith("part-")]
    numbers = sorted({name.partition(".")[0].removeprefix("part-") for name in names})
    whole = {f"part-{number}.{ending}" for number in numbers for ending in _ALWAYS}
    more = {name for name in names if name.endswith((".looks", ".pictures"))}
    if whole | more != {*names}:
        raise ValueError(f"{named} lacks members of its parts: copy it again")
    # Before anything is made of it: a hash is right in a file that somebody made up, too.
    count = sum(len(_decoded(archive, number, about, path)) for number in numbers)
    if count != manifest["sightings"]:
        raise ValueError(f"{named} says {manifest['sightings']!r} sightings and holds {count:,}")
    return about, numbers, count


def _as_written(info: zipfile.ZipInfo) -> bool:
    """Whether a member is stored as a dump stores it, within bounds that its ending has."""
    ending = info.filename.rpartition(".")[2]
    kinds = (
        (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) if ending == "json" else (zipfile.ZIP_STORED,)
    )
    return info.compress_type in kinds and info.file_size <= _LARGEST[ending]


def _manifest(archive: zipfile.ZipFile, named: str) -> dict[str, Any]:
    what = f"{named} is no dump of a gallery: its manifest"
    try:
        info = archive.getinfo("manifest.json")
        if not _as_written(info):
            raise ValueError("is too large, or compressed in a way that no dump is")
        text = archive.read(info)
    except (KeyError, ValueError, *_DAMAGE) as error:
        raise ValueError(f"{what} cannot be read ({error})") from None
    manifest = parse_object(text, f"{named} is no dump of a gallery", FORMAT)
    members = manifest.get("members")
    if not isinstance(members, dict) or not all(
        isinstance(said, dict) and {"bytes", "sha256"} <= said.keys() for said in members.values()
    ):
        raise ValueError(f"{what} does not list its members")
    return {"sightings": manifest.get("sightings"), "members": members}


def _hash_of(archive: zipfile.ZipFile, name: str, named: str) -> str:
    digest = hashlib.sha256()
    try:
        with archive.open(name) as member:
            while data := member.read(1 << 20):
                digest.update(data)
    except _DAMAGE as error:
        raise ValueError(f"{name} in {named} cannot be read ({error}): copy it again") from None
    return digest.hexdigest()
