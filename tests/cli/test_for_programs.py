"""What scripts and terminals rely on: JSON alone on stdout, exit codes, colour, completion."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from passerby.cli.app import _CALLED_AGAIN, _RESUMED, COMMANDS, GROUPS
from passerby.process.interruption import Stopped
from passerby.process.plain_json import as_json
from passerby.process.reporting import Screen, answer, reporting_to, say
from passerby.stores.about import About
from passerby.stores.opening import create_store
from passerby.tables.embeddings import Embeddings

ROOT = Path(__file__).resolve().parents[2]
EVERY = {**COMMANDS}
for _group, (_inner, _) in GROUPS.items():
    EVERY |= {f"{_group} {name}": command for name, command in _inner.items()}

DOES = (
    # write a model or a recipe, with its report and curves as JSON beside it
    "train", "distil", "search-architecture", "adapt",
    # write what was asked for into files, and name them
    "embed", "rank", "explain", "demo", "card", "push", "data synthesize", "data site",
    # run until they are stopped
    "mcp", "frigate", "serve start",
    # change what is kept; gallery show, person list, alert list, decisions and so on tell of it
    "gallery create", "gallery add", "gallery remove", "gallery compact", "gallery dump",
    "gallery restore", "gallery reembed", "gallery adapt", "gallery export-case",
    "gallery person name", "gallery person rename", "gallery person merge", "gallery person split",
    "gallery person apart", "gallery person not-a-person",
    "gallery alert add", "gallery alert judge", "gallery alert deliver", "gallery alert resume",
    "gallery alert remove", "gallery opt-out add", "gallery opt-out remove",
    "serve keys add", "serve keys revoke",
    # say yes or no, by their exit code too
    "gallery verify-certificate",
)  # fmt: skip
"""Commands that print no table, and so have no --json."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory, passerby_command):
    """Query and gallery as saved embeddings, and a report on them."""
    folder = tmp_path_factory.mktemp("saved")
    rng = np.random.default_rng(0)
    persons = np.arange(30) % 6
    for name in ("query", "gallery"):
        vectors = rng.normal(size=(6, 16))[persons] + rng.normal(size=(30, 16))
        Embeddings(vectors, persons, rng.integers(0, 3, 30), model="m").save(folder / f"{name}.npz")
    both = ["--query", folder / "query.npz", "--gallery", folder / "gallery.npz"]
    written = passerby_command("evaluate", *both, "--json", folder / "a.json")
    assert "rank-1" in written.out  # beside a file the text is printed
    return folder


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("list losses", "losses"),
        ("list models", "models"),
        ("pull", "weights"),
        ("show ours_market1501", "losses"),
        ("serve keys list --state {tmp}", "keys"),
        ("serve audit show --state {tmp}", "lines"),
        ("data check {tiny}", "findings"),
        ("evaluate --query {saved}/query.npz --gallery {saved}/gallery.npz --ties mean", "rank1"),
        (
            "verify --query {saved}/query.npz --gallery {saved}/gallery.npz --replicates 2",
            "open_set",
        ),
        ("compare-reports {saved}/a.json {saved}/a.json --replicates 3", "queries"),
        ("report {saved}/a.json", "rows"),
    ],
    ids=lambda text: text.partition(" {")[0],
)
def test_json_is_alone_on_stdout(words, name, passerby_command, saved, tiny_root):
    spoken = [word.format(tmp=saved, saved=saved, tiny=tiny_root) for word in words.split()]
    takes_file = spoken[0] in ("evaluate", "verify", "compare-reports")
    done = passerby_command(*spoken, "--json", *(["-"] if takes_file else []))
    assert done.code == 0, done.err
    assert name in json.loads(done.out)


def test_a_gallery_is_told_in_json(passerby_command, tmp_path):
    place = tmp_path / "lobby"
    create_store(place, About("m", "plain", 8)).close()
    for words, name in (
        ("gallery show", "sightings"),
        ("gallery check", "whole"),
        ("gallery person list", "persons"),
        ("gallery decisions", "decisions"),
        ("gallery opt-out list", "opt_outs"),
    ):
        done = passerby_command(*words.split(), place, "--json")
        assert done.code == 0, done.err
        assert name in json.loads(done.out), words
    assert json.loads(passerby_command("gallery", "alert", "list", place, "--json").out) == []


def test_what_is_said_beside_an_answer_goes_to_stderr(capsys):
    with reporting_to(Screen(answers_alone=True)):
        say("a note")
        answer('{"rows": 3}')
    told = capsys.readouterr()
    assert (told.out, told.err) == ('{"rows": 3}\n', "a note\n")
    with reporting_to(Screen()):
        say("a note")
        answer("rows: 3")
    assert capsys.readouterr().out == "a note\nrows: 3\n"


def test_json_is_one_option_everywhere():
    """Declared once for all commands, as a flag or, of the reports that others read, as a file."""
    kinds = {
        name: inspect.signature(command).parameters["json"].annotation
        for name, command in EVERY.items()
        if "json" in inspect.signature(command).parameters
    }
    files = {name for name, kind in kinds.items() if kind == "JsonFile"}
    assert files == {"evaluate", "verify", "compare-reports"}
    assert {kind for name, kind in kinds.items() if name not in files} == {"Json"}
    assert len(kinds) > 35


def test_every_command_has_json_or_does_something_that_is_told_in_a_line():
    """A new command has --json, or is entered in `DOES` by somebody who thought of it."""
    without = {
        name
        for name, command in EVERY.items()
        if "json" not in inspect.signature(command).parameters
    }
    assert without == {*DOES}


