"""What is said, and where progress is shown."""

from __future__ import annotations

import json
import os
import pty
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.process import reporting
from passerby.process.reporting import Reporter, Screen, Silent, printable, progress, say

DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def test_a_library_prints_lines_and_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    say("a line")
    with progress("work") as advance:
        advance(1, 2, "a note")
    assert capsys.readouterr() == ("a line\n", "")


def test_another_reporter_has_all_of_it_for_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    with reporting.reporting_to(Silent()):
        say("not heard")
    with pytest.raises(KeyError), reporting.reporting_to(Reporter()):
        raise KeyError
    say("heard")
    assert capsys.readouterr().out == "heard\n"


def test_in_a_log_progress_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(reporting.time, "monotonic", lambda: now[0])
    with reporting.reporting_to(Screen()), progress("embedding [a]") as advance:
        for done in range(7):
            now[0] = 10.0 * done
            advance(1000 * done, 6000 if done < 5 else 0, "so far")
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "embedding [a]: 3,000 of 6,000  so far\nembedding [a]: 6,000  so far\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_on_a_terminal_bars_are_on_stderr_and_lines_can_be_piped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inner work has a bar below the outer one; stdout, which is no terminal here, has the line."""
    leader, follower = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(follower, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with reporting.reporting_to(Screen()), progress("outer [x]") as outer:
            outer(1, 4)
            with progress("inner") as inner:
                inner(2, 5, "loss {0}")
            say("a line")
    shown = os.read(leader, 100_000).decode()
    os.close(leader)
    assert "outer [x]" in shown
    assert "1/4" in shown
    assert "inner" in shown
    assert "loss {0}" in shown
    assert "a line" not in shown
    assert capsys.readouterr().out == "a line\n"


@pytest.mark.parametrize(("rank", "heard"), [("0", True), ("1", False)])
def test_the_first_of_several_processes_speaks(
    rank: str, heard: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "one")
    monkeypatch.setenv("RANK", rank)
    say("a line")
    assert bool(capsys.readouterr().out) == heard


@pytest.mark.hostile
def test_control_characters_are_made_visible(capsys: pytest.CaptureFixture[str]) -> None:
    say("anna\x1b[2J \x9b31m \u202edrow \r gone \udcff\n\tnext", bold=True)
    assert capsys.readouterr().out == (
        "anna\\u001b[2J \\u009b31m \\u202edrow \\u000d gone \\udcff\n\tnext\n"
    )


@pytest.mark.hostile
@given(st.text(st.characters(exclude_categories=())))
def test_no_text_can_steer_a_terminal_and_json_stays_json(text: str) -> None:
    shown = printable(text)
    assert not {c for c in shown if unicodedata.category(c) in ("Cc", "Cs")} - {"\n", "\t"}
    assert not {c for c in shown if unicodedata.bidirectional(c) in DIRECTIONS}
    document = json.dumps({"name": text}, ensure_ascii=False)
    assert json.loads(printable(document)) == {"name": text}
