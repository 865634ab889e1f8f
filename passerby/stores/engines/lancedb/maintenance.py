"""What writes temporary files, vectors among them, or needs much memory, in a process of its own.

The engine puts them where the environment of its process says (TMPDIR). Here that is inside the
gallery's folder: a kill leaves them where the next writer finds and removes them, not in the
system's place for such files. An environment is of a whole process, so this work has its own; and
what the engine keeps of an index in memory goes with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import lancedb

from passerby.stores.engines.lancedb.index import Measured, create_indexes

RECENT = timedelta(minutes=10)
"""Age up to which old versions are kept, for those who read them at the moment."""


def optimize(gallery: Path, table: str) -> None:
    """Join small pieces of a table, remove its old versions, take new rows into its index."""
    run_apart(gallery, [os.fspath(gallery), table, "optimize"])


def build_index(gallery: Path, table: str, partitions: int) -> Measured:
    """Index the columns that filters name, and the vectors in so many partitions; returns what
    searches have to spend then."""
    told = run_apart(gallery, [os.fspath(gallery), table, "index", str(partitions)])
    return Measured(**json.loads(told))


def run_apart(gallery: Path, arguments: Sequence[str]) -> str:
    """Do it in a process that ends with this one; returns what it told. Raises RuntimeError with
    what the engine said."""
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=gallery) as scratch:
        places = dict.fromkeys(("TMPDIR", "TMP", "TEMP"), os.path.abspath(scratch))
        modules = {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        with subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import main; main()", *arguments],
            env=os.environ | places | modules,
            stdin=subprocess.PIPE,  # closed by our end: see _exit_with_parent
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        ) as process:
            assert process.stderr is not None
            assert process.stdout is not None
            trouble = process.stderr.read()
            told = process.stdout.read()  # which is short: nobody waits to write it
        if process.returncode:
            raise RuntimeError(trouble.strip() or f"it ended with {process.returncode}")
        return told


def _exit_with_parent() -> None:
    """End this process when the one that started it has ended, whatever ended it."""
    sys.stdin.read()
    os._exit(1)


def work_here(gallery: str, table: str, work: str, partitions: str = "0") -> str:
    """The work itself, in whatever process; returns what there is to tell."""
    opened = lancedb.connect(gallery).open_table(table)
    if work == "optimize":
        opened.optimize(cleanup_older_than=RECENT)
        return ""
    create_indexes(opened, int(partitions))
    from passerby.stores.engines.lancedb.store import LanceStore  # which is above this

    return json.dumps(asdict(LanceStore.open(gallery).measured(int(partitions))))


def main() -> None:
    """The process apart."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    try:
        print(work_here(*sys.argv[1:]))
    except Exception as error:  # all that the other process gets to know is this text
        sys.exit(str(error))
