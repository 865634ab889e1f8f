"""Finding: one line of what the doctor sees, and the text of all of them, fit for an issue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

State = Literal["fine", "note", "trouble"]

_MARKS = {"fine": " ", "note": "!", "trouble": "X"}


@dataclass(frozen=True)
class Finding:
    """name: of what; said: as found; state: a note is to be known, trouble breaks something;
    advice: what to do, "" for nothing."""

    name: str
    said: str
    state: State = "fine"
    advice: str = ""


def findings_text(findings: Sequence[Finding]) -> str:
    """A line each, with what to do below; paths of the user's home begin with ``~``."""
    width = max(len(one.name) for one in findings)
    lines = []
    for one in findings:
        lines.append(f"{_MARKS[one.state]} {one.name.ljust(width)}  {one.said}")
        if one.advice:
            lines.append(f"  {' ' * width}  -> {one.advice}")
    counts = {state: sum(one.state == state for one in findings) for state in _MARKS}
    lines.append(f"{counts['trouble']} troubles (X), {counts['note']} notes (!)")
    return _without_home("\n".join(lines))


def findings_json(findings: Sequence[Finding]) -> str:
    """``{"findings": [...]}``."""
    return _without_home(json.dumps({"findings": [asdict(one) for one in findings]}, indent=1))


def _without_home(text: str) -> str:
    try:
        home = str(Path.home())
    except RuntimeError:
        return text
    return text if home in ("", "/") else text.replace(home, "~")
