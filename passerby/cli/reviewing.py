"""Questions about pairs in a terminal: ten at a time, each answer kept at once."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from passerby.process.reporting import say
from passerby.process.whole_files import require_folder_of

if TYPE_CHECKING:
    from passerby.cli.options import Reviewing
    from passerby.gallery.gallery import Gallery
    from passerby.gallery.review.asking import Question

_KEYS: dict[str, bool | None] = {"s": True, "d": False, "c": None}
_PROMPT = "{number} of {count}: [s]ame, [d]ifferent, [c]annot say, [u]ndo, [q]uit: "


def run_review(gallery: Gallery, wanted: Reviewing) -> None:
    """Ask, write questions, or read what was judged, as the options say."""
    from passerby.gallery.review.asking import questions
    from passerby.gallery.review.learning import learn_from_answers
    from passerby.gallery.review.pair_files import read_answers, write_questions
    from passerby.gallery.reviewed_pairs import record_answers

    judged = wanted.answers or wanted.pairs
    if wanted.review:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(wanted.page or Path(folder) / "review.html")
            count = review(gallery, page, one_camera=wanted.one_camera)
        say(f"{count} pairs were answered; the gallery keeps the answers")
    elif wanted.questions is not None:
        require_folder_of(wanted.questions)
        asked = questions(gallery.view, wanted.count, one_camera=wanted.one_camera)
        write_questions(wanted.questions, asked)
        say(
            f"{len(asked)} pairs in {wanted.questions}: fill in the column same (yes, no, cannot "
            "say), then --answers with this file"
        )
    elif judged is not None:
        answers = read_answers(judged, gallery.view, labelled=wanted.pairs is not None)
        if not answers:
            raise ValueError(f"no pair of {judged} has an answer in its column same")
        kept = record_answers(gallery.view, answers)
        say(f"{len(answers)} answers read, {kept} are kept in the gallery")
        say(learn_from_answers(gallery.view))


def review(
    gallery: Gallery, page: Path, *, one_camera: bool = False, ask: Callable[[str], str] = input
) -> int:
    """Ask ten questions at a time until somebody quits; returns how many were answered.

    page: HTML file that shows the pictures; it is removed at the end. Raises ValueError where
    nobody can be asked, and where there is nothing to ask.
    """
    from passerby.gallery.review.asking import questions
    from passerby.gallery.review.learning import learn_from_answers
    from passerby.visual.review_page import write_review_page

    if ask is input and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ValueError(
            "there is no terminal to ask in: write the questions with --questions FILE, fill in "
            "the column same, and read it with --answers FILE"
        )
    answered, more = 0, True
    try:
        while more:
            asked = questions(gallery.view, one_camera=one_camera)
            pictures = [one.sighting for each in asked for one in (each.first, each.second)]
            write_review_page(asked, page, gallery.thumbnails(pictures))
            say(f"open {page.resolve()} in a browser: the pictures of {len(asked)} pairs")
            given = _ask(gallery, asked, ask)
            answered += given
            more = given == len(asked)
            learnt = learn_from_answers(gallery.view)
            say(learnt)
            more = more and ask("ten more? [y/N] ").strip().lower() == "y"
    finally:
        page.unlink(missing_ok=True)
    return answered


def _ask(gallery: Gallery, asked: tuple[Question, ...], ask: Callable[[str], str]) -> int:
    """Put the questions one by one; returns how many have an answer when it ends."""
    from passerby.gallery.reviewed_pairs import answer, record_answers, withdraw_answers

    number = 0
    while number < len(asked):
        said = ask(_PROMPT.format(number=number + 1, count=len(asked))).strip().lower()[:1]
        if said == "q":
            break
        if said == "u":
            number = max(0, number - 1)
            pair = asked[number].first.sighting, asked[number].second.sighting
            withdraw_answers(gallery.view, [answer(*pair, None)])
        elif said in _KEYS:
            pair = asked[number].first.sighting, asked[number].second.sighting
            record_answers(gallery.view, [answer(*pair, _KEYS[said])])
            number += 1
    return number
