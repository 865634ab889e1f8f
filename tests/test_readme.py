"""The table of folders (docs/structure.md) is true: every path exists, every room stands there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROWS = [
    line
    for line in (ROOT / "docs" / "structure.md").read_text(encoding="utf-8").splitlines()
    if line.startswith(("| `passerby/", "| `tests/"))
]


def named(row: str) -> list[Path]:
    """The paths that a row names: whole ones, and those below or beside its first."""
    first, *others = re.findall(r"`([\w./]+(?:/|\.py))`", row)
    home = ROOT / first
    paths = [home]
    for other in others:
        beside = [home / other, home.parent / other, ROOT / other]
        paths.append(next((path for path in beside if path.exists()), ROOT / other))
    return paths


def test_every_path_exists() -> None:
    assert len(ROWS) > 15
    missing = [
        str(path.relative_to(ROOT)) for row in ROWS for path in named(row) if not path.exists()
    ]
    assert missing == []


def test_every_room_stands_there() -> None:
    shown = {path.resolve() for row in ROWS for path in named(row)}
    rooms = [path for path in (ROOT / "passerby").iterdir() if (path / "__init__.py").is_file()]
    assert [room.name for room in rooms if room not in shown] == []


def test_no_folder_is_crowded_but_those_of_one_file_each() -> None:
    """At most a dozen files lie flat in a folder, except where people add one file a thing."""
    open_ended = {
        "losses", "attention", "systems", "recipes", "datasets", "augmentations", "families",
        "backbones", "synthesis",
    }  # fmt: skip
    crowded = {
        str(folder.relative_to(ROOT)): count
        for folder in (ROOT / "passerby").rglob("*")
        if folder.is_dir() and folder.name not in open_ended
        for count in [len([f for f in folder.glob("*.py") if f.name != "__init__.py"])]
        if count > 12
    }
    assert crowded == {}
