"""A made set is found again, and never half there: made beside its folder, then renamed."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from passerby.process.json_files import read_object


def finished(
    root: Path, described: str, wanted: Mapping[str, Any], what: str, earlier: Mapping[str, Any]
) -> bool:
    """Whether `root` already holds this set.

    described: the file with its arguments, which is written last; wanted: these arguments; what:
    they are of, for messages; earlier: arguments that older files lack.

    Raises:
        ValueError: It holds anything else.
    """
    if not root.exists():
        return False
    if not root.is_dir():
        raise ValueError(f"expected a folder for the {what}, but {root} is a file")
    file = root / described
    if not file.is_file():
        if any(root.iterdir()):
            raise ValueError(
                f"expected {root} to be absent, empty or a {what}, but it holds other files "
                f"and no {described}; choose another folder"
            )
        return False
    found = dict(earlier) | read_object(file, f"the contents of a {what}")
    different = [name for name in wanted if found.get(name) != wanted[name]]
    if different:
        there = ", ".join(f"{name}={found.get(name)}" for name in different)
        asked = ", ".join(f"{name}={wanted[name]}" for name in different)
        raise ValueError(
            f"{root} holds a {what} with {there}, but {asked} was asked for; "
            "choose another folder or delete this one"
        )
    return True


@contextmanager
def made_beside(root: Path, is_finished: Callable[[], bool]) -> Iterator[Path]:
    """A hidden folder beside `root`, which takes its name when the context ends without an error,
    unless another process was faster."""
    root.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{root.name}-unfinished-", dir=root.parent))
    try:
        folder.chmod(0o755)  # temporary folders are private, a data set is not
        yield folder
        if not is_finished():
            if root.exists():
                root.rmdir()
            folder.rename(root)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
