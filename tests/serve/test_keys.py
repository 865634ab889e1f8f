"""API keys: found by their hash, shown once, changed while a server runs."""

from __future__ import annotations

import json
import os
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest

from passerby.serve.keys import Keys
from passerby.serve.state import state_folder


def test_a_key_is_found_by_its_secret_alone(tmp_path):
    keys = Keys(tmp_path)
    assert not keys.any()
    secret = keys.add("door camera", ["write", "read"])
    other = keys.add("anna", ["admin"])
    found = keys.find(secret)
    assert (found.name, found.scopes) == ("door camera", {"read", "write"})
    assert keys.find(other).name == "anna"
    for wrong in ("", secret[:-1], secret + "a", secret.upper(), "passerby_", "\udcff", "é"):
        assert keys.find(wrong) is None
    assert len(secret) > 50
    assert secret != other


def test_the_file_holds_no_secret_and_is_its_owners_alone(tmp_path):
    secret = Keys(tmp_path).add("anna", ["read"])
    text = (tmp_path / "keys.json").read_text(encoding="utf-8")
    assert secret not in text
    assert secret.removeprefix("passerby_") not in text
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


def test_what_another_process_changes_counts_at_once(tmp_path):
    server, command = Keys(tmp_path), Keys(tmp_path)
    secret = command.add("anna", ["read"])
    assert server.find(secret).name == "anna"
    command.revoke("anna")
    assert server.find(secret) is None
    (tmp_path / "keys.json").unlink()
    assert server.all() == ()


def test_a_key_ends_on_its_day(tmp_path):
    keys = Keys(tmp_path)
    secret = keys.add("guest", ["read"], days=1)
    assert keys.find(secret).name == "guest"
    (key,) = keys.all()
    assert key.expired(datetime.now(UTC) + timedelta(days=1, seconds=1))
    content = json.loads((tmp_path / "keys.json").read_text(encoding="utf-8"))
    content["keys"][0]["expires"] = "2026-01-01T00:00:00+00:00"
    (tmp_path / "keys.json").write_text(json.dumps(content), encoding="utf-8")
    assert keys.find(secret) is None
    assert keys.any()


def test_every_secret_is_compared_with_every_key(tmp_path, monkeypatch):
    keys = Keys(tmp_path)
    first = keys.add("a", ["read"])
    keys.add("b", ["read"])
    compared = []

    def compare(one, other):
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("hmac.compare_digest", compare)
    assert keys.find(first).name == "a"
    assert len(compared) == 2


@pytest.mark.parametrize(
    ("name", "scopes", "days", "message"),
    [
        ("", ["read"], None, "a key's name"),
        ("a\nb", ["read"], None, "a key's name"),
        ("a\x1b[2J", ["read"], None, "a key's name"),
        ("a" * 65, ["read"], None, "a key's name"),
        ("b", [], None, "name one or more of read, write, delete, admin"),
        ("b", ["raed"], None, "did you mean 'read'"),
        ("anna", ["read"], None, "there is a key of 'anna' already"),
        ("b", ["read"], 0, "more than 0"),
        ("b", ["read"], float("nan"), "more than 0"),
    ],
)
def test_what_is_no_key_is_refused(tmp_path, name, scopes, days, message):
    keys = Keys(tmp_path)
    keys.add("anna", ["read"])
    with pytest.raises(ValueError, match=message):
        keys.add(name, scopes, days)
    assert [key.name for key in keys.all()] == ["anna"]


def test_an_unknown_name_is_not_revoked(tmp_path):
    keys = Keys(tmp_path)
    keys.add("anna", ["read"])
    with pytest.raises(ValueError, match="did you mean 'anna'"):
        keys.revoke("ana")


def test_keys_made_at_once_are_all_there(tmp_path):
    made: dict[str, str] = {}

    def make(number):
        made[f"k{number}"] = Keys(tmp_path).add(f"k{number}", ["read"])

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    keys = Keys(tmp_path)
    assert {name: keys.find(secret).name for name, secret in made.items()} == {n: n for n in made}
    assert len(made) == 8


@pytest.mark.hostile
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format": 2, "keys": []}',
        '{"format": 1}',
        '{"format": 1, "keys": [{"name": "a"}]}',
        '{"format": 1, "keys": [{"name": "a", "scopes": ["all"], "hash": "", "created": "",'
        ' "expires": ""}]}',
        '{"format": 1, "keys": [{"name": "a", "scopes": ["read"], "hash": "", "created": "",'
        ' "expires": "soon"}]}',
    ],
)
def test_a_damaged_file_lets_nobody_in(tmp_path, text):
    keys = Keys(tmp_path)
    secret = keys.add("anna", ["read"])
    (tmp_path / "keys.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"keys\.json|soon"):
        keys.find(secret)
    with pytest.raises(ValueError, match=r"keys\.json|soon"):
        Keys(tmp_path)


def test_where_the_state_of_a_server_is(tmp_path, monkeypatch):
    assert state_folder(tmp_path / "a" / "b").is_dir()
    monkeypatch.setenv("PASSERBY_STATE", str(tmp_path / "c"))
    assert state_folder() == tmp_path / "c"
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot keep the server's state"):
        state_folder(tmp_path / "file")
