"""A table of images: CSV, TSV or Parquet."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path

from passerby.data.reading.cells import inside, joints_of, share_of, text_of, time_of, whole_of
from passerby.data.reading.listing import examples, missing_of, path_given
from passerby.data.reading.numbering import split_of
from passerby.data.reading.parts import Division
from passerby.data.reading.reader import Reader
from passerby.data.reading.table_rows import TABLE_SUFFIXES, Row, header_and_rows, read_rows
from passerby.process.spelling import count_of, suggest
from passerby.registry import DATASETS
from passerby.tables.records import Crop, Split

COLUMNS = (
    "image", "person", "camera", "source", "time", "until", "tracklet", "frame", "quality", "split",
    "session", "keypoints",
)  # fmt: skip
"""All that a table of images may say, whether for training and evaluation or for a gallery."""

_PARTS = ("train", "validation", "query", "gallery")


@DATASETS.register
class Table(Reader):
    """A CSV, TSV or Parquet table with a row per image; ROOT is it or a folder with just one.

    Columns: image and person; optional camera, time (ISO 8601 with a zone), tracklet and frame
    (whole numbers), session (of a tracker's numbers), split (train, validation, query or gallery);
    source, quality and until (the end of a passage that began at time), which galleries keep;
    keypoints (51 numbers with spaces between: column, row and visibility of COCO's 17 joints).
    Persons and cameras with integer names keep them, others are numbered in sorted order; person -1
    is junk. Without a split column the set is divided by rule: train_share of the persons train,
    the others are tested.

    Image paths are relative to the folder of the table, or to images= (absolute or relative to
    that folder). Rows that point elsewhere, by an absolute path or by "..", are refused, so that
    a table from someone else cannot pull other files of yours into a report; the text of the path
    decides, symbolic links are followed. source: name of the data set in its records, the file's
    name if not given. CSV is UTF-8, separated by comma, semicolon, tab or bar.
    """

    layout = (
        "ROOT/ or ROOT.csv, .tsv or .parquet\n"
        "  image,person,camera,time,tracklet,frame,split\n"
        "  img/0001.jpg,anna,3,2024-05-01T08:30:00+02:00,17,250,train"
    )
    generic = True

    def __init__(self, *, train_share: float = 0.5, images: str = "", source: str = "") -> None:
        self._division = Division(train_share)
        self._images = images
        self._source = source

    def locate(self, root: Path) -> Path | None:
        """The table: ``root`` itself, or the only table in it with both columns."""
        if root.is_file():
            return root if root.suffix.lower() in TABLE_SUFFIXES else None
        if not root.is_dir():  # a device or a pipe
            return None
        files = [path for path in sorted(root.iterdir()) if path.suffix.lower() in TABLE_SUFFIXES]
        tables = [path for path in files if path.is_file() and _is_table(path)]
        if len(tables) > 1:
            named = ", ".join(path.name for path in tables)
            raise ValueError(f"{root} holds several tables: name one of {named}")
        return tables[0] if tables else None

    def images_folder(self, root: Path) -> Path:
        """The folder that the paths in the table at ``root`` are relative to."""
        return root.parent / path_given(self._images)

    def read(self, root: Path) -> Split:
        """Read the table. Images that do not exist are left out and noted.

        Raises ValueError naming the lines of broken rows, missing columns, or a table none of
        whose images exists.
        """
        folder = self.images_folder(root)
        places: dict[str, str] = {}  # of each image in the table

        def image_of(place: str, row: Row) -> Crop:
            image = crop_of(row, folder)
            if not image.person:
                raise ValueError("the person is empty")
            if image.image in places:
                raise ValueError(f"it names the image of {places[image.image]} again")
            places[image.image] = place
            return image

        images, notes = read_rows(root, COLUMNS, ("image", "person"), image_of)
        missing = _missing(images, folder, root)
        if missing:
            shown = examples(f"{image} ({places[image]})" for image in places if image in missing)
            gone = "image of the table does not exist", "images of the table do not exist"
            notes = (*notes, f"{count_of(len(missing), *gone)}: {shown}")
        kept = [image for image in images if image.image not in missing]
        return split_of(kept, self._source or root.stem, self._division, notes=notes)


def _is_table(path: Path) -> bool:
    """Whether the file can be read and has the two columns; only its head is looked at."""
    try:
        header, rows = header_and_rows(path, COLUMNS)
        rows.close()
    except ValueError:
        return False
    return {"image", "person"} <= set(header)


def _missing(images: Sequence[Crop], folder: Path, path: Path) -> set[str]:
    """The images that do not exist; ValueError when that is so of all."""
    if not images:
        raise ValueError(f"{path} has no row below its header")
    prefix = os.path.join(folder, "")
    names = {i.image.removeprefix(prefix).replace(os.sep, "/"): i.image for i in images}
    missing = missing_of(folder, names)
    if len(missing) == len(images):
        raise ValueError(
            f"none of the {count_of(len(images), 'image')} of {path} is in {folder}: the first is "
            f"{next(iter(names))}. Paths are relative to the table, or to images=FOLDER."
        )
    return {names[name] for name in missing}


def crop_of(row: Row, folder: Path, zone: tzinfo | None = None) -> Crop:
    """What a row says of its image, in names as they are written.

    zone: of times that state none. Raises ValueError naming the cell that is wrong.
    """
    part = text_of(row.get("split")).lower()
    if part and part not in _PARTS:
        raise ValueError(
            f"the split is {part!r}{suggest(part, list(_PARTS))} (expected {', '.join(_PARTS)})"
        )
    tracklet = whole_of("tracklet", row.get("tracklet"))
    session = text_of(row.get("session"))
    time, until = time_of(row.get("time"), zone), time_of(row.get("until"), zone)
    if until is not None and (time is None or until < time):
        raise ValueError(f"until is {row['until']!r}, and the time {row.get('time')!r} not before")
    return Crop(
        os.path.join(folder, inside(text_of(row["image"]))),
        text_of(row.get("person")),
        text_of(row.get("camera")),
        text_of(row.get("source")),
        time,
        whole_of("frame", row.get("frame")),
        session_tracklet(session, tracklet) if session and tracklet is not None else tracklet,
        share_of("quality", row.get("quality")),
        part=part,
        until=until,
        joints=joints_of(row.get("keypoints")),
    )


def session_tracklet(session: str, tracklet: int) -> int:
    """A number for a tracklet of one session, which equal numbers of other sessions do not share.

    Trackers count from the beginning in each video and after each start. session: any name of
    these; tracklet: the tracker's number. Below 2 ** 53, so that JSON readers keep it whole.

    >>> session_tracklet("monday", 7) == session_tracklet("tuesday", 7)
    False
    """
    digest = hashlib.blake2b(f"{tracklet} {session}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 11
