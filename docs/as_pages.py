"""A hook of MkDocs: what these pages have for readers of the code.

Links into the code, which lies beside the pages and not among them, become the names of its lines.
Decisions get their dates.
"""

import re
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

_INTO_CODE = re.compile(r"\[([^\]]+)\]\(\.\./passerby/[^)]*\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Called by MkDocs with the text of each page."""
    if page is not None and page.file.src_uri.startswith("decisions"):
        markdown = dated(markdown, _dates(Path(__file__).resolve().parent))
    return _INTO_CODE.sub(r"`\1`", markdown)


def dated(markdown: str, dates: dict[str, str]) -> str:
    """The text with its date below each heading of the second level that has one."""
    lines = []
    for line in markdown.splitlines():
        lines.append(line)
        if line.startswith("## ") and line in dates:
            lines += ["", f"*{dates[line]}*"]
    return "\n".join(lines) + "\n"


@cache
def _dates(docs: Path) -> dict[str, str]:
    """The day on which each heading of a decision was first written, as git knows it.

    So sections may move, from page to page too. None of a copy without history; a shallow copy
    would date everything alike, on the day of its first commit.
    """
    git = ["git", "-C", str(docs)]
    shallow = subprocess.run(
        [*git, "rev-parse", "--is-shallow-repository"], capture_output=True, text=True, check=False
    )
    if shallow.stdout.strip() != "false":
        return {}
    history = subprocess.run(
        [*git, "log", "--reverse", "--format=day %at", "-p", "-U0", "--", "decisions*"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    found: dict[str, str] = {}
    day = ""
    for line in history.stdout.splitlines():
        if line.startswith("day "):
            day = f"{datetime.fromtimestamp(int(line.split()[1]), UTC):%Y-%m-%d}"
        elif line.startswith("+## "):
            found.setdefault(line[1:], day)
    return found
