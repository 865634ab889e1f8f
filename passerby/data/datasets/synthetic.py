"""Drawn persons, as ``passerby data synthesize`` writes them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from passerby.data.datasets.market1501 import Market1501
from passerby.data.datasets.table import COLUMNS, crop_of
from passerby.data.keypoints import with_keypoints
from passerby.data.reading.listing import nearest
from passerby.data.reading.reader import Reader
from passerby.data.reading.table_rows import read_rows
from passerby.registry import DATASETS
from passerby.tables.records import Record, Split


def _is_marked(folder: Path) -> bool:
    return (folder / "synthetic.json").is_file()


@DATASETS.register
class Synthetic(Reader):
    """Synthetic persons in Market-1501 layout, made by passerby data synthesize ROOT."""

    layout = "ROOT/\n  synthetic.json\n  bounding_box_train/  query/  bounding_box_test/"
    advice = "Make a synthetic set with: passerby data synthesize ROOT"

    def locate(self, root: Path) -> Path | None:
        """The folder with a synthetic.json: ``root`` or one directly below."""
        return nearest(root, _is_marked, _is_marked)

    def read(self, root: Path) -> Split:
        """Read the Market-1501 layout beside synthetic.json; errors as there.

        Where there is a records.csv, the records have their times, by which days are told apart,
        and where there is a keypoints.json, those of the train part have their joints.
        """
        split = Market1501(source="synthetic").read(root)
        if split.train and (root / "keypoints.json").is_file():
            split = with_keypoints(split, root / "keypoints.json")
        table = root / "records.csv"
        if not table.is_file():
            return split
        crops, _ = read_rows(table, COLUMNS, ("image", "time"), lambda _, row: crop_of(row, root))
        times = {os.path.normpath(crop.image): crop.time for crop in crops}

        def timed(records: tuple[Record, ...]) -> tuple[Record, ...]:
            return tuple(replace(r, time=times.get(os.path.normpath(r.image))) for r in records)

        return replace(
            split,
            train=timed(split.train),
            query=timed(split.query),
            gallery=timed(split.gallery),
        )
