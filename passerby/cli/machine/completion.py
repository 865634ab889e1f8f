"""``passerby --tyro-print-completion bash``: what a shell needs to complete the command's words."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout

from passerby.process.reporting import answer

OPTION = "--tyro-print-completion"
SHELLS = ("bash", "zsh")


def print_completion(words: Sequence[str], parse: Callable[[Sequence[str]], object]) -> None:
    """Print the script that ``parse``, given the words, prints and exits.

    Raises ValueError for a shell that it knows none for.
    """
    if len(words) != 2 or words[1] not in SHELLS:
        raise ValueError(f"expected {OPTION} {' or '.join(SHELLS)}")
    script = io.StringIO()
    with redirect_stdout(script):
        try:
            parse(words)
        except SystemExit as leave:
            if leave.code:
                raise
    answer(in_lines(script.getvalue()).rstrip("\n"))


def in_lines(script: str) -> str:
    """The script, each description in it one line: it would take further ones for words."""
    return re.sub(
        r"^COMPLETION_SPEC = .*$", lambda found: found[0].replace("\\n", " "), script, flags=re.M
    )
