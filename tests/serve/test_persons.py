"""Persons, decisions and review over HTTP: what the ledger keeps, and how it is undone."""

import pytest

from passerby.gallery.gallery import Gallery


def names(client):
    return {one["name"]: one["sightings"] for one in client.get("/v1/persons").json()["persons"]}


def of(client, person):
    found = client.get("/v1/sightings", params={"person": person}).json()["sightings"]
    return [each["sighting"] for each in found]


def test_persons_are_listed_in_pages(client):
    first = client.get("/v1/persons?limit=3").json()
    assert (first["total"], first["next"]) == (5, 3)
    rest = client.get("/v1/persons?limit=3&after=3").json()
    assert rest["next"] is None
    assert {one["name"] for one in first["persons"] + rest["persons"]} == {
        "p1", "p2", "p3", "p4", "p5",
    }  # fmt: skip
    one = client.get("/v1/persons?like=P2").json()["persons"][0]
    assert (one["sightings"], one["cameras"], one["linked"]) == (2, ["1", "2"], False)
    assert one["first"] == "2026-05-01T12:02:00Z"
    assert client.get(one["picture"]).status_code == 200


def test_decisions_are_made_told_and_undone(client, place):
    before = names(client)
    two = of(client, "p2")
    decided = [
        {"kind": "merge", "persons": ["p1", "p2"]},
        {"kind": "rename", "person": "p3", "new": "anna <b>"},
        {"kind": "split", "sightings": [two[0]], "person": ""},
        {"kind": "name", "sightings": [of(client, "p4")[0]], "person": "new"},
        {"kind": "not a person", "sightings": of(client, "p5")},
        {"kind": "apart", "persons": ["p1", "anna <b>"]},
    ]
    for one in decided:
        answer = client.post("/v1/decisions", json=one)
        assert answer.status_code == 201, answer.text
        assert answer.json()["kind"] == one["kind"]
    assert names(client) == {"p1": 3, "anna <b>": 2, "p4": 1, "new": 1}
    listed = client.get("/v1/decisions?newest=3").json()["decisions"]
    assert [one["kind"] for one in listed] == ["apart", "not a person", "name"]
    number = listed[2]["number"]
    whole = client.get(f"/v1/decisions/{number}").json()
    assert whole["changes"] == [
        {"sighting": whole["changes"][0]["sighting"], "before": "p4", "after": "new"}
    ]
    refused = client.post("/v1/decisions/undo", json={"number": 1})
    assert refused.status_code == 409
    assert "undo first" in refused.json()["detail"]
    for _ in decided:
        assert client.post("/v1/decisions/undo", json={}).status_code == 201
    assert names(client) == before
    assert client.post("/v1/decisions/undo", json={}).status_code == 409
    with Gallery.open(place) as gallery:
        assert len(gallery.ledger.events()) == 12


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "merge", "persons": ["p1", "nobody"]},
        {"kind": "merge", "persons": ["p1"]},
        {"kind": "rename", "person": "p1", "new": "p2"},
        {"kind": "name", "sightings": ["none"], "person": "x"},
        {"kind": "other"},
        {"kind": "split", "sightings": []},
        {"kind": "rename", "person": "p1", "new": "x", "more": 1},
    ],
)
def test_decisions_that_say_nothing_are_refused(client, body):
    refused = client.post("/v1/decisions", json=body)
    assert refused.status_code == 422
    assert refused.json()["detail"]
    assert client.get("/v1/decisions").json() == {"decisions": []}


def test_a_question_is_asked_answered_and_taken_back(client, place):
    with Gallery.open(place) as gallery:
        ids = [one for part in gallery.store.read() for one in part.ids.tolist()]
        gallery.store.name_persons(ids, [""] * len(ids))
    asked = client.get("/v1/questions?kind=pair&count=2").json()["questions"]
    assert len(asked) == 2
    first = asked[0]
    assert client.get(first["first"]["picture"]).status_code == 200
    assert "image" not in first["first"]
    said = {
        "kind": first["kind"],
        "first": first["first"]["sighting"],
        "second": first["second"]["sighting"],
        "persons": first["persons"],
        "same": False,
    }
    event = client.post("/v1/answers", json=said)
    assert event.status_code == 201, event.text
    [label] = client.get("/v1/labels").json()["labels"]
    assert {label["first"], label["second"]} == {said["first"], said["second"]}
    assert label["same"] is False
    learnt = client.post("/v1/learn").json()
    assert learnt["calibrated"] is False
    assert "not calibrated yet" in learnt["said"]
    undone = client.post("/v1/decisions/undo", json={"number": event.json()["number"]})
    assert undone.status_code == 201
    assert client.get("/v1/labels").json() == {"labels": []}


def test_a_gallery_with_nothing_to_ask_says_why(client):
    client.delete("/v1/sightings?camera=2")
    client.delete("/v1/sightings?person=p1&person=p2&person=p3&person=p4")
    nothing = client.get("/v1/questions").json()
    assert nothing["questions"] == []
    assert nothing["said"]
