"""What a user is told while work is done: lines, and how far it has come.

Any function may `say` a line or show its `progress`; none takes a console. Where both go is set
once, by the application: used as a library Passerby prints lines and shows no progress; the
command shows it on stderr, as bars on a terminal and as a line now and then in a log. Of several
processes that train together the first one speaks.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress

LOG_SECONDS = 30.0
"""Between two lines of progress where there is no terminal."""

# What moves a terminal's cursor, colours, clears or re-orders its text: C0 (but tab and new line),
# DEL, C1, the marks of text direction, separators of lines, and halves of surrogate pairs, which
# file names that are no Unicode bring along and no stream can encode.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


class Advance(Protocol):
    """How far work has come: of ``total`` things (0: not known) ``done``; note: said beside it."""

    def __call__(self, done: float, total: float, note: str = "") -> None: ...


class Reporter:
    """A library's: lines are printed, no progress is shown. Subclasses send both elsewhere."""

    def say(self, text: str, *, bold: bool = False) -> None:
        """One line, or several."""
        text = printable(text)
        print(f"\x1b[1m{text}\x1b[0m" if bold and _styled() else text, flush=True)

    def answer(self, text: str) -> None:
        """What was asked for; what is said goes elsewhere where a program reads it."""
        self.say(text)

    def progress(self, text: str) -> AbstractContextManager[Advance]:
        """Show how far the work named ``text`` has come."""
        del text
        return _unseen()


class Silent(Reporter):
    """Nothing is said."""

    def say(self, text: str, *, bold: bool = False) -> None:
        """Not."""

    def answer(self, text: str) -> None:
        """Not."""


class Screen(Reporter):
    """The command's: progress goes to stderr, so that what is printed can be piped on.

    answers_alone: on stdout; what is said beside an answer goes to stderr, too.
    """

    def __init__(self, *, answers_alone: bool = False) -> None:
        self._bars: Progress | None = None
        self._answers_alone = answers_alone

    def answer(self, text: str) -> None:
        """On stdout, in whole lines."""
        print(printable(text), flush=True)

    def say(self, text: str, *, bold: bool = False) -> None:
        """Print lines above the bars, where there are some."""
        if self._answers_alone:
            print(printable(text), file=sys.stderr, flush=True)
            return
        if self._bars is None or not sys.stdout.isatty():
            super().say(text, bold=bold)
            return
        from rich.text import Text

        shown = Text(printable(text), "bold" if bold else "")
        self._bars.console.print(shown, soft_wrap=True, highlight=False)

    def progress(self, text: str) -> AbstractContextManager[Advance]:
        """A bar on a terminal, inner work's below the outer; in a log a line now and then."""
        bars = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        return self._bar(printable(text)) if bars else _in_a_log(printable(text))

    @contextmanager
    def _bar(self, text: str) -> Iterator[Advance]:
        if self._bars is not None:
            yield self._task(self._bars, text)
            return
        self._bars = _bars()
        try:
            with self._bars:
                yield self._task(self._bars, text)
        finally:
            self._bars = None

    @staticmethod
    def _task(bars: Progress, text: str) -> Advance:
        task = bars.add_task(text, total=None, note="")

        def advance(done: float, total: float, note: str = "") -> None:
            bars.update(task, completed=done, total=total or None, note=note)

        return advance


_reporter = Reporter()


def say(text: object, *, bold: bool = False) -> None:
    """Tell the user a line, or several; control characters in it are made visible."""
    if _first_process():
        _reporter.say(str(text), bold=bold)


def answer(text: object) -> None:
    """Give the user what a command was asked for, such as a table or JSON; all else is said."""
    if _first_process():
        _reporter.answer(str(text))


def progress(text: str) -> AbstractContextManager[Advance]:
    """A context in which work named ``text`` tells how far it has come, by a function."""
    return _reporter.progress(text) if _first_process() else _unseen()


@contextmanager
def reporting_to(reporter: Reporter) -> Iterator[None]:
    """Let a reporter have all that is said in this process, until the context ends."""
    global _reporter  # noqa: PLW0603 - one for the process: work may go on in threads
    before, _reporter = _reporter, reporter
    try:
        yield
    finally:
        _reporter = before


def printable(text: str) -> str:
    r"""Text whose control characters are written as ``\u009b``: valid in JSON's strings too."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _styled() -> bool:
    """Whether stdout is a terminal that shows bold text, and nobody forbade it (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


def _first_process() -> bool:
    """Whether this is the first of the processes that torchrun started, or none were."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("RANK", "0") == "0"


@contextmanager
def _unseen() -> Iterator[Advance]:
    yield lambda done, total, note="": None


@contextmanager
def _in_a_log(text: str) -> Iterator[Advance]:
    last = time.monotonic()

    def advance(done: float, total: float, note: str = "") -> None:
        nonlocal last
        if time.monotonic() - last >= LOG_SECONDS:
            last = time.monotonic()
            of = f" of {total:,}" if total else ""
            print(f"{text}: {done:,}{of}  {note}".rstrip(), file=sys.stderr, flush=True)

    yield advance


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    # Names may hold [brackets], which are not markup.
    name = TextColumn("{task.description}", markup=False)
    note = TextColumn("{task.fields[note]}", markup=False)
    columns = (name, BarColumn(), MofNCompleteColumn(), note, TimeRemainingColumn())
    return Bars(*columns, console=Console(stderr=True), redirect_stdout=False)
