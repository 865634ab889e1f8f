"""Options that commands share, and words on the command line that are nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from passerby.cli.app import COMMANDS, GROUPS
from passerby.cli.options import Filter
from passerby.tables.filters import Where

ROOT = Path(__file__).resolve().parents[2]


def test_a_filter_from_words() -> None:
    said = Filter(
        person=("anna",),
        not_camera=("hall",),
        since="2026-05-01T08:30:00Z",
        unknown=True,
        min_quality=0.5,
    )
    assert said.where() == Where(
        persons=("anna",),
        not_cameras=("hall",),
        since=datetime(2026, 5, 1, 8, 30, tzinfo=UTC),
        known=False,
        min_quality=0.5,
    )
    assert Filter(known=True).where() == Where(known=True)
    assert Filter().where() == Where()


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        (Filter(known=True, unknown=True), "--known and --unknown contradict"),
        (Filter(camera=("a", "b"), not_camera=("b",)), "both name b"),
        (Filter(until="2026-05-01T08:30:00"), "has no zone"),
        (Filter(since="2026-05-02T00:00Z", until="2026-05-01T00:00Z"), "must lie before"),
    ],
)
def test_conditions_that_contradict_are_refused(filter: Filter, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        filter.where()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian", "bot"], "no command is named 'trian'; did you mean 'train'?"),
        (["galery", "show"], "did you mean 'gallery'?"),
        (["gallery", "serach", "g"], "has no command 'serach'; did you mean 'search'?"),
        (["data", "chek"], "did you mean 'check'?"),
        (["gallery", "search", "g", "a.jpg", "--camra", "1"], "--camera"),
        (["gallery", "search", "g", "a.jpg", "--json", "--csv"], "--json and --csv contradict"),
    ],
)
def test_the_nearest_word_is_named(
    words: list[str], message: str, passerby_command: Callable
) -> None:
    done = passerby_command(*words)
    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize(
    "words",
    [[], *(name.split() for name in (*COMMANDS, *GROUPS))]
    + [[*group.split(), name] for group, (commands, _) in GROUPS.items() for name in commands],
    ids=" ".join,
)
@pytest.mark.parametrize("columns", ["20", "100"])
def test_help_names_what_each_option_takes(
    words: list[str], columns: str, passerby_command: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = passerby_command(*words, "--help")
    assert (done.code, done.err) == (0, "")
    for word in ("STR", "INT", "FLOAT"):
        assert f" {word}" not in done.out
        assert f"[{word}" not in done.out


@pytest.mark.skipif(os.name == "nt", reason="pipes of Windows end in another way")
@pytest.mark.parametrize("words", ["list recipes", "--help", "gallery search --help"])
def test_a_closed_pipe_is_no_error(words: str) -> None:
    """As ``passerby list recipes | head -0``: read nothing, say nothing."""
    command = [sys.executable, "-u", "-m", "passerby", *words.split()]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(
            command, cwd=ROOT, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
