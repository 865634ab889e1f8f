"""Hits are on the disk before they go, go in order until they are taken, and are never two."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from passerby.gallery.alerts import delivering
from passerby.gallery.alerts import ledger as ledgers
from passerby.gallery.alerts.delivering import Courier, deliver
from passerby.gallery.alerts.ledger import Ledger


def hit(number):
    return f"{number:032x}"


def record(ledger, number, *to, alert="x"):
    return ledger.record(hit(number), alert, json.dumps({"id": hit(number)}), [f"s{number}"], to)


@pytest.fixture(autouse=True)
def brisk(monkeypatch):
    monkeypatch.setattr(delivering, "_LOOK", 0.02)
    monkeypatch.setattr(delivering, "LONGEST", 0.05)


def test_one_passage_is_one_hit(ledger, hook):
    assert record(ledger, 1, hook.address)
    assert not record(ledger, 1, hook.address)
    assert deliver(ledger, 5) == 0
    assert not record(ledger, 1, hook.address)
    assert deliver(ledger, 5) == 0
    assert [body["id"] for body in hook.bodies] == [hit(1)]


def test_a_webhook_that_is_down_gets_all_in_order_later(ledger, hook, tmp_path, capsys):
    hook.codes = [503, 503, 200]
    lines = tmp_path / "hits.jsonl"
    for number in range(4):
        record(ledger, number, hook.address, str(lines))
    assert deliver(ledger, 0) == 4  # the file took its own all the same
    assert [json.loads(line)["id"] for line in lines.read_text().splitlines()] == [
        hit(number) for number in range(4)
    ]
    (first, *_) = ledger.hits()
    assert (first.waiting, first.error) == (1, "the server answered 503")
    assert deliver(ledger, 10) == 0
    assert [body["id"] for body in hook.bodies] == [hit(number) for number in range(4)]
    said = capsys.readouterr().out
    assert said.count("a hit waits") == 2  # once for each call, not for each try
    assert hook.address + "..." in said
    assert ledger.hits()[0].error == ""


def test_the_spool_is_bounded_and_says_what_it_gave_up(ledger, monkeypatch):
    monkeypatch.setattr(ledgers, "MOST_WAITING", 3)
    for number in range(5):
        record(ledger, number, "http://127.0.0.1:9/")
    assert [one.hit for one in ledger.waiting("http://127.0.0.1:9/")] == [3, 4, 5]
    assert [one.given_up for one in ledger.hits()] == [1, 1, 0, 0, 0]


def test_a_courier_delivers_while_the_work_goes_on(ledger, hook):
    with Courier(ledger.path):
        record(ledger, 1, hook.address)
        end = time.monotonic() + 10
        while not hook.bodies and time.monotonic() < end:
            time.sleep(0.01)
        assert len(hook.bodies) == 1
        record(ledger, 2, hook.address)
    assert [body["id"] for body in hook.bodies] == [hit(1), hit(2)]


def test_what_waits_at_the_end_is_said(ledger, hook, capsys):
    hook.codes = [500]
    with Courier(ledger.path, patience=0.1):
        record(ledger, 1, hook.address)
    assert "1 delivery of a hit waits" in capsys.readouterr().out
    assert ledger.count_waiting() == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_at_any_moment_nothing_is_lost(tmp_path, hook, trial):
    """A process that finds ten hits and delivers them is killed, again and again."""
    path = tmp_path / "alerts.sqlite"
    work = textwrap.dedent(f"""
        import json
        from pathlib import Path
        from passerby.gallery.alerts.delivering import Courier
        from passerby.gallery.alerts.ledger import Ledger
        ledger = Ledger(Path({str(path)!r}))
        with Courier(ledger.path):
            for number in range(10):
                one = f"{{number:032x}}"
                ledger.record(one, "x", json.dumps({{"id": one}}), [one], [{hook.address!r}])
                print(number, flush=True)
    """)
    for kills in range(3):
        done = subprocess.Popen([sys.executable, "-c", work], stdout=subprocess.PIPE)
        for _ in range(3 * (kills + 1) + trial % 3):
            done.stdout.readline()
        time.sleep(0.05 * (trial % 7))
        os.kill(done.pid, signal.SIGKILL)
        done.communicate()
    subprocess.run([sys.executable, "-c", work], check=True, stdout=subprocess.DEVNULL)
    ledger = Ledger(path)
    assert deliver(ledger, 20) == 0
    assert len(ledger.hits()) == 10
    ledger.close()
    came = [body["id"] for body in hook.bodies]
    firsts = list(dict.fromkeys(came))
    assert firsts == [hit(number) for number in range(10)]  # all, in order
    assert len(came) <= 10 + 4  # one that a kill left between sending and noting comes again


def test_two_who_deliver_do_not_send_twice(ledger, hook):
    for number in range(10):
        record(ledger, number, hook.address)
    with Courier(ledger.path), Courier(ledger.path):
        end = time.monotonic() + 10
        while len(hook.bodies) < 10 and time.monotonic() < end:
            time.sleep(0.01)
    assert [body["id"] for body in hook.bodies] == [hit(number) for number in range(10)]


def test_what_is_removed_leaves_only_a_number(ledger, hook):
    record(ledger, 1, hook.address)
    record(ledger, 2, hook.address)
    ledger.judge(1, False)
    assert ledger.forget_sightings({"s1", "never"}) == 1
    first, second = ledger.hits()
    assert (first.payload, first.judged, first.waiting) == ("", False, 0)
    assert second.payload
    assert ledger.sightings() == ("s2",)
    assert hit(1) in {one.id for one in ledger.hits()}
    assert not record(ledger, 1, hook.address)
    assert ledger.forget_alert("x") == 2
    ledger.close()
    assert b"s2" not in ledger.path.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_only_its_owner_may_read_it(ledger):
    assert ledger.path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_ledger(tmp_path):
    (tmp_path / "x.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(ValueError, match="cannot be used"):
        Ledger(tmp_path / "x.sqlite")
