"""Drawn persons, as ``passerby data synthesize`` writes them."""

from __future__ import annotations

from pathlib import Path

from passerby.data.datasets.market1501 import Market1501
from passerby.data.reading.listing import nearest
from passerby.data.reading.reader import Reader
from passerby.registry import DATASETS
from passerby.tables.records import Split


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
        """Read the Market-1501 layout beside synthetic.json; errors as there."""
        return Market1501(source="synthetic").read(root)
