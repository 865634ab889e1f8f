"""Filters that name what the gallery does not know are errors that name the nearest."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from passerby.cli.gallery import remove as remove_command
from passerby.cli.options import Filter
from passerby.gallery.known_names import nearest
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings

COMPOSED = "Zoë Ångström"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


@pytest.fixture
def named(gallery):
    """Three sightings: of anna at the entrance, of a name that macOS wrote, and of nobody."""
    gallery.store.write(
        Sightings(
            ["a0" * 16, "b1" * 16, "c2" * 16],
            np.eye(3, gallery.about.dimensions),
            persons=["anna", DECOMPOSED, "-1"],
            cameras=["entrance", "hall", "hall"],
            sources=["site", "site", "site"],
        )
    )
    return gallery


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (Where(persons=("anna", "ana")), "no person is named 'ana'; did you mean 'anna'"),
        (Where(persons=("Anna ",)), "did you mean 'anna'"),
        (Where(persons=("-1",)), "no person is named '-1'; known are: Zo"),
        (Where(cameras=("99",)), "no sighting is by the camera '99'; known are: entrance, hall"),
        (Where(not_cameras=("entrnce",)), "did you mean 'entrance'"),
        (Where(sources=("cite",)), "no sighting is of the source 'cite'; did you mean 'site'"),
        (Where(ids=("a0" * 15 + "a1",)), "no sighting has the id 'a0a0.*did you mean 'a0a0"),
    ],
)
def test_unknown_names_are_errors(named, where, said):
    vector = np.eye(1, named.about.dimensions)[0]
    for action in (
        lambda: named.remove(where),
        lambda: named.keep("30d", where),
        lambda: named.search(vector, where=where),
        lambda: named.link(where),
        lambda: named.count(where),
    ):
        with pytest.raises(ValueError, match=said):
            action()
    assert len(named) == 3


def test_a_name_is_one_in_both_forms_of_unicode(named):
    assert named.count(Where(persons=(COMPOSED,))) == 1
    assert named.remove(Where(persons=(DECOMPOSED,))).count == 1
    with pytest.raises(ValueError, match="no person is named"):
        named.remove(Where(persons=(COMPOSED,)))


def test_minus_one_is_nobody(named):
    assert named.show().persons == {"anna": 1, COMPOSED: 1, "": 1}
    assert named.count(Where(known=False)) == 1


def test_nothing_removed_is_no_success(named, memory_place, capsys):
    nothing = Filter(person=("anna",), camera=("hall",))
    with pytest.raises(ValueError, match="nothing was removed: no sighting satisfies all"):
        remove_command(memory_place, filter=nothing, yes=True)
    remove_command(memory_place, filter=Filter(camera=("hall",)), keep="30d", yes=True)
    said = capsys.readouterr().out
    assert said.startswith("nothing was removed")
    assert "2 sightings have no time" in said
    assert "no search finds them" not in said
    assert len(named) == 3


def test_names_are_read_anew_when_somebody_wrote(named):
    assert named.count(Where(cameras=("hall",))) == 2
    row = np.eye(4, named.about.dimensions)[3:]
    named.store.write(Sightings(["d3" * 16], row, cameras=["roof"]))
    assert named.count(Where(cameras=("roof",))) == 1


def test_of_very_many_names_the_nearest_is_found():
    known = [f"person-{number:06d}" for number in range(30_000)]
    assert "'Margarethe Meier'" in nearest("margarete meier", [*known, "Margarethe Meier"])
    assert nearest("x", []) == ": the gallery knows none"
    assert nearest("q", list("abcdefghij")).endswith("a, b, c, d, e, f, g, h and 2 more")
