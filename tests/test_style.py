"""The repository is formatted, linted and typed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TYPED = [name for name in ("passerby", "start.py") if (ROOT / name).exists()]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check"], ["ruff", "format", "--check"], ["mypy", *TYPED]],
    ids=lambda command: " ".join(command[:2]),
)
def test_style(command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_merge_was_left_half_done():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    assert len(pages) > 20
    marked = [
        f"{page.relative_to(ROOT)}:{number}"
        for page in pages
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if line.startswith(("<<<<<<< ", ">>>>>>> ", "||||||| "))
    ]
    assert not marked


# Fixtures and calls that fail by themselves: they compare, or raise on what they cannot read;
# expect: of a browser, what is waited for.
JUDGES = {"expect", "raises", "warns", "check_gradients", "parse_command", "parse"}


def judges(function, known):
    """Whether a test can fail for a wrong value: it asserts, or calls something that does."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called in known or "assert" in called:
                return True
    return False


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda p: p.stem)
def test_every_test_asserts_something(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    own = {
        function.name
        for function in functions
        if any(isinstance(node, ast.Assert) for node in ast.walk(function))
    }
    tests = [function for function in functions if function.name.startswith("test_")]
    assert [test.name for test in tests if not judges(test, JUDGES | own)] == []
