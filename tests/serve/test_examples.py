"""What the description shows of answers is what they are like."""

from __future__ import annotations

from passerby.serve.examples import EXAMPLES


def alike(shown, answered):
    """Whether objects have the same fields, and lists the like in them."""
    if isinstance(shown, dict) and isinstance(answered, dict):
        if any(not isinstance(key, str) or " " in key for key in shown):
            return True
        return {*shown} == {*answered} and all(alike(shown[k], answered[k]) for k in shown)
    if isinstance(shown, list) and isinstance(answered, list):
        return not (shown and answered) or alike(shown[0], answered[0])
    return True


def test_examples_have_the_fields_of_the_answers(client, draw_crop, tmp_path):
    picture = draw_crop(tmp_path / "a.jpg", 3).read_bytes()
    jpeg = {"Content-Type": "image/jpeg"}
    parts = [("image", (name, picture)) for name in ("a.jpg", "b.jpg")]
    answers = {
        "GET /v1/server": client.get("/v1/server"),
        "GET /v1/galleries": client.get("/v1/galleries"),
        "GET /v1/summary": client.get("/v1/summary"),
        "POST /v1/search": client.post("/v1/search?k=1", content=picture, headers=jpeg),
        "POST /v1/embed": client.post("/v1/embed", content=picture, headers=jpeg),
        "POST /v1/compare": client.post("/v1/compare", files=parts),
        "GET /v1/sightings": client.get("/v1/sightings"),
        "POST /v1/sightings": client.post("/v1/sightings", content=picture, headers=jpeg),
    }
    (name,) = answers["POST /v1/sightings"].json()["sightings"]
    named = {"kind": "name", "sightings": [name], "person": "anna"}
    answers |= {
        "GET /v1/sightings/{sighting}": client.get(f"/v1/sightings/{name}"),
        "POST /v1/decisions": client.post("/v1/decisions", json=named),
        "GET /v1/persons": client.get("/v1/persons"),
        "GET /v1/decisions": client.get("/v1/decisions"),
        "DELETE /v1/sightings/{sighting}": client.delete(f"/v1/sightings/{name}"),
        "GET /v1/audit": client.get("/v1/audit"),
    }
    assert {*answers} == {*EXAMPLES}
    wrong = [
        label for label, answer in answers.items() if not alike(EXAMPLES[label], answer.json())
    ]
    assert wrong == []
    assert answers["POST /v1/search"].json()["matches"]


def test_the_description_shows_them(client):
    paths = client.get("/v1/openapi.json").json()["paths"]
    shown = paths["/v1/search"]["post"]["responses"]["200"]["content"]["application/json"]
    assert shown["example"] == EXAMPLES["POST /v1/search"]
    added = paths["/v1/sightings"]["post"]["responses"]["201"]["content"]["application/json"]
    assert added["example"]["added"] == 1