def test_results_become_json_whatever_they_hold():
    text = as_json(
        {"a": (np.float32(0.5), float("nan"), np.datetime64("2026-05-01T08", "us"))}, b=1
    )
    assert json.loads(text) == {"a": [0.5, None, "2026-05-01T08:00:00"], "b": 1}


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (ValueError("no"), 2),
        (FileNotFoundError(2, "No such file or directory", "a.npz"), 2),
        (KeyboardInterrupt(), 130),
        (Stopped("stopped", 15), 143),
    ],
    ids=lambda case: type(case).__name__ if isinstance(case, BaseException) else str(case),
)
def test_exit_codes(raised, code, passerby_command, monkeypatch):
    def fail(kind: str) -> str:
        raise raised

    monkeypatch.setattr("passerby.registry.listing", fail)
    done = passerby_command("list", "losses")
    assert done.code == code
    assert done.err.startswith("passerby: ")
    assert done.out == ""


def test_who_stops_a_command_is_told_whether_it_goes_on():
    """Every command that says of itself that it goes on, and no other."""
    again = {name for name, command in EVERY.items() if "goes on " in (command.__doc__ or "")}
    assert again == {*_CALLED_AGAIN}
    resumed = {name for name, command in EVERY.items() if "resume" in options_of(command)}
    assert resumed == {*_RESUMED}


def options_of(command):
    """Names of its options, those of groups of options too."""
    found = set()
    for name, kind in get_type_hints(command).items():
        fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
        found |= {name, *(field.name for field in fields)}
    return found


def listed_by(program: str) -> subprocess.CompletedProcess[str]:
    """How ``passerby list losses`` ends that this program starts."""
    words = [sys.executable, "-c", program, "list", "losses"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT of its own")
def test_ctrl_c_while_the_command_is_read_ends_without_a_traceback():
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # of jobs it is ignored\n"
        "class Slow:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'passerby.cli.app': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "from passerby.__main__ import main\n"
        "main()"
    )
    done = listed_by(program)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.skipif(os.name == "nt", reason="a shell that closes streams")
def test_closed_streams_are_no_fault():
    command = f"{sys.executable} -m passerby list losses >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], cwd=ROOT, check=False).returncode == 0


def test_exit_codes_of_words(passerby_command):
    assert passerby_command("list", "losses").code == 0
    assert passerby_command("--help").code == 0
    for words in (["lits"], ["list"], ["list", "losse"], ["list", "losses", "--jsn"]):
        done = passerby_command(*words)
        assert (done.code, done.out) == (2, ""), words


def test_a_fault_of_ours_is_shown_whole_and_ends_with_one():
    program = (
        "import passerby.registry, passerby.cli.app as app\n"
        "def fail(kind): raise RuntimeError('ours')\n"
        "passerby.registry.listing = fail\n"
        "app.main()"
    )
    done = listed_by(program)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_list_of_commands_is_brief_and_the_help_of_one_whole(passerby_command):
    more = "goes on from where it stopped"
    for words, whole in ((["embed"], True), ([], False), (["gallery"], False)):
        done = passerby_command(*words, "--help")
        assert (more in " ".join(re.sub("[│\\s]+", " ", done.out).split())) == whole, words
    assert "Embed images into a file" in passerby_command("--help").out


@pytest.mark.parametrize("name", ["gallery search", "watch", "evaluate", "gallery", "serve keys"])
def test_a_narrow_terminal_cuts_nothing(name, passerby_command, monkeypatch):
    shown = {}
    for columns in ("40", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        shown[columns] = passerby_command(*name.split(), "--help").out
    options = {*re.findall(r"--[a-z][a-z-]+", shown["200"])}
    assert options <= {*re.findall(r"--[a-z][a-z-]+", shown["40"])}
    assert "…" not in shown["40"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_no_color_is_obeyed():
    """On a terminal; without it there is colour there."""
    import pty

    colour = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|9[0-7]|4[0-8])[;0-9]*m")
    found = {}
    for name, given in (("plain", {"NO_COLOR": "1"}), ("coloured", {})):
        ours, theirs = pty.openpty()
        environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        process = subprocess.Popen(
            [sys.executable, "-m", "passerby", "serve", "keys", "list", "--help"],
            cwd=ROOT, stdout=theirs, stderr=theirs, env=environment | {"TERM": "xterm"} | given,
        )  # fmt: skip
        os.close(theirs)
        found[name] = _all_of(ours)
        os.close(ours)
        assert process.wait() == 0
    assert b"--state" in found["plain"]
    assert not colour.search(found["plain"])
    assert colour.search(found["coloured"])


def _all_of(terminal: int) -> bytes:
    """What comes out of a pseudo-terminal until the other end is closed."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # how Linux tells the end
            return b"".join(parts)
        if not part:
            return b"".join(parts)
        parts.append(part)


def test_a_shell_without_completion_is_refused(passerby_command):
    done = passerby_command("--tyro-print-completion", "fish")
    assert (done.code, done.err) == (
        2,
        "passerby: expected --tyro-print-completion bash or zsh\n",
    )


@pytest.mark.skipif(os.name == "nt" or shutil.which("bash") is None, reason="bash completes words")
def test_bash_completes_commands_and_options(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "passerby", "--tyro-print-completion", "bash"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (tmp_path / "passerby.bash").write_text(done.stdout)
    script = (
        f"source {tmp_path / 'passerby.bash'}\n"
        'try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); '
        'COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; '
        "$(complete -p passerby | sed 's/.*-F \\([^ ]*\\).*/\\1/') passerby; "
        'echo "${COMPREPLY[@]}"; }\n'
        "try passerby gal\ntry passerby gallery sea\ntry passerby gallery search lobby --rer\n"
    )
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert [line.split() for line in told.stdout.splitlines()] == [
        ["gallery"],
        ["search"],
        ["--rerank"],
    ]
