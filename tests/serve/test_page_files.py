"""The page's files: all words in one place, nothing inline, nothing from elsewhere, no markup made
of what strangers give."""

import re
from pathlib import Path

import pytest

from passerby import serve

PAGE = Path(serve.__file__).parent / "page"
SCRIPTS = {each.relative_to(PAGE).as_posix(): each.read_text() for each in PAGE.rglob("*.js")}
CODE = {name: text for name, text in SCRIPTS.items() if name != "texts.js"}
LINE = re.compile(r'^  "([\w.]+)": (.+),$', re.MULTILINE)
TEXTS = dict(LINE.findall(SCRIPTS["texts.js"]))


def keys_that_are_asked_for():
    """Keys in the scripts; those with a gap, as `visitors.${by}`, as patterns."""
    whole, patterns = set(), set()
    for text in CODE.values():
        # Where a key is not said beside t( it stands in a table of keys.
        whole |= {key for key in re.findall(r'"([a-z]+(?:\.\w+)?)"', text) if key in TEXTS}
        whole |= set(re.findall(r'\bt\("([^"]+)"', text))
        patterns |= set(re.findall(r"\bt\(`([^`]+)`", text))
    return whole, {re.compile(re.sub(r"\\\$\\\{.*?\\\}", r"\\w+", re.escape(p))) for p in patterns}


def test_every_text_that_is_asked_for_is_there_and_no_other():
    whole, patterns = keys_that_are_asked_for()
    assert len(TEXTS) > 200
    assert sorted(whole - TEXTS.keys()) == []
    unused = {key for key in TEXTS.keys() - whole if not any(p.fullmatch(key) for p in patterns)}
    assert sorted(unused) == []


def test_plurals_have_the_forms_of_the_language():
    forms = [value for value in TEXTS.values() if value.startswith("{")]
    assert forms
    assert all("one:" in each and "other:" in each for each in forms)


@pytest.mark.parametrize("name", sorted(CODE))
def test_a_script_makes_no_markup_of_strings(name):
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function"
        r"|setAttribute\(\"style\""
    )
    assert re.search(forbidden, CODE[name]) is None


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_script_imports_files_that_are_there_and_asks_nobody_else(name):
    folder = (PAGE / name).parent
    imported = re.findall(r'(?:from|import\(|file:) ?"(\.[^"]+)"', SCRIPTS[name])
    assert [each for each in imported if not (folder / each).is_file()] == []
    assert set(re.findall(r"https?://[^\"'` ]+", SCRIPTS[name])) <= {"http://www.w3.org/2000/svg"}


def test_the_first_page_has_nothing_inline_and_names_files_that_are_there():
    text = (PAGE / "index.html").read_text()
    assert re.search(r"<style|style=|\son\w+=|<script(?![^>]*src=)", text) is None
    named = re.findall(r'(?:href|src)="page/([^"]+)"', text)
    assert named
    assert [each for each in named if not (PAGE / each).is_file()] == []


def test_styles_ask_nobody():
    styles = "".join(each.read_text() for each in PAGE.rglob("*.css"))
    assert re.search(r"@import|url\(|expression\(", styles) is None
