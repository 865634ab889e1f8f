"""Commands that are named in messages, help, pages and inline code exist, with their options."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args, get_type_hints

from passerby.cli.app import COMMANDS, GROUPS
from passerby.cli.models import Kind

ROOT = Path(__file__).resolve().parents[2]
EVERY = {**COMMANDS}
for _group, (_inner, _) in GROUPS.items():
    EVERY |= {f"{_group} {name}": command for name, command in _inner.items()}
ENDINGS = ("py", "html", "jinja", "js")
TEXTS = [path for end in ENDINGS for path in sorted((ROOT / "passerby").rglob(f"*.{end}"))]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
JOINED = re.compile(r'"\s*\n\s*f?"')  # two literals that Python reads as one
NAMED = re.compile(r"passerby\s+([a-z][a-z-]*(?: [a-z][a-z-]*)*)([^\"`\n;:,.)]*)")
INLINE = re.compile(r"`(passerby [^`]+)`")


def options_of(command: Callable[..., None]) -> set[str]:
    """Its options as they are written, those of groups of options too."""
    found: set[str] = set()
    for name, kind in get_type_hints(command, include_extras=True).items():
        base = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
        if dataclasses.is_dataclass(base):
            found |= options_of(base)  # type: ignore[arg-type]
        named = [getattr(made, "name", None) for made in getattr(kind, "__metadata__", ())]
        found.add(next((said for said in named if said), name).replace("_", "-"))
    return found


def wrong(text: str) -> Iterator[str]:
    """What a text names and there is not."""
    first = {*COMMANDS, *(group.split()[0] for group in GROUPS)}
    for said, more in NAMED.findall(text):
        words = said.split()
        if words[0] not in first:  # "passerby is", a package, a person
            continue
        starts = [" ".join(words[:count]) for count in (3, 2, 1)]
        name = next((start for start in starts if start in EVERY), None)
        if name is None:
            if said not in GROUPS:
                yield f"passerby {said}"
            continue
        if name == "list" and len(words) > 1 and words[1] not in get_args(Kind):
            yield f"passerby {said}"
        for option in re.findall(r"--([a-z][a-z0-9-]+)", more):
            if not {option, option.removeprefix("no-")} & options_of(EVERY[name]):
                yield f"passerby {said}{more}: --{option}"


def test_what_is_wrong_is_found() -> None:
    text = (
        "see passerby lst; passerby list things, passerby gallery shw; passerby list losses --all"
    )
    assert [*wrong(text)] == [
        "passerby list things", "passerby gallery shw", "passerby list losses --all: --all",
    ]  # fmt: skip


def test_commands_in_messages_and_help_exist() -> None:
    found = {
        str(path.relative_to(ROOT)): [*wrong(JOINED.sub("", path.read_text("utf-8")))]
        for path in TEXTS
    }
    assert len(found) > 400
    assert {path: what for path, what in found.items() if what} == {}


def test_commands_within_lines_of_pages_exist() -> None:
    found = {
        str(path.relative_to(ROOT)): [
            what
            for command in INLINE.findall(path.read_text("utf-8"))
            for what in wrong(" ".join(command.split()))
        ]
        for path in PAGES
    }
    assert {path: what for path, what in found.items() if what} == {}
