"""MSMT17.

Wei et al., "Person Transfer GAN to Bridge Domain Gap for Person Re-identification", CVPR 2018.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from passerby.data.reading.listing import examples, list_folder, missing_of, nearest
from passerby.data.reading.reader import Published, Reader
from passerby.process.spelling import count_of, suggest
from passerby.registry import DATASETS
from passerby.tables.records import Record, Split

_FOLDERS = (("train", "test"), ("mask_train_v2", "mask_test_v2"))  # of version 1, of version 2
_LISTS = ("list_train.txt", "list_val.txt", "list_query.txt", "list_gallery.txt")


@DATASETS.register
class Msmt17(Reader):
    """MSMT17, versions 1 and 2: lists of image and person; the camera is in the name.

    val: "merge" (default) trains on list_val.txt too, as most papers do (32,621 images);
    "separate" keeps it as the validation part, of the same persons as train (30,248 images). It is
    noted in the split, because the literature differs and scores with it. Train and test persons
    both count from 0 and are not the same persons.
    """

    layout = (
        "ROOT/  (train and test are mask_train_v2 and mask_test_v2 in MSMT17_V2)\n"
        "  list_train.txt  list_val.txt  list_query.txt  list_gallery.txt\n"
        "  train/  0000/0000_000_01_0303morning_0015_0.jpg ...\n"
        "  test/   0000/0000_000_01_0303morning_0018_1.jpg ..."
    )

    def __init__(self, val: str = "merge") -> None:
        if val not in ("merge", "separate"):
            near = suggest(val, ["merge", "separate"])
            raise ValueError(f'val must be "merge" or "separate", got {val!r}{near}')
        self._merge = val == "merge"
        self.published = {
            "train": Published(32_621 if self._merge else 30_248, 1_041, 15),
            "query": Published(11_659, 3_060, 15),
            "gallery": Published(82_161, 3_060, 15),
        }
        if not self._merge:
            self.published["validation"] = Published(2_373, 1_041)

    def locate(self, root: Path) -> Path | None:
        """The folder with lists and image folders: ``root``, its parent, or one directly below."""
        inner = [name for pair in _FOLDERS for name in pair]
        return nearest(root, _holds, _holds, inner)

    def read(self, root: Path) -> Split:
        """Read the lists that there are.

        Listed images that do not exist are left out and noted. Raises ValueError for a broken
        line, for a list without its images, and when one of query and gallery is missing.
        """
        train_folder, test_folder = (root / name for name in _folders(root))
        listed = {
            name: _read_list(root / name, test_folder if test else train_folder)
            for name, test in zip(_LISTS, (False, False, True, True), strict=True)
        }
        train, validation, query, gallery = (part.records for part in listed.values())
        if bool(query) != bool(gallery):
            raise ValueError(
                f"{root} has only one of list_query.txt and list_gallery.txt: an evaluation needs "
                "both. Copy what is missing, or remove both to train only."
            )
        notes = [f"{name}: {part.note}" for name, part in listed.items() if part.note]
        if self._merge:
            held = count_of(len(validation), "image")
            notes.insert(0, f"val=merge: of list_val.txt {held} in train")
            train, validation = train + validation, ()
        else:
            held = count_of(len(validation), "image")
            notes.insert(0, f"val=separate: {held} of train persons kept out")
        return Split(
            "msmt17",
            train=train,
            query=query,
            gallery=gallery,
            validation=validation,
            separate_namespaces=True,
            notes=tuple(notes),
            ignored=_unlisted(listed),
        )


def _holds(root: Path) -> bool:
    listed = any((root / name).is_file() for name in _LISTS)
    return listed and any((root / name).is_dir() for pair in _FOLDERS for name in pair)


def _folders(root: Path) -> tuple[str, str]:
    found = [pair for pair in _FOLDERS if any((root / name).is_dir() for name in pair)]
    if len(found) > 1:
        raise ValueError(
            f"{root} has the folders of both versions of MSMT17 (train, test and mask_train_v2, "
            "mask_test_v2): keep one, with its own lists"
        )
    return found[0]


@dataclass(frozen=True)
class _Listed:
    """What one list names: the records of the files that exist, and a note on the others."""

    folder: Path
    records: tuple[Record, ...] = ()
    note: str = ""


def _read_list(path: Path, folder: Path) -> _Listed:
    if not path.is_file():
        return _Listed(folder, note="is not there")
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    prefix = os.path.join(folder, "")
    records: dict[str, Record] = {}
    for number, line in enumerate(lines, 1):
        fields = line.rsplit(maxsplit=1)
        if not fields:
            continue
        try:
            name, person = fields
            if ".." in name or name.startswith("/"):
                raise ValueError("outside of the folder")
            camera = int(name.rpartition("/")[2].split("_", 3)[2])
            records[name] = Record(prefix + name, int(person), camera, "msmt17")
        except (ValueError, IndexError):
            raise ValueError(
                f"line {number} of {path} is {line[:80]!r}: expected an image and a person such as "
                "0000/0000_000_01_0303morning_0015_0.jpg 0, with the camera as third field"
            ) from None
    missing = missing_of(folder, records)
    if missing and len(missing) == len(records):
        raise ValueError(
            f"none of the {count_of(len(records), 'image')} that {path.name} names is in {folder}: "
            f"the first is {next(iter(records))}. Unpack the images, or take the lists of the same "
            "version."
        )
    note = (
        f"{count_of(len(missing), 'listed image does', 'listed images do')} not exist: "
        f"{examples(sorted(missing))}"
    )
    kept = tuple(record for name, record in records.items() if name not in missing)
    return _Listed(folder, kept, note if missing else "")


def _unlisted(listed: dict[str, _Listed]) -> tuple[str, ...]:
    """The files in the image folders that no list names."""
    known = {record.image for part in listed.values() for record in part.records}
    found = []
    for folder in dict.fromkeys(part.folder for part in listed.values()):
        if folder.is_dir():
            found += [path for path in _files_below(folder) if path not in known]
    return tuple(found)


def _files_below(folder: Path) -> list[str]:
    top = list_folder(folder)
    found = [os.path.join(folder, name) for name in (*top.others, *top.images)]
    for name in top.folders:
        inner = list_folder(folder / name)
        found += [os.path.join(inner.folder, file) for file in (*inner.images, *inner.others)]
    return found
