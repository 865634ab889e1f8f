"""Images of persons of whom nothing is known: what distillation can learn from."""

from __future__ import annotations

import os
from pathlib import Path

from passerby.data.reading.listing import examples, list_tree
from passerby.data.reading.reader import Reader
from passerby.registry import DATASETS
from passerby.tables.records import JUNK, Record, Split


@DATASETS.register
class Unlabelled(Reader):
    """All images in a folder and below it as one train part; nobody is known, nor any camera.

    Names of files and folders say nothing. It is never guessed: name it, as in unlabelled=ROOT.
    """

    layout = "ROOT/  with images in it or anywhere below"
    generic = True

    def locate(self, root: Path) -> Path | None:
        """The root itself, if it is a folder."""
        return root if root.is_dir() else None

    def fits(self, located: Path) -> bool:
        """Never: where persons might be read, nobody shall be forgotten by a guess."""
        return False

    def read(self, root: Path) -> Split:
        """Read the folder. Raises ValueError when there is no image."""
        listings = list(list_tree(root))
        images = [os.path.join(each.folder, name) for each in listings for name in each.images]
        others = tuple(path for each in listings for path in each.other_paths())
        if not images:
            held = f" (other files: {examples(others)})" if others else ""
            raise ValueError(f"no image in {root} or below it{held}")
        source = root.absolute().name
        records = tuple(Record(image, JUNK, None, source) for image in images)
        return Split(source, train=records, ignored=others)
