"""``passerby serve keys`` and ``passerby serve audit``."""

from __future__ import annotations

import json

import pytest

from passerby.serve.audit import Audit
from passerby.serve.keys import Keys


@pytest.fixture
def serve(passerby_command, tmp_path):
    """Runs a command on the server's folder."""

    def run(*words):
        return passerby_command("serve", *words, "--state", tmp_path)

    return run


def test_a_key_is_made_listed_and_taken_away(serve, tmp_path):
    done = serve("keys", "add", "door", "--scope", "read", "--scope", "write", "--days", "30")
    assert done.code == 0, done.err
    secret = done.out.strip()
    assert Keys(tmp_path).find(secret).scopes == {"read", "write"}
    serve("keys", "add", "anna")
    listed = serve("keys", "list").out
    assert secret not in listed
    rows = [line.split() for line in listed.splitlines()[1:]]
    assert [row[0] for row in rows] == ["door", "anna"]
    assert "read, write" in listed
    assert serve("keys", "revoke", "door").out.strip() == "revoked: door"
    assert Keys(tmp_path).find(secret) is None


def test_mistakes_are_one_clear_line(serve):
    assert "there is no key: passerby serve keys add" in serve("keys", "list").out
    done = serve("keys", "revoke", "nobody")
    assert (done.code, done.err) == (2, "passerby: no key is of 'nobody'\n")
    done = serve("keys", "add", " ")
    assert done.code == 2
    assert "a key's name is of 1 to 64 characters" in done.err


def test_the_log_is_shown_and_verified(serve, tmp_path):
    done = serve("audit", "verify")
    assert done.code == 2
    assert "there is no audit log at" in done.err
    log = Audit(tmp_path)
    assert "the audit log is empty" in serve("audit", "show").out
    for camera in ("door", "größe", "hall"):
        log.write("anna", "search", {"camera": camera})
    lines = serve("audit", "show", "--newest", "2").out.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "3"]
    assert "größe" in lines[0]
    done = serve("audit", "verify")
    assert done.code == 0
    assert "3 lines, each as it was written" in done.out
    noted = log.check().last
    text = log.path.read_bytes()
    log.path.write_bytes(text.replace(b'"door"', b'"rood"'))
    done = serve("audit", "verify")
    assert done.code == 2
    assert "line 1 is not as it was written; 0 lines before it are whole" in done.err
    assert json.loads(serve("audit", "verify", "--json").out)["lines"] == 0
    (tmp_path / "copy.jsonl").write_bytes(b"".join(text.splitlines(keepends=True)[:2]))
    copy = ("--file", tmp_path / "copy.jsonl")
    assert serve("audit", "verify", *copy).code == 0
    assert "lines were taken away" in serve("audit", "verify", *copy, "--known", noted).err
