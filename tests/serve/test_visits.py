"""Visits, links and alerts over HTTP answer what the library answers, without paths."""

import itertools
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from starlette.testclient import TestClient

from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.gallery.alerts.keeping import Wanted, add_alert
from passerby.gallery.alerts.ledger import Ledger, ledger_path
from passerby.gallery.gallery import Gallery
from passerby.gallery.link.rules import Rules
from passerby.serve.application import application
from passerby.serve.settings import Settings
from passerby.stores.about import About
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings
from tests.gallery.conftest import Crowd

_NUMBERS = itertools.count()
NOON = np.datetime64("2026-05-01T12:00:00", "us")

JPEG = {"Content-Type": "image/jpeg"}


def test_the_path_of_a_person(client, place):
    answer = client.get("/v1/path?person=p2").json()
    with Gallery.open(place) as gallery:
        expected = json.loads(gallery.path(Where(persons=("p2",))).to_json())
    assert [stay["sighting"] for stay in answer["stays"]] == [
        stay["sighting"] for stay in expected["stays"]
    ]
    assert all("image" not in stay for stay in answer["stays"])
    assert client.get(answer["stays"][0]["picture"]).status_code == 200
    assert client.get("/v1/path").status_code == 422
    assert client.get("/v1/path?person=nobody").status_code == 422


def test_a_path_by_picture_needs_a_calibration(client, crops):
    data = next(crops.glob("*.jpg")).read_bytes()
    refused = client.post("/v1/path", content=data, headers=JPEG)
    assert refused.status_code == 422
    assert "calibrat" in refused.json()["detail"]


@pytest.fixture
def crowded():
    """A calibrated gallery of twelve persons by two cameras."""
    made = replace(calibrate(Crowd(seed=1).labelled(200), replicates=2), pairs="any cameras")
    about = About("crowd", "plain", 12, calibrations={"single": asdict(made)})
    place = f"memory://served-{next(_NUMBERS)}"
    crowd = Crowd(seed=3, noise=0.1)
    with Gallery.create(place, about) as gallery:
        gallery.store.write(
            Sightings(
                [f"{number:032x}" for number in range(24)],
                crowd.shots(np.repeat(crowd.persons(12), 2, axis=0)),
                cameras=["a", "b"] * 12,
                times=NOON + np.arange(24) * np.timedelta64(60, "s"),
            )
        )
        yield place, gallery


def test_links_and_visitors_are_the_library_s(crowded):
    place, gallery = crowded
    with TestClient(application(Settings({"crowd": place})), "http://127.0.0.1") as client:
        answer = client.get("/v1/links?gap=30").json()
        expected = json.loads(gallery.link(rules=Rules(gap=30)).to_json())
        assert answer["groups"] == expected["groups"] < 24
        assert "image" not in answer["persons"][0]["passages"][0]
        counted = client.get("/v1/visitors?day=2026-05-01&by=camera").json()
        assert [part["name"] for part in counted["parts"]] == ["a", "b"]
        assert counted["whole"]["persons"]["low"] <= 12 <= counted["whole"]["persons"]["high"]
        written = client.post("/v1/links?prefix=here/").json()
        named = client.get("/v1/persons?like=here/").json()["total"]
        assert (written["persons"], written["named"] > 0) == (named, True)
        assert client.get("/v1/links?least_ratio=0.5").status_code == 422
        for links in ("/v1/links?transits=true", "/v1/search?transits=true&query_camera=a"):
            method = client.get if "links" in links else client.post
            body = {} if "links" in links else {"json": {"vector": [1.0] * 12}}
            told = method(links, **body).json()
            assert any("transit times do not count" in note for note in told["notes"]), told
        timed = "/v1/search?transits=true&query_camera=a&query_time=2026-05-01T12:00:00Z"
        (found, *_) = client.post(timed, json={"vector": [1.0] * 12}).json()["matches"]
        assert found["transit_likelihood_ratio"] is found["joint_likelihood_ratio"] is None
        assert client.post(f"{timed[:-1]}", json={"vector": [1.0] * 12}).status_code == 422


@pytest.mark.parametrize(
    "query",
    ["day=2026-05-01&by=hour", "day=x", "zone=Nowhere/None", "back=30d", "overlapping=a"],
)
def test_visitors_of_a_gallery_that_cannot_count_say_why(client, query):
    refused = client.get(f"/v1/visitors?{query}")
    assert refused.status_code == 422
    assert refused.json()["detail"]


def test_transits_of_a_gallery_that_cannot_link_say_why(client):
    answer = client.get("/v1/transits?overlapping=1,2")
    assert answer.status_code in (200, 422)
    assert "transits" in answer.json() or answer.json()["detail"]


def test_alerts_and_their_hits(client, place, crops):
    assert client.get("/v1/alerts").json() == {"alerts": []}
    assert client.get("/v1/alerts/hits").json() == {"hits": [], "next": None}
    with Gallery.open(place) as gallery:
        to = (f"file:{place.parent}/hits.jsonl",)
        image = sorted(crops.glob("*.jpg"))[0]
        alert, _ = add_alert(gallery.store, gallery.embedder, [image], Wanted("anna", 1.0, to))
        ledger = Ledger(ledger_path(gallery.store))
        sighting = client.get("/v1/sightings").json()["sightings"][0]["sighting"]
        told = {"passage": sighting, "camera": "1", "from": None, "until": None, "distance": 0.1}
        for number in range(3):
            assert ledger.record(f"{number}", alert.id, json.dumps(told), [sighting], to)
        ledger.close()
    found = client.get("/v1/alerts")
    [one] = found.json()["alerts"]
    assert (one["name"], one["at_most_a_week"], one["hits"]) == ("anna", 1.0, 3)
    assert str(place.parent) not in found.text
    page = client.get("/v1/alerts/hits?alert=anna&limit=2").json()
    assert [hit["number"] for hit in page["hits"]] == [3, 2]
    assert page["next"] == 2
    judged = client.post("/v1/alerts/hits/3", json={"right": False}).json()
    assert (judged["right"], judged["alert"]) == (False, "anna")
    assert client.get("/v1/alerts").json()["alerts"][0]["denied"] == 1
    assert client.post("/v1/alerts/hits/9", json={"right": True}).status_code == 404
    assert client.get("/v1/alerts/hits?alert=nobody").status_code == 422
