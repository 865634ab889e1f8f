"""Calibrations as a small JSON file of their own, which survives export and goes with a gallery."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from passerby.evaluation.decisions.calibration import Calibration
from passerby.process.json_files import parse_object, read_object, read_value
from passerby.process.whole_files import write_whole

FORMAT = 1


def write_calibration(path: str | os.PathLike[str], calibration: Calibration) -> Path:
    """Put a calibration into a file, in place of one of the same key and beside the others."""
    target = Path(path)
    kept = read_calibrations(target) if target.exists() else ()
    chosen = [c for c in kept if c.key != calibration.key] + [calibration]
    content = {"format": FORMAT, "calibrations": [asdict(c) for c in chosen]}
    write_whole(target, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return target


def read_calibrations(path: str | os.PathLike[str]) -> tuple[Calibration, ...]:
    """All calibrations of a file. Raises ValueError when it is damaged or of a newer format."""
    return _entries(read_object(path, "a calibration file", FORMAT), os.fspath(path))


def parse_calibrations(text: str, place: str) -> tuple[Calibration, ...]:
    """The same of a file's text, found in another file; place: that one, for the error."""
    what = f"{place} is not a model with a calibration file"
    return _entries(parse_object(text, what, FORMAT), place)


def _entries(content: Mapping[str, Any], place: str) -> tuple[Calibration, ...]:
    try:
        entries = read_value(tuple[Calibration, ...], content.get("calibrations"), "calibrations")
    except ValueError as error:
        raise ValueError(f"{place} is not a calibration file: {error}") from None
    return tuple(entries)


def calibration_from(entry: Mapping[str, Any]) -> Calibration:
    """A calibration from what `asdict` made of it. Raises ValueError for anything else."""
    calibration: Calibration = read_value(Calibration, entry, "calibration")
    return calibration
