"""One is one and several are several, wherever a count is said to who works with galleries."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import passerby
from passerby.process.spelling import count_of

ROOT = Path(passerby.__file__).parent
ROOMS = ("assistants", "cli", "fine_tuning", "gallery", "mqtt", "serve", "video")
COUNTED = re.compile(
    r" (answers|cameras|decisions|entries|files|frames|gaps|groups|hits|images|lines|messages|"
    r"pairs|passages|persons|pictures|questions|sightings|sources|tracklets)\b(?!/)"
)
SURELY_SEVERAL = {
    "found.images": "one is told by its name",
    "self.images": "pooled ones",
    "images": "pooled ones, or of a training",
    "count": "more than a bound",
    "self.persons": "at least so many as transit times are learnt from",
    "len(true)": "in an error of a program",
    "len(numbers) or 'no'": "one is right",
    "manifest['sightings']": "of a damaged file",
    "table": "no number",
}


def test_one_is_one_and_all_else_is_several():
    assert [count_of(n, "sighting") for n in (0, 1, 2)] == [
        "0 sightings",
        "1 sighting",
        "2 sightings",
    ]
    assert count_of(12_345, "entry", "entries") == "12,345 entries"
    assert count_of(1, "sighting has no time", "sightings have no time") == "1 sighting has no time"


def counted_in(file: Path) -> Iterator[str]:
    """Values that text names several of, without asking whether they are one."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for value, text in pairwise(parts):
            if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant):
                named = ast.unparse(value.value)
                constant = named.split(".")[-1].lstrip("_").isupper()
                rounded = value.format_spec and ast.unparse(value.format_spec) not in (
                    "f','",
                    "','",
                )
                if COUNTED.match(str(text.value)) and not (constant or rounded):
                    yield named


def test_a_count_on_a_page_asks_whether_it_is_one():
    """Of templates: {{ many }} sightings is said by the filter of the same name."""
    said = re.compile(r"\}\}" + COUNTED.pattern)
    pages = {page.name: page.read_text("utf-8") for page in ROOT.rglob("*.html")}
    assert len(pages) > 8
    assert {name: said.findall(text) for name, text in pages.items() if said.search(text)} == {}


def test_a_count_in_words_asks_whether_it_is_one():
    found = {
        f"{file.relative_to(ROOT)}: {named}"
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        for named in counted_in(file)
        if named not in SURELY_SEVERAL
    }
    assert found == set(), "say it by passerby.process.spelling.count_of"
