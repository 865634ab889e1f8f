"""What writes temporary files, vectors among them, runs in a process of its own.

The engine puts them where the environment of its process says (TMPDIR). Here that is inside the
gallery's folder: a kill leaves them where the next writer finds and removes them, not in the
system's place for such files. An environment is of a whole process, so this work has its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import lancedb

from passerby.stores.engines.lancedb.index import create_indexes

RECENT = timedelta(minutes=10)
"""Age up to which old versions are kept, for those who read them at the moment."""


def optimize(gallery: Path, table: str) -> None:
    """Join small pieces of a table, remove its old versions, take new rows into its index."""
    run_apart(gallery, [os.fspath(gallery), table, "optimize"])


def build_index(gallery: Path, table: str, partitions: int) -> None:
    """Index the columns that filters name, and the vectors in so many partitions."""
    run_apart(gallery, [os.fspath(gallery), table, "index", str(partitions)])


def run_apart(gallery: Path, arguments: Sequence[str]) -> None:
    """Do it in a process that ends with this one. Raises RuntimeError with what the engine said."""
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=gallery) as scratch:
        places = dict.fromkeys(("TMPDIR", "TMP", "TEMP"), os.path.abspath(scratch))
        modules = {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        with subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import main; main()", *arguments],
            env=os.environ | places | modules,
            stdin=subprocess.PIPE,  # closed by our end: see _exit_with_parent
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stderr is not None
            trouble = process.stderr.read()
        if process.returncode:
            raise RuntimeError(trouble.strip() or f"it ended with {process.returncode}")


def _exit_with_parent() -> None:
    """End this process when the one that started it has ended, whatever ended it."""
    sys.stdin.read()
    os._exit(1)


def work_here(gallery: str, table: str, work: str, partitions: str = "0") -> None:
    """The work itself, in whatever process."""
    opened = lancedb.connect(gallery).open_table(table)
    if work == "optimize":
        opened.optimize(cleanup_older_than=RECENT)
    else:
        create_indexes(opened, int(partitions))


def main() -> None:
    """The process apart."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    try:
        work_here(*sys.argv[1:])
    except Exception as error:  # all that the other process gets to know is this text
        sys.exit(str(error))
