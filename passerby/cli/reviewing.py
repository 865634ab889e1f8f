"""Questions about pairs in a terminal: ten at a time, each answer kept at once."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from passerby.process.reporting import printable, say
from passerby.process.spelling import count_of
from passerby.process.whole_files import require_folder_of

if TYPE_CHECKING:
    from passerby.cli.options import Reviewing
    from passerby.gallery.gallery import Gallery
    from passerby.gallery.review.queue import Asked, Kind

_KEYS: dict[str, bool | None] = {"s": True, "d": False, "c": None}
_PROMPT = "[s]ame, [d]ifferent, [c]annot say, [u]ndo, [q]uit: "


def run_review(gallery: Gallery, wanted: Reviewing) -> None:
    """Ask, write questions, or read what was judged, as the options say."""
    from passerby.cli.deciding.persons import login, said
    from passerby.gallery.review.asking import questions
    from passerby.gallery.review.learning import learn_from_answers
    from passerby.gallery.review.pair_files import read_answers, write_questions

    judged = wanted.answers or wanted.pairs
    if wanted.review:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(wanted.page or Path(folder) / "review.html")
            count = review(gallery, page, one_camera=wanted.one_camera, by=login())
        say(f"{count_of(count, 'pair was', 'pairs were')} answered; the gallery keeps the answers")
    elif wanted.questions is not None:
        require_folder_of(wanted.questions)
        asked = questions(gallery.view, wanted.count, one_camera=wanted.one_camera)
        write_questions(wanted.questions, asked)
        say(
            f"{count_of(len(asked), 'pair')} in {wanted.questions}: fill in the column same (yes, "
            "no, cannot say), then --answers with this file"
        )
    elif judged is not None:
        answers = read_answers(judged, gallery.view, labelled=wanted.pairs is not None)
        if not answers:
            raise ValueError(f"no pair of {judged} has an answer in its column same")
        new = {*answers} - {*gallery.store.refresh_about().answers}
        if new:
            said(gallery.ledger.answer(answers, by=login()))
        kept = len(gallery.store.about.answers)
        say(
            f"{count_of(len(answers), 'answer')} read, {len(new)} of them new; {kept} are kept in "
            "the gallery"
        )
        say(learn_from_answers(gallery.view))


def review(
    gallery: Gallery,
    page: Path,
    *,
    kinds: Sequence[Kind] = ("pair",),
    one_camera: bool = False,
    by: str = "",
    ask: Callable[[str], str] = input,
) -> int:
    """Ask ten questions at a time until somebody quits; returns how many were answered.

    page: HTML file that shows the pictures; it is removed at the end. Raises ValueError where
    nobody can be asked, and where there is nothing to ask.
    """
    from passerby.gallery.review.learning import learn_from_answers
    from passerby.gallery.review.queue import queue
    from passerby.visual.review_page import write_review_page

    if ask is input and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ValueError(
            "there is no terminal to ask in: write the questions with --questions FILE, fill in "
            "the column same, and read it with --answers FILE (passerby gallery calibrate), or "
            "print them (passerby gallery review --json)"
        )
    answered, more = 0, True
    try:
        while more:
            asked = queue(gallery.view, kinds=kinds, one_camera=one_camera)
            pictures = [one.sighting for each in asked for one in (each.first, each.second)]
            write_review_page(asked, page, gallery.thumbnails(pictures))
            say(
                f"open {page.resolve()} in a browser: the pictures of "
                f"{count_of(len(asked), 'pair')}"
            )
            given = _ask(gallery, asked, ask, by)
            answered += given
            more = given == len(asked)
            if "pair" in kinds:
                say(learn_from_answers(gallery.view))
            more = more and ask("ten more? [y/N] ").strip().lower() == "y"
    finally:
        page.unlink(missing_ok=True)
    return answered


def _ask(gallery: Gallery, asked: tuple[Asked, ...], ask: Callable[[str], str], by: str) -> int:
    """Put the questions one by one; returns how many have an answer when it ends."""
    from passerby.gallery.review.queue import Said, reply

    events: list[int] = []
    while len(events) < len(asked):
        question = asked[len(events)]
        text = f"{len(events) + 1} of {len(asked)}: {printable(question.words)} {_PROMPT}"
        said = ask(text).strip().lower()[:1]
        if said == "q":
            break
        if said == "u" and events:
            gallery.ledger.undo(events.pop(), by=by)
        elif said in _KEYS:
            pair = question.first.sighting, question.second.sighting
            answer = Said(question.kind, *pair, question.persons, _KEYS[said])
            events.append(reply(gallery.ledger, answer, by=by).number)
    return len(events)
