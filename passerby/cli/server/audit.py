"""``passerby serve audit``: who did what, and whether the log of it is as it was written."""

from __future__ import annotations

from json import dumps
from typing import Annotated

from tyro.conf import arg

from passerby.cli.options import File, Json, Number
from passerby.cli.server.keys import State
from passerby.process.plain_json import as_json
from passerby.process.reporting import answer, say
from passerby.process.spelling import count_of


def verify(
    *,
    state: State = None,
    file: File = None,
    known: Annotated[str, arg(metavar="HASH")] = "",
    json: Json = False,
) -> None:
    """Check that every line of the audit log is as it was written; name the first that is not.

    Args:
        file: a copy of the log, in place of the server's own.
        known: hash of a last line that was noted earlier: it shows lines that were taken away at
            the end, or a log that was written anew.
    """
    from pathlib import Path

    from passerby.serve.audit import LOG, check_lines
    from passerby.serve.state import state_folder

    path = state_folder(state) / LOG if file is None else Path(file)
    if not path.is_file():
        raise ValueError(f"there is no audit log at {path}: name the server's folder with --state")
    found = check_lines(path, known)
    if json:
        answer(as_json(found))
    if found.problem:
        raise ValueError(
            f"{path}: {found.problem}; "
            f"{count_of(found.lines, 'line before it is', 'lines before it are')} whole"
        )
    if not json:
        say(found)


def show(*, state: State = None, newest: Number = 20, json: Json = False) -> None:
    """Show the newest lines of the audit log.

    Args:
        newest: how many.
    """
    from passerby.serve.audit import Audit
    from passerby.serve.state import state_folder

    if newest < 1:
        raise ValueError(f"expected 1 line or more, got {newest}")
    lines = Audit(state_folder(state)).lines(newest)
    if json:
        answer(as_json({"lines": [*reversed(lines)]}))
        return
    for line in reversed(lines):
        who = line["by"] or "–"
        told = dumps(line["details"], ensure_ascii=False)
        say(f"{line['number']:>6}  {line['at']}  {who}  {line['did']}  {told}")
    if not lines:
        say("the audit log is empty")
