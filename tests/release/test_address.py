"""What a package index shows: every link of README and of the metadata leads somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

from release.address import published_project, published_readme

ROOT = Path(__file__).resolve().parents[2]
WHERE = ("https://forge.example/o/n", "v1.2.3")
TARGET = re.compile(r"\]\(([^)\s]+)\)")


def test_no_link_of_the_published_readme_is_relative():
    text = (ROOT / "README.md").read_text("utf-8")
    before, after = TARGET.findall(text), TARGET.findall(published_readme(text, *WHERE))
    assert len(before) == len(after) > 30
    for link, made in zip(before, after, strict=True):
        if link.startswith("https:"):
            assert made == link
        else:
            assert (ROOT / link).is_file()
            kind = "raw" if link.endswith(".webp") else "blob"
            assert made == f"https://forge.example/o/n/{kind}/v1.2.3/{link}"
    assert "<this repository>" not in published_readme(text, *WHERE)
    assert "<img" not in text  # HTML has links of its own


def test_the_published_metadata_has_addresses_and_is_else_the_same():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    made = published_project(text, *WHERE)
    project = tomllib.loads(made)
    urls = project["project"].pop("urls")
    assert urls["Source"] == WHERE[0]
    assert {*urls} == {"Source", "Documentation", "Changelog", "Issues"}
    assert project == tomllib.loads(text)
    with pytest.raises(ValueError, match="already"):
        published_project(made, *WHERE)


def test_a_release_builds_with_its_address():
    workflow = (ROOT / ".github/workflows/release.yml").read_text("utf-8")
    given = workflow.index("python -m release.address")
    assert given < workflow.index("python -m build")
