"""``passerby gallery review``: the questions that help most, asked in the terminal."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import UseAppendAction, arg

from passerby.cli.deciding.persons import By, login
from passerby.cli.options import File, Json, Number, Place
from passerby.process.reporting import answer, say
from passerby.process.spelling import count_of

Kinds = Annotated[
    UseAppendAction[tuple[Literal["merge", "split", "pair"], ...]], arg(metavar="KIND")
]


def review(
    place: Place,
    /,
    *,
    kind: Kinds = (),
    count: Number = 10,
    one_camera: bool = False,
    page: File = None,
    json: Json = False,
    by: By = "",
) -> None:
    """Ask whether persons are one and sightings of their person, ten questions at a time.

    Every answer can be undone, there and then or later (passerby gallery decisions --undo).

    Args:
        kind: merge: two persons who may be one; split: a sighting that may not be of its person;
            pair: what distances are worth is learnt from it (repeatable; default: all in turn).
        count: questions of --json.
        one_camera: ask about pairs by one camera, not by two: they are calibrated apart.
        page: HTML page for the pictures (removed at the end).
        json: print the questions and ask nothing.
    """
    from passerby.cli.reviewing import review as ask_in_terminal
    from passerby.gallery.gallery import Gallery
    from passerby.gallery.review.queue import KINDS, queue, queue_json

    kinds = kind or KINDS
    with Gallery.open(place) as gallery:
        if json:
            answer(queue_json(queue(gallery.view, count, kinds=kinds, one_camera=one_camera)))
            return
        with tempfile.TemporaryDirectory() as folder:
            target = Path(page or Path(folder) / "review.html")
            answered = ask_in_terminal(
                gallery, target, kinds=kinds, one_camera=one_camera, by=by or login()
            )
    say(
        f"{count_of(answered, 'question was', 'questions were')} answered; passerby gallery "
        "decisions lists what was decided"
    )
