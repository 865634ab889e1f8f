"""``table.json``: which table of a gallery's folder is current, and what its index needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import lancedb

from passerby.process.json_files import read_dataclass, read_object
from passerby.process.whole_files import write_whole

TABLE = "table.json"


@dataclass(frozen=True)
class TableState:
    """What table.json says.

    table: name of the current one; engine: that wrote it; probes: partitions to search, by the
    share of sightings that a filter keeps; partitions: of the index; recall: by the name of a
    filter; version: of the table when it was compacted, so that nothing is done twice.
    """

    table: str
    engine: str = f"lancedb {lancedb.__version__}"
    probes: Mapping[str, int] = field(default_factory=dict)
    partitions: int = 0
    recall: Mapping[str, float] = field(default_factory=dict)
    version: int = 0

    @classmethod
    def read(cls, folder: Path) -> TableState:
        """Raises ValueError for what `write` did not write."""
        return read_dataclass(cls, folder / TABLE, "the state of a gallery's table")

    def write(self, folder: Path) -> None:
        """Replace the file at once."""
        write_whole(folder / TABLE, json.dumps(asdict(self), indent=1) + "\n")


def written_by(folder: Path) -> str:
    """The engine's name and version, also where the rest of the file makes no sense."""
    try:
        return str(read_object(folder / TABLE, "a table's state")["engine"])
    except (ValueError, KeyError):
        return "an unknown version"
