"""What a search prints and writes, also with names that would do harm."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import UTC, datetime

import pytest

from passerby.gallery.search.matches import Match, Matches, matches_csv, matches_json
from passerby.gallery.search.posterior import Candidate, Decision, Posterior
from passerby.gallery.text_tables import printable

HOSTILE = (
    '=HYPERLINK("http://x","y")',
    "+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "a,b\n=2",
    '"quoted"',
    "\x1b[2J\x07bell",
    "人 ünïcødé",
    "[red]markup[/red]",
    "x" * 300,
)


def found(name="anna", **options):
    candidate = Candidate(name, "ab" * 16, 0.1234, 2, 5, 4.5, 0.75)
    other = Candidate("", "cd" * 16, 0.3, 1, 1, -1.0, 0.05)
    believed = Posterior(0.5, 0.15, (candidate, other), 0.05, 0.2, 40)
    chosen = {
        "query": "probe.jpg",
        "images": 1,
        "files": ("probe.jpg",),
        "matches": (
            Match(
                1,
                "ab" * 16,
                0.1234,
                llr=5.5,
                person=name,
                camera=name,
                source=name,
                time=datetime(2026, 5, 1, 8, 30, 0, 250000, tzinfo=UTC),
                frame=12,
                quality=0.5,
                image=name,
                thumbnail=b"jpeg",
            ),
            Match(2, "cd" * 16, 0.3, llr=-1.0),
        ),
        "searched": 1234,
        "timeless": 0,
        "exact": True,
        "posterior": believed,
        "decision": Decision(0.01, 1e-5, 0.2, None, candidate, "nearest 0.1234, below 0.2"),
        "notes": (),
    }
    return Matches(**(chosen | options))


def test_the_table():
    assert str(found()).splitlines() == [
        "probe.jpg among 1,234 sightings",
        "  rank  distance  LR      person  camera  time                         sightings  "
        "file  frame  sighting",
        "  1     0.1234    245     anna    anna    2026-05-01T08:30:00.250000Z  1          "
        "anna  12     " + "ab" * 16,
        "  2     0.3000    1/2.72  –       –       –                            1          "
        "–     –      " + "cd" * 16,
        "who it is, when before the search absence had 50 % and 40 candidates shared the rest "
        "evenly:",
        "   75.0 %  anna (5 sightings, 2 compared)",
        f"    5.0 %  the person of sighting {'cd' * 16}, not named",
        "    5.0 %  38 other candidates together (those not compared: at most 20.0 %)",
        "   15.0 %  not in the gallery",
        "answer: anna (5 sightings, 2 compared) (at an FPIR of 0.01: nearest 0.1234, below 0.2)",
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_in_a_name_acts_on_a_terminal(name):
    shown = str(found(name, query=name, notes=(name,)))
    assert all(c.isprintable() for c in shown.replace("\n", ""))
    rows = [line for line in shown.splitlines() if line.startswith("  1 ")]
    assert len(rows) == 1
    assert len(rows[0]) < 200


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_in_a_name_is_a_formula(name):
    text = matches_csv([found(name), found(name, query=name)])
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 4
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert rows[0]["person"].removeprefix("'") == name
    assert rows[2]["query"].removeprefix("'") == name


def test_the_columns():
    first, second = csv.DictReader(io.StringIO(matches_csv([found()])))
    assert first["distance"] == "0.123400"
    assert float(first["likelihood_ratio"]) == pytest.approx(math.exp(5.5), rel=1e-5)
    assert first["support"] == "moderately strong support for one person"
    assert first["person_probability"] == "0.75"
    assert second["person_probability"] == "0.05"
    assert first["absent"] == second["absent"] == "0.15"
    assert first["time"] == "2026-05-01T08:30:00.250000Z"
    assert (second["time"], second["frame"], second["quality"]) == ("", "", "")
    assert first["answer"] == "anna"
    unknown = found(decision=Decision(0.01, 1e-5, 0.2, None, None, "no"))
    assert next(csv.DictReader(io.StringIO(matches_csv([unknown]))))["answer"] == "unknown"
    bare = next(csv.DictReader(io.StringIO(matches_csv([found(posterior=None, decision=None)]))))
    assert (bare["person_probability"], bare["absent"], bare["answer"]) == ("", "", "")


@pytest.mark.parametrize("name", HOSTILE)
def test_json_says_all_of_it(name):
    (content,) = json.loads(matches_json([found(name)]))["searches"]
    assert json.loads(found(name).to_json()) == content
    first, second = content["matches"]
    assert first["person"] == name
    assert first["likelihood_ratio"] == pytest.approx(math.exp(5.5))
    assert "thumbnail" not in first
    assert (second["time"], second["quality"]) == (None, None)
    assert content["posterior"]["absent"] == 0.15
    assert content["decision"]["answer"]["probability"] == 0.75
    assert "a probability is of a candidate" in content["scale"]
    assert "probability" not in first  # of a pair, there is none


def test_names_are_cut_and_escaped():
    assert printable("a\nb", 9) == "a\\nb"
    assert printable("x" * 20, 5) == "xxxx…"
    assert printable("\u202eevil") == "\\u202eevil"
