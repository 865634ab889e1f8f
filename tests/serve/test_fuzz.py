"""Requests drawn from the server's own OpenAPI: each is answered as that says, and none is a fault.

Pictures are drawn as JPEGs of persons, so that what comes after reading one is tried as well; a
share of them is cut off or changed. With --long there are 10,000 requests.
"""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from contextlib import closing, suppress

import numpy as np
import pytest
import requests
from hypothesis import HealthCheck, Phase, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from PIL import Image
from schemathesis import GenerationMode, openapi
from schemathesis.checks import FailureGroup, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from passerby.gallery.alerts.keeping import Wanted, add_alert
from passerby.gallery.alerts.ledger import Ledger, ledger_path
from passerby.gallery.forgetting.opting_out import opt_out_images
from passerby.gallery.gallery import Gallery
from passerby.serve.application import application
from passerby.serve.settings import Settings
from passerby.synthesis.figures import photo
from passerby.video.detectors.detections import Detections

pytestmark = pytest.mark.hostile
CHECKED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
FEW, MANY = 8, 10_000
NARROWING = {
    "camera", "not_camera", "source", "sighting", "since", "until", "known", "min_quality", "time",
    "day", "zone", "back", "without", "overlapping", "box", "query_time", "transits", "after",
    "expected",
}  # fmt: skip
"""Parameters that leave nothing of a small gallery, or contradict others, when they are drawn."""

REACHED = {"POST /v1/search", "POST /v1/sightings", "POST /v1/embed", "POST /v1/forget/find"}
"""Where a drawn picture must have come as far as an answer."""

_KINDS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}


def pictures(draw_crop, folder) -> None:
    """Let the strategies of picture bodies draw pictures, some of them damaged."""
    crop = Image.open(draw_crop(folder / "fuzz.png", 3))
    for kind, named in _KINDS.items():
        buffer = io.BytesIO()
        crop.save(buffer, named)
        whole = buffer.getvalue()
        cut = st.integers(0, len(whole) - 1).map(lambda end, whole=whole: whole[:end])
        drawn = st.sampled_from([whole] * 8) | cut | st.binary(max_size=64)
        openapi.media_type(kind, drawn)
    openapi.format("binary", drawn)  # of a form's parts


def with_traces(place, picture: bytes) -> None:
    """Let a gallery have an alert with a hit, and an opt-out of somebody else."""
    with Gallery.open(place) as gallery, closing(Ledger(ledger_path(gallery.store))) as ledger:
        to = (f"file:{place.parent}/hits.jsonl",)
        alert, _ = add_alert(gallery.store, gallery.embedder, [picture], Wanted("anna", 1.0, to))
        (sighting, *_) = next(gallery.store.read()).ids.tolist()
        told = {"passage": sighting, "camera": "1", "from": None, "until": None, "distance": 0.1}
        assert ledger.record("1", alert.id, json.dumps(told), [sighting], to)
        opt_out_images(gallery, [photo(99, 1, 1, 0)], 1e-6)


class Whole:
    """A detector that takes each frame for a person."""

    def detect(self, pixels) -> Detections:
        height, width = pixels.shape[:2]
        return Detections(np.array([[0, 0, width, height]], "f4"), np.array([0.5], "f4"))


def there(client: TestClient) -> dict[str, list[str]]:
    """Ids of the sightings and opt-outs that are there now."""
    sightings = client.get("/v1/sightings", params={"limit": 500}).json()["sightings"]
    opt_outs = client.get("/v1/opt-outs").json()["opt_outs"]
    return {
        "sightings": [one["sighting"] for one in sightings],
        "opt-outs": [one["id"] for one in opt_outs],
    }


def last_to_go(operation) -> int:
    """What removes comes last, and what removes by a filter after what names what it removes."""
    removes = operation.method.upper() == "DELETE" or "forget" in operation.path
    return removes + (operation.label in ("DELETE /v1/sightings", "DELETE /v1/opt-outs/{entry}"))


def real(case, known: dict[str, list[str]]) -> None:
    """Let a request be about what is there: a gallery, a person, a sighting."""
    ids = known["sightings"] or ["gone"]
    names = {"gallery": "lobby", "person": ["Boris"], "query_camera": "Yard"}
    if isinstance(case.query, dict):
        case.query |= {name: value for name, value in names.items() if name in case.query}
        for name in NARROWING & {*case.query}:
            del case.query[name]
    paths = {"sighting": ids[0], "entry": (known["opt-outs"] or ["none"])[0]}
    paths["number"] = 1 if "hits" in case.path else 0
    for name in {*paths} & {*(case.path_parameters or {})}:
        case.path_parameters[name] = paths[name]
    if isinstance(case.body, dict):
        some = {"sighting": ids[0], "sightings": ids[:1], "ids": ids[:1], "person": "Boris"}
        some |= {"first": ids[0], "second": ids[-1], "persons": ["", "Boris"]}
        if case.path.endswith("/answers"):
            some["kind"] = "pair"
        case.body |= {name: value for name, value in some.items() if name in case.body}


def test_drawn_requests_are_answered_as_said(
    drawn_gallery, draw_crop, tmp_path, request, monkeypatch
):
    pictures(draw_crop, tmp_path)
    place = shutil.copytree(drawn_gallery, tmp_path / "lobby")
    with_traces(place, (tmp_path / "fuzz.png").read_bytes())
    monkeypatch.setattr("passerby.serve.working.detecting.open_detector", lambda name: Whole())
    told = Settings({"lobby": str(place)}, detector="whole", state=str(tmp_path / "state"))
    made = application(told)
    schema = openapi.from_dict(made.openapi())
    operations = [found.ok() for found in schema.get_all_operations()]
    operations.sort(key=last_to_go)
    long = request.config.getoption("long")
    each = MANY // len(operations) if long else FEW
    statuses: dict[str, Counter[int]] = {}
    faults = []
    with TestClient(made, "http://127.0.0.1", raise_server_exceptions=False) as client:
        for operation in operations:
            seen, known = statuses.setdefault(operation.label, Counter()), there(client)
            try:
                ask(operation.as_strategy(), each // 2, client, known, seen)
                wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
                with suppress(Unsatisfiable):  # where nothing can be said wrongly
                    ask(wrong, each // 2, client, known, seen)
            except FailureGroup as group:
                faults += [f"{operation.label}: {one}" for one in group.exceptions]
    assert faults == [], "\n".join(faults)
    assert len(operations) > 30
    reached = {label for label, seen in statuses.items() if {200, 201} & {*seen}}
    assert reached >= ({*statuses} if long else REACHED)
    print(statuses)


def asked(client: TestClient, case):
    """The answer to a case, whose words are those of requests."""
    words = case.as_transport_kwargs(base_url=str(client.base_url))
    known = ("method", "url", "params", "headers", "data", "json", "files", "cookies")
    ready = requests.Request(**{name: words[name] for name in known if name in words}).prepare()
    assume(len(ready.url) < 60_000)  # more the test's client does not send
    return client.request(
        ready.method, ready.url, headers={**ready.headers}, content=ready.body or b""
    )


def ask(
    cases, count: int, client: TestClient, known: dict[str, list[str]], seen: Counter[int]
) -> None:
    """Ask ``count`` of these cases, and hold the answers against the description."""

    @hypothesis_settings(
        max_examples=max(1, count),
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(cases, st.booleans())
    def one(case, of_what_is_there) -> None:
        if of_what_is_there:
            real(case, known)
        answer = asked(client, case)
        seen[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKED)

    one()
