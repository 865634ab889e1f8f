"""An assistant lists the tools and calls each over standard input and output: it only reads."""

from __future__ import annotations

import base64
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from passerby.assistants.asked_pictures import picture_bytes
from passerby.assistants.tools import Filter, Tools
from passerby.embedding.embedder import load
from passerby.gallery.gallery import Gallery

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


def jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 24, 3), np.uint8)
    return simplejpeg.encode_jpeg(pixels)


@pytest.fixture
def place(tmp_path, small_model) -> Path:
    """A gallery of six sightings by two cameras, ann's three and three unknown ones."""
    with Gallery.create(tmp_path / "lobby", load(small_model, device="cpu")) as made:
        made.add(
            [np.asarray(simplejpeg.decode_jpeg(jpeg(n))) for n in range(6)],
            person=["ann"] * 3 + [""] * 3,
            camera=["door", "hall"] * 3,
            source="/srv/videos/monday.mp4",
            time=[NOON + timedelta(minutes=n) for n in range(6)],
        )
    return tmp_path / "lobby"


@pytest.fixture
def tools(place, tmp_path):
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked" / "a.jpg").write_bytes(jpeg(0))
    with Gallery.open(place) as gallery:
        yield Tools(gallery, tmp_path / "asked")


def test_a_search_says_what_its_numbers_are_worth(tools):
    found = tools.search("a.jpg", "", "", 3, Filter())
    assert len(found["passages"]) == 3
    assert found["passages"][0]["likelihood_ratio"] is None  # nothing is calibrated
    assert any("uncalibrated" in note for note in found["notes"])
    assert "not the probability" in found["limits"]
    assert "/srv" not in json.dumps(found)
    assert found["passages"][0]["source"] == "monday.mp4"


def test_a_sighting_is_searched_for_without_itself(tools):
    first = tools.passages(Filter(person="ann"), 10, 0)["passages"][0]["sighting"]
    found = tools.search("", "", first, 10, Filter(camera="hall"))
    assert first not in [one["sighting"] for one in found["passages"]]
    assert {one["camera"] for one in found["passages"]} == {"hall"}
    with pytest.raises(ValueError, match="no sighting is"):
        tools.search("", "", "f" * 32, 3, Filter())
    with pytest.raises(ValueError, match="not both"):
        tools.search("a.jpg", "", first, 3, Filter())


def test_passages_come_page_by_page(tools):
    found = tools.passages(Filter(since=NOON.isoformat()), 4, 0)
    assert (found["in_all"], len(found["passages"])) == (6, 4)
    assert [one["from"] for one in found["passages"]] == sorted(
        one["from"] for one in found["passages"]
    )
    assert len(tools.passages(Filter(), 4, 4)["passages"]) == 2
    assert tools.passages(Filter(since="2030-01-01T00:00:00Z"), 4, 0)["passages"] == []
    with pytest.raises(ValueError, match=r"ISO 8601|zone"):
        tools.passages(Filter(since="yesterday"), 4, 0)


def test_a_named_person_has_a_path(tools):
    found = tools.path("ann", "", "", Filter())
    assert [one["camera"] for one in found["passages"]] == ["door", "hall", "door"]
    with pytest.raises(ValueError, match="by name, or a picture"):
        tools.path("", "", "", Filter())


@pytest.mark.parametrize("path", ["../lobby/about.json", "/etc/passwd", "none.jpg", ".", "link"])
def test_no_file_outside_the_folder_is_read(path, tmp_path):
    (tmp_path / "asked").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "asked" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="there is no picture"):
        picture_bytes(path, "", tmp_path / "asked")


def test_pictures_that_are_none_are_refused(tmp_path):
    with pytest.raises(ValueError, match="reads no files"):
        picture_bytes("a.jpg", "", None)
    with pytest.raises(ValueError, match="not base 64"):
        picture_bytes("", "%%%", None)
    with pytest.raises(ValueError, match="at most"):
        picture_bytes("", "A" * 30_000_000, None)
    with pytest.raises(ValueError, match="expected the path"):
        picture_bytes("a", "b", None)
    assert picture_bytes("", "data:image/jpeg;base64," + base64.b64encode(b"x").decode(), None)


def test_over_standard_input_and_output(place, small_model):
    """As an assistant does it: a process of its own, tools listed, each called."""
    pytest.importorskip("mcp", reason="mcp is not installed: pip install passerby[mcp]")
    import anyio
    from mcp import Client, StdioServerParameters

    words = ["-m", "passerby", "mcp", "--gallery", str(place), "--device", "cpu"]
    told = {**os.environ, "PYTHONPATH": str(ROOT)}
    before = {file: file.read_bytes() for file in sorted(place.rglob("*")) if file.is_file()}
    picture = base64.b64encode(jpeg(0)).decode()

    async def talk() -> tuple[list, dict]:
        answers = {}
        async with Client(StdioServerParameters(command=sys.executable, args=words, env=told)) as c:
            listed = (await c.list_tools()).tools
            for name, given in (
                ("overview", {}),
                ("search", {"picture_base64": picture, "most": 2}),
                ("passages", {"person": "ann"}),
                ("visitors", {}),
                ("path", {"person": "ann"}),
                ("search", {"picture": "a.jpg"}),
            ):
                answers[name, *given] = await c.call_tool(name, given)
            return listed, answers

    listed, answers = anyio.run(talk)
    assert {tool.name for tool in listed} == {"overview", "search", "passages", "visitors", "path"}
    assert all(tool.annotations.read_only_hint for tool in listed)

    def said(*key):
        return answers[key].content[0].text

    assert json.loads(said("overview"))["cameras"] == {"door": 3, "hall": 3}
    assert len(json.loads(said("search", "picture_base64", "most"))["passages"]) == 2
    assert json.loads(said("passages", "person"))["in_all"] == 3
    assert len(json.loads(said("path", "person"))["passages"]) == 3
    assert answers[("visitors",)].is_error  # uncalibrated: a count would be a guess
    assert "calibrat" in said("visitors")
    assert "reads no files" in said("search", "picture")
    after = {file: file.read_bytes() for file in sorted(place.rglob("*")) if file.is_file()}
    assert after == before


def test_the_command_names_a_folder_that_is_not_there(passerby_command, place):
    done = passerby_command("mcp", "--gallery", place, "--pictures", "/nowhere/at/all")
    assert "no such folder" in done.err
