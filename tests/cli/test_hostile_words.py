"""Whatever stands on the command line, it ends in an answer or one clear line, not a traceback."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from passerby.cli.app import COMMANDS, GROUPS

PACKAGE = Path(__file__).resolve().parents[2] / "passerby"

# Those that draw, train or ask the network would do so for some words.
LEFT_OUT = {"demo", "pull", "data synthesize"}
ALL = [*COMMANDS, *(f"{group} {name}" for group, (inner, _) in GROUPS.items() for name in inner)]

HOSTILE_WORDS = [
    "",
    ".",
    "..",
    "-",
    "--",
    "~nouser/x",
    "~",
    "nowhere",
    "/dev/null",
    "a" * 300,
    "a/" * 60,
    "\x00",
    "a\x00b",
    "\x1b[2J",
    "\u202ex",
    "\udcff",
    "größe",
    "[red]",
    "*",
    "=",
    "x=",
    "=x",
    "a.npz",
    "a.csv",
    "a.zip",
    "a.json",
    "a.py:f",
    "market1501=",
    "table(=a",
    "folder(x=1)=.",
    "0",
    "-1",
    "1",
    "nan",
    "inf",
    "1e999",
    "9" * 40,
    "0x10",
    "1_0",
    "１",
    "None",
    "true",
    "cpu",
    "gpu",
    "cuda:99",
    "2GB",
    "-2GB",
    "2 apples",
    "milvus://",
    "postgres://",
    "postgres://[::1",
    "postgres://h/d/x\u2100",
    "milvus://[::1",
    "s3://b",
    "2026-05-01",
    "0001-01-01T00:00Z",
    "9999-12-31T23:59:59-23:59",
    "30d",
    "99999999w",
]
WORDS = st.sampled_from(HOSTILE_WORDS)
OPTIONS = st.sampled_from(
    [
        "--data",
        "--out",
        "--json",
        "--model",
        "--device",
        "--query",
        "--gallery",
        "--npz",
        "-k",
        "--camera",
        "--since",
        "--until",
        "--known",
        "--unknown",
        "--min-quality",
        "--keep",
        "--yes",
        "--set",
        "--seed",
        "--workers",
        "--cache",
        "--memory",
        "--rerank",
        "--top",
        "--file",
        "--names",
        "--zone",
        "--time",
        "--report",
        "--calibration",
        "--prior",
        "--rows",
        "--from",
    ]
)


@pytest.mark.hostile
def test_no_words_bring_a_traceback(
    trial: int, passerby_command: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PASSERBY_STATE", str(tmp_path / "state"))  # of a server's keys

    @seed(trial)
    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
    @given(
        command=st.sampled_from([command for command in ALL if command not in LEFT_OUT]),
        words=st.lists(WORDS | OPTIONS, max_size=6),
    )
    def try_words(command: str, words: list[str]) -> None:
        done = passerby_command(*command.split(), *words)
        assert done.code in (0, 2), done.err
        assert "Traceback" not in done.err
        assert "[Errno" not in done.err
        assert not {c for c in done.out + done.err if ord(c) < 32} - {"\n", "\t"}
        assert done.code == 0 or done.err.strip()

    try_words()


def test_no_message_cites_a_page_that_an_installed_package_lacks() -> None:
    """docs/ is not in the wheel; a message says what to run, or names the page by its title."""
    cited = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {
            id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
        }  # read where the source is
        cited += [
            f"{path.name}:{node.lineno}: {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and "docs/" in node.value
            and id(node) not in docstrings
        ]
    for path in sorted(PACKAGE.rglob("*.json")):
        cited += [path.name] * ("docs/" in path.read_text("utf-8"))
    assert cited == []
