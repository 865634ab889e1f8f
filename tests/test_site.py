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


def test_decisions_have_dates_and_links_into_code_are_not_shown():
    spec = importlib.util.spec_from_file_location("as_pages", DOCS / "as_pages.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
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
