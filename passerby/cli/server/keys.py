"""``passerby serve keys``: who may ask a server for what."""

from __future__ import annotations

from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from passerby.cli.options import Json
from passerby.process.plain_json import as_json
from passerby.process.reporting import answer, say

State = Annotated[
    str | None,
    arg(
        metavar="FOLDER",
        help="of the server's keys and audit log (default: PASSERBY_STATE, else your own).",
    ),
]
Name = Positional[Annotated[str, arg(metavar="NAME", help="of who has the key.")]]
Scopes = Annotated[
    UseAppendAction[tuple[Literal["read", "write", "delete", "admin"], ...]],
    arg(metavar="read|write|delete|admin"),
]


def add(
    name: Name,
    /,
    *,
    scope: Scopes = (),
    days: Annotated[float | None, arg(metavar="N")] = None,
    state: State = None,
) -> None:
    """Make a key and show it, once: only its hash is kept.

    Args:
        scope: what it is for (default: read). read: search and look; write: add, name, answer;
            delete: forget; admin: the audit log.
        days: after which it is of no use any more (default: it stays).
    """
    from passerby.serve.keys import Keys
    from passerby.serve.state import state_folder

    secret = Keys(state_folder(state)).add(name, scope or ("read",), days)
    say(secret)


def list_keys(*, state: State = None, json: Json = False) -> None:
    """Say who has a key, what for, and until when."""
    from passerby.gallery.text_tables import aligned
    from passerby.serve.keys import SCOPES, Keys
    from passerby.serve.state import state_folder

    keys = Keys(state_folder(state)).all()
    if json:
        answer(as_json({"keys": keys}))
        return
    if not keys:
        say("there is no key: passerby serve keys add NAME")
        return
    rows = [["name", "scopes", "made", "until"]]
    for key in keys:
        until = key.expires or "–"
        rows.append(
            [
                key.name,
                ", ".join(scope for scope in SCOPES if scope in key.scopes),
                key.created,
                f"{until} (over)" if key.expired() else until,
            ]
        )
    say("\n".join(aligned(rows)))


def revoke(name: Name, /, *, state: State = None) -> None:
    """Take a key away: from now on nobody can use it, at a running server neither."""
    from passerby.serve.keys import Keys
    from passerby.serve.state import state_folder

    Keys(state_folder(state)).revoke(name)
    say(f"revoked: {name}")
