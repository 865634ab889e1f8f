"""The audit log: whole lines, chained; a change, a lost line and a kill show."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

from passerby.serve.audit import FIRST, Audit, check_lines


@pytest.fixture
def audit(tmp_path):
    """With five lines."""
    made = Audit(tmp_path)
    for number in range(5):
        made.write("anna", "search", {"camera": ["door"], "k": number})
    return made


def raw(audit):
    return audit.path.read_bytes().splitlines(keepends=True)


def test_lines_are_chained_as_anybody_can_compute(audit):
    before = FIRST
    for number, text in enumerate(raw(audit), 1):
        line = json.loads(text)
        own = line.pop("hash")
        content = json.dumps(line, separators=(",", ":")).encode()
        assert own == hashlib.sha256(content).hexdigest()
        assert (line["number"], line["before"], line["by"]) == (number, before, "anna")
        before = own
    check = audit.check()
    assert (check.lines, check.problem, check.last) == (5, "", before)
    assert before in str(check)
    if os.name != "nt":
        assert stat.S_IMODE(audit.path.stat().st_mode) == 0o600


def test_an_empty_log_is_whole(tmp_path):
    assert Audit(tmp_path).check().lines == 0
    assert check_lines(tmp_path / "none.jsonl").problem == ""
    assert Audit(tmp_path).lines(10) == ()


def test_the_newest_lines_come_first_and_page_by_page(audit):
    assert [line["number"] for line in audit.lines(2)] == [5, 4]
    assert [line["number"] for line in audit.lines(9, before=4)] == [3, 2, 1]
    assert audit.lines(1)[0]["details"] == {"camera": ["door"], "k": 4}


@pytest.mark.parametrize("block", [1, 7, 300, 65_536])
def test_reading_backwards_finds_every_line(audit, monkeypatch, block):
    monkeypatch.setattr("passerby.serve.audit._BLOCK", block)
    assert [line["number"] for line in audit.lines(100)] == [5, 4, 3, 2, 1]


def changed(lines, row, old, new):
    assert old in lines[row]
    return [*lines[:row], lines[row].replace(old, new), *lines[row + 1 :]]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda lines: changed(lines, 2, b"anna", b"bert"), "line 3 is not as it was written"),
        (lambda lines: changed(lines, 2, b'"k":2', b'"k":3'), "line 3 is not as it was written"),
        (lambda lines: [*lines[:1], *lines[2:]], "line 2 (number 3) was not written after"),
        (lambda lines: lines[1:], "line 1 (number 2) was not written after"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "line 1 (number 2) was not written"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], "line 4 (number 3) was not written"),
        (lambda lines: [*lines[:2], b"{}\n", *lines[2:]], "line 3 is none of an audit log"),
        (lambda lines: [*lines[:2], b"\n", *lines[2:]], "line 3 is none of an audit log"),
        (lambda lines: [*lines, lines[4][:50]], "line 6 is cut off, as a kill leaves it"),
    ],
)
def test_the_first_broken_line_is_named(audit, change, problem):
    audit.path.write_bytes(b"".join(change(raw(audit))))
    found = audit.check()
    assert problem in found.problem
    assert str(found) == found.problem


def test_a_log_that_was_written_anew_does_not_know_the_hash_that_was_noted(audit, tmp_path):
    noted = audit.check().last
    audit.write("anna", "delete", {"sightings": 3})
    assert audit.check(noted).problem == ""
    audit.path.write_bytes(b"".join(raw(audit)[:4]))  # whole by itself, but shorter
    assert audit.check().problem == ""
    assert f"no line has the hash {noted}" in audit.check(noted).problem


@pytest.mark.parametrize("left", [1, 20, 150])
def test_what_a_kill_left_of_a_line_is_mended_and_told(audit, left):
    torn = raw(audit)[-1][:left]
    with audit.path.open("ab") as file:
        file.write(torn)
    again = Audit(audit.path.parent)
    assert f"its {'1 byte was' if left == 1 else f'{left} bytes were'} taken away" in again.repaired
    again.write("bert", "add", {"added": 1})
    audit.write("anna", "search", {})
    assert audit.check().problem == ""
    told = audit.lines(3)
    assert [line["did"] for line in told] == ["search", "add", "repair"]
    assert told[2]["details"] == {"bytes": left, "sha256": hashlib.sha256(torn).hexdigest()}
    assert Audit(audit.path.parent).repaired == ""


def test_a_log_whose_end_is_something_else_is_not_gone_on_with(audit):
    with audit.path.open("ab") as file:
        file.write(b"hello\n")
    with pytest.raises(ValueError, match="none of an audit log: keep the file apart"):
        Audit(audit.path.parent)
    with pytest.raises(ValueError, match="none of an audit log"):
        audit.write("anna", "search", {})


def test_a_line_that_finds_no_room_leaves_nothing(audit, monkeypatch):
    size = audit.path.stat().st_size
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(ValueError, match="no room for"):
        audit.write("anna", "search", {})
    monkeypatch.undo()
    assert audit.path.stat().st_size == size
    audit.write("anna", "search", {})
    assert audit.check().lines == 6


def test_threads_and_other_objects_write_one_chain(tmp_path):
    logs = [Audit(tmp_path), Audit(tmp_path)]

    def write(name):
        for number in range(10):
            logs[number % 2].write(name, "search", {"number": number})

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check = logs[0].check()
    assert (check.lines, check.problem) == (40, "")


def test_what_json_cannot_hold_spoils_no_other_line(audit):
    for details in ({"vector": float("nan")}, {"picture": b"jpeg"}):
        with pytest.raises((ValueError, TypeError)):
            audit.write("anna", "search", details)
    assert audit.check().lines == 5


def test_threads_that_wait_share_one_trip_to_the_disk(tmp_path, monkeypatch):
    audit = Audit(tmp_path)
    trips = []
    slow = os.fsync
    monkeypatch.setattr("os.fsync", lambda n: (trips.append(n), time.sleep(0.05), slow(n)))
    threads = [threading.Thread(target=audit.write, args=("a", "add", {})) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert audit.check().lines == 12
    assert len(trips) < 6


WRITER = """
import sys
from pathlib import Path
from passerby.serve.audit import Audit
audit = Audit(Path(sys.argv[1]))
for number in range(100_000):
    audit.write(sys.argv[2], "search", {"number": number})
    print(number, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path):
    writers = {
        name: subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name], stdout=subprocess.PIPE, text=True
        )
        for name in ("one", "other")
    }
    for writer in writers.values():  # both write by now
        assert writer.stdout.readline() == "0\n"
    said = {}
    for name, writer in writers.items():
        for _ in range(20):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        said[name] = 1 + len(writer.stdout.read().splitlines()) + 20
        writer.stdout.close()
        writer.wait()
    audit = Audit(tmp_path)
    check = audit.check()
    assert check.problem == ""
    kept = [line["by"] for line in audit.lines(1_000_000)]
    for name, count in said.items():
        assert kept.count(name) >= count > 20
