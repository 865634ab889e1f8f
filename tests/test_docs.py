"""The code of README and docs: commands are understood, those marked and Python run.

A bash block below a line ``<!-- run -->`` is executed, all such blocks of a file in order and in
one empty folder. In any bash block each line ``passerby ...`` must name commands, options, recipes
and kinds of data that exist. Python blocks are run, in order, each page in a folder that has what
it names (``run_docs_python.py``); those below ``<!-- parsed -->``, which need a server or hours,
are parsed.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from importlib.util import find_spec
from itertools import pairwise, takewhile
from pathlib import Path
from pkgutil import resolve_name

import pytest

from passerby.config import open_recipe
from passerby.data.reading.reader import open_reader
from tests.conftest import Done

ROOT = Path(__file__).resolve().parents[1]
FILES = [
    path
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    )
    if path.exists()
]
FENCE = re.compile(r"^( *)(`{3,}|~{3,})(.*)$")
MARK = re.compile(r"^ *<!-- (run|parsed) -->$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language with its mark ("bash run"), its lines, the line it starts in."""

    info: str
    lines: tuple[str, ...]
    start: int


def blocks_of(text: str) -> Iterator[Block]:
    """The fenced blocks of a Markdown text."""
    fence, info, start, indent, lines, mark = "", "", 0, 0, [], ""
    for number, line in enumerate(text.splitlines(), 1):
        found = FENCE.match(line)
        if not fence:
            if found:
                indent, fence, start = len(found[1]), found[2], number
                info, lines = f"{found[3].strip()} {mark}".strip(), []
            marked = MARK.match(line)
            mark = marked[1] if marked else ""
        elif found and found[2].startswith(fence) and not found[3].strip():
            yield Block(info, tuple(lines), start)
            fence = ""
        else:
            lines.append(line[indent:])
    assert not fence, f"the block of line {start} is not closed"


def commands_of(block: Block) -> Iterator[list[str]]:
    """The commands of a bash block as lists of words, without comments and where output goes."""
    for line in "\n".join(block.lines).replace("\\\n", " ").splitlines():
        words = [*takewhile(lambda word: word not in ("|", ">"), shlex.split(line, comments=True))]
        if words:
            yield words


def as_a_shell_says(words: Sequence[str]) -> list[str]:
    """Words with the files that their stars stand for."""
    return [found for word in words for found in (sorted(glob(word)) or [word])]


def bash_blocks(path: Path) -> list[Block]:
    blocks = blocks_of(path.read_text(encoding="utf-8"))
    return [block for block in blocks if block.info.split()[:1] == ["bash"]]


# Each command once, by the first place that shows it: many pages show the same.
PLACES = {
    tuple(words): f"{path.relative_to(ROOT)}:{block.start}: {' '.join(words)}"[:90]
    for path in reversed(FILES)
    for block in reversed(bash_blocks(path))
    for words in commands_of(block)
    if words[0] == "passerby"
}
SHOWN = [pytest.param(words, id=place) for words, place in PLACES.items()]
RUN = [path for path in FILES if any(block.info == "bash run" for block in bash_blocks(path))]


def test_blocks_are_found() -> None:
    marked = "<!-- run -->\n```bash\npasserby a \\\n  'b c' # d\n\n# e\n```\n"
    text = f"a\n{marked}  ~~~python\n  x\n  ~~~\n"
    first, second = blocks_of(text)
    assert (first.info, first.start) == ("bash run", 3)
    assert list(commands_of(first)) == [["passerby", "a", "b c"]]
    assert second == Block("python", ("x",), 9)
    with pytest.raises(AssertionError, match="line 1 is not closed"):
        list(blocks_of("```bash\nls"))


def test_every_bash_block_is_known() -> None:
    """A slip in the mark would leave a block unread."""
    for path in FILES:
        infos = {block.info for block in bash_blocks(path)}
        assert infos <= {"bash", "bash run"}, path.name
        text = path.read_text(encoding="utf-8")
        marks = [line for line in text.splitlines() if MARK.match(line)]
        assert len(marks) == sum(" " in block.info for block in blocks_of(text)), path.name


@pytest.mark.parametrize("words", SHOWN)
def test_a_command_is_understood(
    words: Sequence[str], parse_command: Callable[[Sequence[str]], None]
) -> None:
    parse_command(words[1:])


@pytest.mark.parametrize("words", SHOWN)
def test_what_a_command_names_exists(words: Sequence[str]) -> None:
    settings = [b for a, b in pairwise(words) if a == "--set"]
    if words[1] == "train" and not re.search(r"\.(json|py\b)", words[2]):
        open_recipe(words[2], settings)
    given = [b for a, b in pairwise(words) if a in ("--data", "--evaluate-on")]
    given += list(words[3:4]) if words[1:3] == ["data", "check"] else []
    for data in given:
        with pytest.raises(ValueError, match=r"no such file or folder: \w+"):
            open_reader(data)  # the kind and its options stand, the folder does not


@pytest.mark.parametrize("path", RUN, ids=lambda path: str(path.relative_to(ROOT)))
def test_marked_blocks_run(
    path: Path,
    tmp_path: Path,
    passerby_command: Callable[..., Done],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for block in bash_blocks(path):
        for words in commands_of(block) if block.info == "bash run" else ():
            assert words[0] == "passerby", f"line {block.start}: only passerby commands are run"
            done = passerby_command(*as_a_shell_says(words[1:]))
            assert done.code == 0, f"{shlex.join(words)}\n{done.out}{done.err}"


PYTHON = {
    path: [block for block in blocks_of(path.read_text("utf-8")) if "python" in block.info]
    for path in FILES
}


def installed(module: str) -> bool:
    """Whether a module is ours or of a package that is here: other trackers' are not."""
    package = module.partition(".")[0]
    return package == "passerby" or find_spec(package) is not None


def test_every_python_block_is_known() -> None:
    """Those that are not run are at least Python, and import what exists, if that is installed."""
    for path, blocks in PYTHON.items():
        for block in blocks:
            assert block.info in ("python", "python parsed"), f"{path.name}:{block.start}"
            for node in ast.walk(ast.parse("\n".join(block.lines))):
                if isinstance(node, ast.ImportFrom) and node.module and installed(node.module):
                    for alias in node.names:
                        resolve_name(f"{node.module}:{alias.name}")


def test_python_blocks_run(tmp_path: Path) -> None:
    pages = [str(path) for path, blocks in PYTHON.items() if blocks]
    assert len(pages) > 5
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "tests" / "run_docs_python.py"),
            str(tmp_path / "start"),
            *pages,
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
