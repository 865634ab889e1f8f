"""What the tests of the ledger run as processes of their own; knows no pytest.

python ledger_processes.py decide FOLDER FIRST LAST BY: names sighting after sighting, each for
itself, and merges each with the first of its own; prints the number of each event.
python ledger_processes.py die FOLDER WHERE: merges two persons, and is killed at a point.
"""

from __future__ import annotations

import os
import signal
import sys

from passerby.gallery.gallery import Gallery
from passerby.gallery.ledger import applying
from passerby.gallery.ledger.file import LedgerFile
from passerby.stores import Store


def decide(folder: str, first: int, last: int, by: str) -> None:
    """Two decisions a sighting."""
    with Gallery.open(folder) as gallery:
        for number in range(first, last):
            event = gallery.ledger.name([f"{number:032x}"], f"{by} {number}", by=by)
            print(event.number, flush=True)
            if number > first:
                event = gallery.ledger.merge([f"{by} {first}", f"{by} {number}"], by=by)
                print(event.number, flush=True)


def die(folder: str, where: str) -> None:
    """Killed before anything changes, between names and answers, or before it is noted."""

    def killed(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with Gallery.open(folder) as gallery:
        if where == "before":
            applying.persons_of = killed  # type: ignore[assignment]
        elif where == "between":
            gallery.store.change_about = killed  # type: ignore[assignment, method-assign]
        elif where == "after":
            LedgerFile.finished = killed  # type: ignore[assignment, method-assign]
        elif where == "undoing":
            gallery.ledger.merge(["p", "q"])
            Store.name_persons = killed  # type: ignore[assignment, method-assign]
            gallery.ledger.undo()
        gallery.ledger.merge(["p", "q"])


if __name__ == "__main__":
    if sys.argv[1] == "decide":
        decide(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        die(*sys.argv[2:])
