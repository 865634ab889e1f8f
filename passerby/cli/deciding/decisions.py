"""``passerby gallery decisions``: who decided what and when, and undoing it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from passerby.cli.deciding.persons import By, login, said
from passerby.cli.options import File, Json, Number, Place
from passerby.process.reporting import answer, say
from passerby.process.spelling import count_of
from passerby.process.whole_files import require_folder_of, write_whole


def decisions(
    place: Place,
    /,
    *,
    undo: Annotated[str | None, arg(metavar="last|N")] = None,
    person: Annotated[str, arg(metavar="NAME")] = "",
    newest: Number = 0,
    json: Json = False,
    csv: bool = False,
    out: File = None,
    by: By = "",
) -> None:
    """List what people decided about who is who, the last first, or take a decision back.

    Args:
        undo: take the last decision that holds back, or the one of this number; all is then as it
            was before it.
        person: decisions that a person of this name takes part in.
        newest: at most so many (default: all).
        csv: a row for each sighting and pair of each decision, as CSV.
        out: write them into this file, not here: .csv or .json, with every sighting.
    """
    from passerby.gallery.gallery import Gallery
    from passerby.gallery.ledger.exporting import events_csv, events_json, events_text

    kinds = {"json": json, "csv": csv}
    if out is not None:
        require_folder_of(out)
        ending = Path(out).suffix.lower().removeprefix(".")
        if ending not in kinds or json or csv:
            raise ValueError(
                f"expected a file that ends in .csv or .json, without --csv and --json; got {out}"
            )
        kinds[ending] = True
    if json and csv:
        raise ValueError("--json and --csv contradict each other: name one")
    with Gallery.open(place) as gallery:
        if undo is not None:
            said(gallery.ledger.undo(_number(undo), by=by or login()))
            return
        events = gallery.ledger.events(newest or None, person=person, whole=any(kinds.values()))
    text = events_json if kinds["json"] else events_csv if kinds["csv"] else events_text
    if out is None:
        answer(text(events).rstrip("\n"))
    else:
        write_whole(Path(out), text(events))
        say(f"{count_of(len(events), 'decision')} in {out}; it names persons and who decided")


def _number(text: str) -> int | None:
    if text == "last":
        return None
    if not text.isdecimal():
        raise ValueError(f"expected the number of a decision, or last, got {text!r}")
    return int(text)
