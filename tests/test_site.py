"""The documentation as a site: it builds strictly, offline, and has every page."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(str(page.relative_to(DOCS).as_posix()) for page in DOCS.rglob("*.md"))


def places(nav):
    """All pages of a navigation."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in places(part)]


def test_every_page_has_one_place_in_the_navigation():
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    assert sorted(places(settings["nav"])) == PAGES, "add new pages to mkdocs.yml, under nav"


def test_no_line_within_a_sentence_becomes_an_item_of_a_list():
    """A number with its sign at the beginning of a line is taken for one, here and elsewhere."""
    broken = re.compile(r"^\s*[+*-] +[0-9][0-9.]*[ ,%)](?!.*\*\*)", re.MULTILINE)
    texts = [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")]
    found = {page.name: broken.findall(page.read_text("utf-8")) for page in texts}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_pages_are_short_and_of_one_subject():
    """A page of more lines than this holds two; decisions are looked up, not read."""
    for page in PAGES:
        if not page.startswith("decisions"):
            lines = (DOCS / page).read_text("utf-8").splitlines()
            assert len(lines) <= 200, f"{page}: divide it by what a reader needs"


def test_pages_of_code_exist():
    named = {
        page
        for folder in ("passerby", "benchmarks", "examples", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for page in re.findall(r"docs/[\w/-]+\.md", path.read_text("utf-8"))
    }
    assert len(named) > 10
    assert [page for page in sorted(named) if not (ROOT / page).is_file()] == []


@pytest.fixture(scope="module")
def hook():
    """The file that MkDocs calls with each page."""
    spec = importlib.util.spec_from_file_location("as_pages", DOCS / "as_pages.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_a_decision_stands_on_one_page():
    written = [
        line
        for page in (DOCS / "decisions.md", *(DOCS / "decisions").glob("*.md"))
        for line in page.read_text("utf-8").splitlines()
        if line.startswith("## ")
    ]
    assert len(written) > 270
    assert len({*written}) == len(written)


def test_a_decision_keeps_its_date_where_it_moves(hook, tmp_path):
    def git(*words, day="2026-11-01"):
        when = {f"GIT_{who}_DATE": f"{day}T12:00:00+00:00" for who in ("AUTHOR", "COMMITTER")}
        name = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
        subprocess.run(
            ["git", "-C", tmp_path, *name, *words],
            env=os.environ | when,
            capture_output=True,
            check=True,
        )

    git("init")
    (tmp_path / "decisions.md").write_text("# Decisions\n\n## One\n\n## Two\n")
    git("add", ".")
    git("commit", "-m", "one")
    (tmp_path / "decisions").mkdir()
    (tmp_path / "decisions.md").write_text("# Decisions\n\n## Two\n\n## Three\n")
    (tmp_path / "decisions" / "a.md").write_text("## One\n")
    git("add", ".")
    git("commit", "-m", "two", day="2026-11-05")
    assert hook._dates(tmp_path) == {
        "## One": "2026-11-01",
        "## Two": "2026-11-01",
        "## Three": "2026-11-05",
    }


def test_decisions_have_dates_and_links_into_code_are_not_shown(hook):
    dates = {"## Two": "2026-11-22"}
    assert hook.dated("## One\na\n## Two\nb\n", dates) == ("## One\na\n## Two\n\n*2026-11-22*\nb\n")
    text = "```bash\nls\n```\n[losses/a.py:3](../passerby/losses/a.py#L3) `x`, [p](paper.md)\n"
    assert hook.on_page_markdown(text, page=None, config=None, files=None) == (
        "```bash\nls\n```\n`losses/a.py:3` `x`, [p](paper.md)\n"
    )


@pytest.mark.skipif(
    importlib.util.find_spec("mkdocs") is None, reason="MkDocs is not installed: passerby[docs]"
)
def test_it_builds_strictly_and_fetches_nothing(tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    for page in PAGES:
        made = (tmp_path / "site" / page).with_suffix(".html").read_text("utf-8")
        assert "<code>```" not in made, page
        fetched = re.findall(r'<(?:script|img)[^>]+src="(https?:[^"]+)', made)
        fetched += re.findall(
            r'<link rel="(?:stylesheet|preconnect)"[^>]+href="(https?:[^"]+)', made
        )
        assert fetched == [], page
    reference = (tmp_path / "site" / "api" / "index.html").read_text("utf-8")
    assert 'id="passerby.gallery.gallery.Gallery.search"' in reference
