"""Sightings over HTTP: pages, pictures, adding, forgetting."""

from concurrent.futures import ThreadPoolExecutor

from passerby.data.crops import content_id
from passerby.gallery.gallery import Gallery

JPEG = {"Content-Type": "image/jpeg"}


def test_pages_hold_every_sighting_once_the_newest_first(client):
    found, after = [], ""
    while after is not None:
        page = client.get("/v1/sightings", params={"limit": 3, "after": after}).json()
        assert page["total"] == 10
        found += page["sightings"]
        after = page["next"]
    times = [each["time"] for each in found]
    assert len({each["sighting"] for each in found}) == len(found) == 10
    assert times == sorted(times, reverse=True)
    assert found[0]["time"] == "2026-05-01T12:09:00Z"
    assert client.get(f"/v1/sightings/{found[4]['sighting']}").json() == found[4]


def test_filters_hold_and_their_slips_are_told(client):
    some = client.get("/v1/sightings?camera=1&since=2026-05-01T12:05:00Z").json()
    assert some["total"] == 2
    assert client.get("/v1/sightings?camera=nowhere").status_code == 422
    assert client.get("/v1/sightings?after=x").status_code == 422
    assert client.get("/v1/sightings?camera=1&not_camera=1").status_code == 422


def test_a_picture_is_added_once_and_forgotten(client, place, tmp_path, draw_crop):
    data = draw_crop(tmp_path / "new.jpg", 99).read_bytes()
    query = "camera=d%C3%B6r&time=2026-05-02T08:00:00%2B02:00&quality=0.5&tracklet=3"
    added = client.post(f"/v1/sightings?{query}", content=data, headers=JPEG)
    assert added.status_code == 201
    name = content_id(data)
    assert added.json() == {
        "added": 1,
        "replaced": 0,
        "present": 0,
        "refused": 0,
        "sightings": [name],
    }
    again = client.post("/v1/sightings", content=data, headers=JPEG).json()
    assert again["present"] == 1
    one = client.get(f"/v1/sightings/{name}").json()
    assert (one["camera"], one["time"], one["person"]) == ("dör", "2026-05-02T06:00:00Z", None)
    assert (one["quality"], one["tracklet"], one["frame"]) == (0.5, 3, None)
    assert client.get(one["picture"]).status_code == 200
    with Gallery.open(place) as gallery:
        assert len(gallery) == 11
    gone = client.delete(f"/v1/sightings/{name}")
    assert gone.json()["removed"] == 1
    assert client.get(f"/v1/sightings/{name}").status_code == 404
    assert client.delete(f"/v1/sightings/{name}").status_code == 404


def test_many_clients_add_at_once_and_each_hears_of_its_own(client, tmp_path, draw_crop):
    """Some pictures come twice, and one client says what no gallery can keep."""
    pictures = [draw_crop(tmp_path / f"{n}.jpg", 200 + n).read_bytes() for n in range(9)]
    bodies = [*pictures, *pictures[:3]]

    def add(number):
        person = "x" * 2000 if number == 4 else "p"
        return client.post(
            f"/v1/sightings?person={person}&tracklet={number}", content=bodies[number], headers=JPEG
        )

    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = [*pool.map(add, range(len(bodies)))]
    refused = answers.pop(4)
    assert refused.status_code == 422
    assert "at most 1,024 bytes" in refused.json()["detail"]
    assert {one.status_code for one in answers} == {201}
    told = [one.json() for one in answers]
    assert sum(one["added"] for one in told) == 8
    assert sum(one["present"] for one in told) == 3
    expected = [content_id(body) for number, body in enumerate(bodies) if number != 4]
    assert [one["sightings"] for one in told] == [[name] for name in expected]
    page = client.get("/v1/sightings?person=p").json()
    assert page["total"] == 8
    lines = client.get("/v1/audit").json()["lines"]
    added = [line["details"] for line in lines if line["did"] == "POST /v1/sightings"]
    assert sorted(line["added"] for line in added) == sorted(one["added"] for one in told)


def test_a_filter_is_forgotten_when_it_is_as_large_as_was_said(client):
    assert client.delete("/v1/sightings").status_code == 422  # no condition
    assert client.delete("/v1/sightings?camera=1&expected=4").status_code == 409
    assert client.get("/v1/sightings").json()["total"] == 10
    assert client.delete("/v1/sightings?camera=1&expected=5").json()["removed"] == 5
    assert client.get("/v1/sightings").json()["total"] == 5


def test_the_overview_counts(client):
    summary = client.get("/v1/summary").json()
    assert summary["sightings"] == 10
    assert summary["cameras"] == [{"name": "1", "sightings": 5}, {"name": "2", "sightings": 5}]
    assert summary["days"] == [{"day": "2026-05-01", "sightings": 10}]
    [gallery] = client.get("/v1/galleries").json()["galleries"]
    assert gallery["model"] == summary["model"]
    assert client.get("/v1/summary?gallery=other").status_code == 404
