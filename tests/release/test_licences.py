"""Licences: none that binds what is built with Passerby, and the page says what there is."""

from importlib.metadata import Distribution

import pytest

from passerby.extras import EXTRAS
from release.dependencies import closure, direct
from release.licences import PAGE, UNKNOWN, carried, copyleft, licence

TOLD = PAGE.read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "bound"),
    [
        ("GPL-3.0-or-later", True),
        ("License :: OSI Approved :: GNU Affero General Public License v3", True),
        ("AGPL-3.0", True),
        ("GNU General Public License (GPL)", True),
        ("LGPL-3.0-only", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("MIT OR GPL-2.0-only", False),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", False),
        ("BSD-3-Clause", False),
    ],
)
def test_the_gpl_is_told_from_what_is_near_it(words, bound):
    assert copyleft(words) == bound


def test_nothing_under_the_gpl_comes_along():
    licences = {name: licence(found) for name, found in closure(["all", "docs"]).items()}
    assert "Apache-2.0" in licences["torch"]
    assert [name for name, words in licences.items() if copyleft(words)] == []
    assert [name for name, words in licences.items() if words == UNKNOWN] == []


def test_libraries_under_the_gpl_within_wheels_are_told():
    """What PyAV's wheels carry is told on the page; another such package is to be looked at."""
    found = {name for name, one in closure(["all"]).items() if carried(one)}
    assert found <= {"av"}
    assert "x264 and x265" in TOLD


def test_a_licence_is_read_from_wherever_the_metadata_have_it(tmp_path):
    def of(*lines):
        folder = tmp_path / f"{len([*tmp_path.iterdir()])}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("\n".join(["Name: a", *lines]), "utf-8")
        return licence(Distribution.at(folder))

    assert of("License-Expression: MIT AND Zlib") == "MIT AND Zlib"
    assert of("Classifier: License :: OSI Approved :: Apache Software License") == "Apache-2.0"
    assert of("License: BSD 3-Clause") == "BSD"
    assert copyleft(of("License: GPLv3"))
    assert of() == UNKNOWN


def test_the_page_names_all_that_pyproject_names():
    rows = {line.split(" | ")[1] for line in TOLD.splitlines() if line.startswith("| ")}
    wanted = {name for extra in ["", *EXTRAS] for name in direct(extra)}
    assert wanted <= rows, "python -m release.licences writes docs/licences.md"
