"""The pages that lead from the paper to the code: each line that they name says what they quote.

``python tests/test_paper.py`` puts the lines right after a change.
"""

import re
from pathlib import Path

import pytest

from passerby.publications import publications
from passerby.registry import RECIPES
from passerby.version import __version__

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "docs" / name for name in ("paper.md", "how-reid-works.md")]
PAGE = PAGES[0].read_text(encoding="utf-8")
LINK = re.compile(r"\[[\w./]+:\d+\]\(\.\./(passerby/([\w./]+))#L\d+\) `([^`]+)`")
FIGURES = re.compile(r"\d+\.\d+ / \d+\.\d+")
DOI = "10.32604/iasc.2021.017926"


def refreshed(link: re.Match[str]) -> str:
    """A link with the line in which its quotation stands now."""
    path, short, quoted = link.groups()
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    found = [number for number, text in enumerate(lines, 1) if quoted in text]
    assert len(found) == 1, f"{quoted!r} must stand once in {path}, but does so in lines {found}"
    return f"[{short}:{found[0]}](../{path}#L{found[0]}) `{quoted}`"


def test_every_equation_figure_and_row_is_there() -> None:
    for number in range(1, 8):
        assert f"| Eq. {number}, " in PAGE
    for number in (1, 3, 4, 5, 6):
        assert f"Fig. {number}" in PAGE
    for row in ("baseline", "tri", "se", "danet", "non_local", "eca", "tri_cir", "ours"):
        assert f"`passerby train table1_{row}`" in PAGE
        assert f"table1_{row}" in RECIPES.names()
    assert len(LINK.findall(PAGE)) >= 28


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_lines_say_what_the_page_quotes(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(LINK.findall(text)) > 8
    assert LINK.sub(refreshed, text) == text, "python tests/test_paper.py puts the lines right"


def test_published_rows_are_those_of_the_recipes() -> None:
    """Figures that docs/reproduce.md prints beside a recipe stand in that recipe's file, too."""
    page = (ROOT / "docs" / "reproduce.md").read_text(encoding="utf-8")
    of_paper = {
        (publication.recipe, f"{score.rank1:g} / {score.mean_average_precision:g}")
        for publication in publications()
        for score in publication.scores
        if re.search(r"Table [234]( of the paper)?$|same in Table", score.source)
    }
    rows = {
        recipe: [number.replace(".0 ", " ").removesuffix(".0") for number in FIGURES.findall(line)]
        for line in page.splitlines()
        for recipe in re.findall(r"^\| [\w+ -]+ \| `(\w+)`", line)
    }
    assert len(rows) > 9
    missing = [(name, score) for name, score in of_paper if score not in rows.get(name, [score])]
    assert missing == []


@pytest.mark.parametrize("name", ["README.md", "CITATION.cff", "docs/paper.md", "passerby/demo.py"])
def test_the_paper_is_named_by_its_doi(name: str) -> None:
    assert DOI in (ROOT / name).read_text(encoding="utf-8")


def test_the_version_that_is_cited_is_this_one() -> None:
    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(LINK.sub(refreshed, path.read_text(encoding="utf-8")), encoding="utf-8")
