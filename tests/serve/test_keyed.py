"""Who may ask a server what: keys, scopes, and when they are asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from passerby.serve.application import application
from passerby.serve.keys import Keys
from passerby.serve.running import require_guarded
from passerby.serve.state import state_folder

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
def keys(settings):
    return Keys(state_folder(settings.state))


@pytest.fixture
def guarded(settings, keys):
    """Asks a server that other machines reach; there is one key, of the audit log."""
    keys.add("auditor", ["admin"])
    with TestClient(application(replace(settings, host="0.0.0.0")), "http://gate.example") as made:
        yield made


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


def test_nobody_without_a_key_is_let_in(guarded):
    for method, route in (("GET", "/v1/server"), ("GET", "/metrics"), ("POST", "/v1/search"),
                          ("GET", "/v1/nothing"), ("GET", "/v1/openapi.json")):  # fmt: skip
        answer = guarded.request(method, route)
        assert answer.status_code == 401, route
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "a key is asked for" in answer.json()["detail"]
    for route in ("/healthz", "/"):
        assert guarded.get(route).status_code == 200


@pytest.mark.hostile
@pytest.mark.parametrize(
    "value",
    ["Bearer", "Bearer ", "Basic abc", "Bearer passerby_", "Bearer " + "a" * 100_000, "bearer \xff",
     "Bearer passerby_x passerby_y"],
)  # fmt: skip
def test_what_is_no_key_lets_nobody_in(guarded, value):
    answer = guarded.get("/v1/server", headers={"Authorization": value.encode("latin-1")})
    assert answer.status_code == 401


def test_a_body_is_not_read_of_whom_is_not_let_in(guarded):
    read = []

    def body():
        for _ in range(100):
            read.append(1)
            yield bytes(100_000)

    answer = guarded.post("/v1/search", content=body(), headers=JPEG)
    assert answer.status_code == 401
    assert answer.headers["Connection"] == "close"


def test_each_scope_is_by_itself(guarded, keys, draw_crop, tmp_path):
    picture = draw_crop(tmp_path / "a.jpg", 1).read_bytes()
    asked = {
        "read": lambda headers: guarded.get("/v1/summary", headers=headers),
        "write": lambda headers: guarded.post("/v1/sightings", content=picture, headers=headers),
        "delete": lambda headers: guarded.delete("/v1/sightings/none", headers=headers),
        "admin": lambda headers: guarded.get("/v1/audit", headers=headers),
    }
    for scope in asked:
        headers = bearer(keys.add(scope, [scope])) | JPEG
        told = guarded.get("/v1/server", headers=headers).json()
        assert (told["key"], told["scopes"]) == (scope, [scope])
        for other, ask in asked.items():
            answer = ask(headers)
            assert (answer.status_code == 403) == (other != scope), (scope, other)
            if other != scope:
                assert answer.json()["detail"] == f"this needs a key with the scope {other}"


def test_a_revoked_key_is_of_no_use_at_once_and_the_last_one_opens_nothing(guarded, keys):
    headers = bearer(keys.add("guest", ["read"]))
    assert guarded.get("/v1/summary", headers=headers).status_code == 200
    keys.revoke("guest")
    assert guarded.get("/v1/summary", headers=headers).status_code == 401
    keys.revoke("auditor")
    assert guarded.get("/v1/summary").status_code == 401


def test_a_damaged_file_of_keys_lets_nobody_in(guarded, keys, settings):
    headers = bearer(keys.add("guest", ["read"]))
    (state_folder(settings.state) / "keys.json").write_text("[]", encoding="utf-8")
    answer = guarded.get("/v1/summary", headers=headers)
    assert answer.status_code == 503
    assert settings.state not in answer.text


def test_this_machine_is_asked_for_keys_where_that_was_said(settings, keys):
    keys.add("anna", ["read"])
    url = "http://127.0.0.1:8765"
    with TestClient(application(settings), url) as free:
        assert free.get("/v1/server").json()["key"] is None
    with TestClient(application(replace(settings, keys=True)), url) as asked:
        assert asked.get("/v1/server").status_code == 401


def test_behind_a_proxy_keys_are_asked_for_where_there_are_some(settings, keys):
    proxied = replace(settings, behind_proxy=True)
    with TestClient(application(proxied), "http://gate.example") as client:
        assert client.get("/v1/summary").status_code == 200
        secret = keys.add("anna", ["read"])
        assert client.get("/v1/summary").status_code == 401
        assert client.get("/v1/summary", headers=bearer(secret)).status_code == 200


def test_a_server_that_nobody_could_ask_does_not_start(settings, keys):
    for refused in (replace(settings, host="0.0.0.0"), replace(settings, keys=True)):
        with pytest.raises(ValueError, match="passerby serve keys add"):
            require_guarded(refused)
    keys.add("anna", ["read"])
    for taken in (replace(settings, host="0.0.0.0"), replace(settings, keys=True)):
        assert require_guarded(taken) is None
