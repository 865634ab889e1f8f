"""Search over HTTP answers what the library answers."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from passerby.gallery.gallery import Gallery
from passerby.tables.sightings import Sightings

JPEG = {"Content-Type": "image/jpeg"}


def crop_of(crops, number):
    return sorted(crops.glob("*.jpg"))[number].read_bytes()


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_picture_finds_what_the_library_finds(client, place, crops):
    found = client.post("/v1/search?k=3", content=crop_of(crops, 0), headers=JPEG)
    assert found.status_code == 200
    with Gallery.open(place) as gallery:
        expected = gallery.search(crop_of(crops, 0), 3, thumbnails=True)
    answer = found.json()
    assert [m["sighting"] for m in answer["matches"]] == [m.sighting for m in expected]
    assert [m["distance"] for m in answer["matches"]] == pytest.approx(
        [m.distance for m in expected], abs=1e-6
    )
    assert answer["searched"] == 9  # its own image is left out
    assert answer["gallery"] == "lobby"
    picture = client.get(answer["matches"][0]["picture"])
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8")


def test_pictures_of_a_form_are_pooled_and_filters_hold(client, crops):
    files = [("image", (str(n), crop_of(crops, n), "image/jpeg")) for n in (0, 1)]
    found = client.post("/v1/search?camera=1&k=200", files=files).json()
    assert found["images"] == 2
    assert {match["camera"] for match in found["matches"]} == {"1"}


def test_a_vector_and_a_sighting_are_searched_for(client, place, crops):
    with Gallery.open(place) as gallery:
        stored = Sightings.joined([*gallery.store.read()])
    one = client.post("/v1/search?k=1", json={"vector": stored.vectors[3].tolist()}).json()
    assert one["matches"][0]["sighting"] == stored.ids[3]
    other = client.post("/v1/search?k=1", json={"sighting": str(stored.ids[3])}).json()
    assert other["matches"][0]["sighting"] != stored.ids[3]
    assert other["query"] == f"sighting {stored.ids[3]}"
    assert client.post("/v1/search", json={"sighting": "0" * 32}).status_code == 404


def test_a_box_takes_a_part_of_a_picture(client):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    headers = {"Content-Type": "image/png"}
    boxed = client.post("/v1/search?box=10,5,40,55", content=png(pixels), headers=headers)
    alone = client.post("/v1/search", content=png(pixels[5:55, 10:40]), headers=headers)
    distances = [[m["distance"] for m in each.json()["matches"]] for each in (boxed, alone)]
    assert distances[0] == pytest.approx(distances[1], abs=1e-6)
    nothing = client.post("/v1/search?box=90,5,99,55", content=png(pixels), headers=headers)
    assert nothing.status_code == 422
    assert "holds nothing" in nothing.json()["detail"]


@pytest.mark.parametrize(
    ("content", "kind", "status", "said"),
    [
        (b"", "image/jpeg", 422, "got nothing"),
        (b"abc", "image/jpeg", 415, "JPEG, PNG or WebP"),
        (b"\xff\xd8\xff", "image/jpeg", 422, "damaged"),
        (b"abc", "text/plain", 415, "text/plain"),
        (b"{", "application/json", 400, "JSON"),
        (b"{}", "application/json", 422, "one of vector"),
        (b'{"vector": [NaN]}', "application/json", 422, "32|dimensions|NaN"),
        (b'{"vector": [1e300]}', "application/json", 422, "range of float32"),
        (b'{"vectors": [[1], [1, 2]]}', "application/json", 422, "one length"),
        (b'{"other": 1}', "application/json", 422, "other"),
        (b"--x", "multipart/form-data; boundary=y", 400, "form"),
        (b"--x", "multipart/form-data", 400, "form"),
    ],
)
def test_what_is_no_question_is_refused_in_words(client, content, kind, status, said):
    refused = client.post("/v1/search", content=content, headers={"Content-Type": kind})
    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"
    detail = refused.json()["detail"]
    assert any(word in detail for word in said.split("|")), detail


@pytest.mark.parametrize("query", ["k=0", "k=x", "camera=nowhere", "fpir=2", "since=2026-05-01"])
def test_options_out_of_range_and_unknown_names_are_refused(client, crops, query):
    refused = client.post(f"/v1/search?{query}", content=crop_of(crops, 0), headers=JPEG)
    assert refused.status_code == 422
    assert json.loads(refused.content)["title"]
