"""What was asked of a server stands in its audit log, and nothing is answered that does not."""

from __future__ import annotations

import json

from passerby.serve.audit import LOG, Audit
from passerby.serve.state import state_folder


def lines(settings):
    return [*reversed(Audit(state_folder(settings.state)).lines(100))]


def test_searches_additions_and_removals_are_told(client, settings, draw_crop, tmp_path):
    picture = draw_crop(tmp_path / "a.jpg", 77).read_bytes()
    jpeg = {"Content-Type": "image/jpeg"}
    client.get("/v1/summary")
    client.get("/v1/sightings")
    client.post("/v1/search?camera=1&k=3", content=picture, headers=jpeg)
    added = client.post("/v1/sightings?gallery=lobby&camera=1", content=picture, headers=jpeg)
    (name,) = added.json()["sightings"]
    client.delete(f"/v1/sightings/{name}")
    client.delete("/v1/sightings/none")  # 404: nothing was done
    told = lines(settings)
    assert [line["did"] for line in told] == [
        "POST /v1/search", "POST /v1/sightings", "DELETE /v1/sightings/{sighting}",
    ]  # fmt: skip
    assert told[0]["details"]["gallery"] == "lobby"
    assert told[0]["details"]["query"] == {"camera": ["1"], "k": ["3"]}
    assert told[0]["details"]["pictures"] == [name]  # by the hash of its content
    assert told[2]["details"]["sighting"] == name
    assert {line["by"] for line in told} == {""}


def test_neither_vectors_nor_pictures_come_into_the_log(client, settings):
    width = client.get("/v1/summary").json()["model"]["dimensions"]
    vector = [0.123456789] * width
    assert client.post("/v1/search", json={"vector": vector}).status_code == 200
    long = "x" * 5000
    client.post(f"/v1/search?query_camera=1&unknown={long}", json={"vector": vector})
    text = (state_folder(settings.state) / LOG).read_text(encoding="utf-8")
    assert "0.123456789" not in text
    assert len(text) < 2000
    assert [json.loads(line)["number"] for line in text.splitlines()] == [1, 2]


def test_the_log_is_read_over_http_and_that_is_told(client):
    client.delete("/v1/sightings?person=p1")
    told = client.get("/v1/audit?newest=1").json()
    assert (told["whole"], told["problem"]) == (True, None)
    assert told["lines"][0]["details"]["query"] == {"person": ["p1"]}
    again = client.get("/v1/audit?newest=5&verify=false").json()
    assert [line["did"] for line in again["lines"]] == ["GET /v1/audit", "DELETE /v1/sightings"]
    assert again["whole"] is None
    assert client.get("/v1/audit?before=2").json()["lines"][0]["number"] == 1


def test_what_cannot_be_logged_is_not_answered(client, monkeypatch):
    def full(*_: object) -> None:
        raise ValueError("no room for /srv/state/audit.jsonl")

    monkeypatch.setattr(Audit, "write", full)
    answer = client.delete("/v1/sightings?person=p1")
    assert answer.status_code == 503
    assert answer.json()["detail"] == (
        "it was done, but could not be logged: no room for …/audit.jsonl"
    )
    assert client.get("/v1/summary").status_code == 200
