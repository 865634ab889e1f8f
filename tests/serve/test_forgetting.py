"""Forget by photo, opt-outs and cases over HTTP."""

import io
import json

from passerby.gallery.case.verifying import verify_case

JPEG = {"Content-Type": "image/jpeg"}
NOTHING = {"Content-Type": "application/json"}


def test_a_person_is_found_forgotten_and_not_enrolled_again(client, crops):
    data = sorted(crops.glob("*.jpg"))[0].read_bytes()
    found = client.post("/v1/forget/find?person=p1", content=data, headers=JPEG).json()
    chosen = [one for one in found["passages"] if one["chosen"]]
    assert {one["person"] for one in chosen} == {"p1"}
    assert client.get(chosen[0]["picture"]).status_code == 200
    ids = [name for one in chosen for name in one["sightings"]]
    asked = {"ids": ids, "reason": "by letter", "opt_out": True, "spared": [], "person": "p1"}
    gone = client.post(
        "/v1/forget",
        files=[("image", ("a", data, "image/jpeg"))],
        data={"request": json.dumps(asked)},
    )
    assert gone.status_code == 200, gone.text
    certificate = gone.json()
    assert sorted(certificate["removed"]) == sorted(ids)
    assert (certificate["gallery"], certificate["checked"]) == ("lobby", 0)
    assert certificate["sha256"] in certificate["said"]
    assert client.get("/v1/persons?like=p1").json()["total"] == 0
    [entry] = client.get("/v1/opt-outs").json()["opt_outs"]
    again = client.post("/v1/sightings", content=data, headers=JPEG).json()
    assert (again["added"], again["refused"]) == (0, 1)
    assert client.delete(f"/v1/opt-outs/{entry['id'][:6]}").status_code == 404
    assert client.delete(f"/v1/opt-outs/{entry['id']}").json()["withdrawn"] is True
    assert client.post("/v1/sightings", content=data, headers=JPEG).json()["added"] == 1


def test_a_person_is_found_by_name_and_forgotten_by_json(client):
    found = client.post("/v1/forget/find?person=p2&link=false", content=b"{}", headers=NOTHING)
    ids = [name for one in found.json()["passages"] if one["chosen"] for name in one["sightings"]]
    assert len(ids) == 2
    gone = client.post("/v1/forget", json={"ids": ids, "reason": "asked"})
    assert gone.json()["gone"]["sightings"] == 2
    assert client.post("/v1/forget", json={"ids": ids, "reason": "asked"}).status_code == 422
    assert client.post("/v1/forget", json={"ids": ids}).status_code == 422
    assert client.post("/v1/forget", content=b"{", headers=NOTHING).status_code == 400
    assert client.post("/v1/forget/find", content=b"{}", headers=NOTHING).status_code == 422


def test_who_was_set_aside_as_no_person_is_shown_and_goes_if_chosen(client, crops):
    """Hidden from searches and counts; the file that was enrolled finds it for certain."""
    data = sorted(crops.glob("*.jpg"))[0].read_bytes()
    [own] = client.post("/v1/sightings", content=data, headers=JPEG).json()["sightings"]
    aside = {"kind": "not a person", "sightings": [own]}
    assert client.post("/v1/decisions", json=aside).status_code == 201
    told = client.get("/v1/summary").json()
    assert (told["set_aside"], told["sightings"], told["persons"]) == (1, 10, 5)
    found = client.post("/v1/forget/find?link=false", content=data, headers=JPEG).json()
    passages = [one for one in found["passages"] if own in one["sightings"]]
    assert [(one["why"], one["chosen"]) for one in passages] == [("the picture itself", True)]
    gone = client.post("/v1/forget", json={"ids": [own], "reason": "asked"}).json()
    assert gone["removed"] == [own]
    assert gone["said"].splitlines()[1].startswith("1 sighting removed")
    assert client.get("/v1/summary").json()["set_aside"] == 0


def test_a_case_is_a_whole_zip(client, crops, tmp_path):
    data = sorted(crops.glob("*.jpg"))[0].read_bytes()
    by_picture = client.post("/v1/case?reason=case+7&k=3", content=data, headers=JPEG)
    by_name = client.post("/v1/case?reason=case+7&person=p2", content=b"{}", headers=NOTHING)
    for made in (by_picture, by_name):
        assert made.headers["content-type"] == "application/zip"
        (tmp_path / "case.zip").write_bytes(made.content)
        assert verify_case(tmp_path / "case.zip").whole
        assert len(made.headers["x-manifest-sha256"]) == 64
    assert client.post("/v1/case", content=data, headers=JPEG).status_code == 422
    nobody = client.post("/v1/case?reason=x", content=b"{}", headers=NOTHING)
    assert nobody.status_code == 422
    assert io.BytesIO(nobody.content).read(1) == b"{"
