"""Exactly what was looked at goes, and the certificate says so."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import numpy as np
import pytest

from passerby.gallery.alerts.ledger import Ledger, ledger_path
from passerby.gallery.forgetting.certificate import is_unchanged
from passerby.gallery.forgetting.finding import Question, find
from passerby.gallery.forgetting.forgetting import Request, forget
from passerby.stores.about import Alert
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings
from passerby.visual.forgetting.certificate_page import certificate_page

OWN = [f"{number:032x}" for number in range(12)]
REQUEST = Request("Ann <b>", "art. 17 & more", gallery="lobby")


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """Where hits of galleries in memory are kept."""
    monkeypatch.setenv("PASSERBY_STATE", str(tmp_path / "state"))


@pytest.fixture
def question(sharp):
    return Question((sharp.picture(sharp.centres[0]),))


def there(gallery, ids):
    return gallery.store.count(Where(ids=tuple(ids)))


def test_exactly_these_go_and_the_certificate_counts_them(sharp, question):
    found = find(sharp, question)
    done = forget(sharp, found.ids, REQUEST, question).certificate
    assert there(sharp, OWN) == 0
    assert len(sharp) == 708
    assert {*done.removed} == {*OWN}
    assert (done.gone.sightings, done.checked, done.not_there, done.still_there) == (12, 0, (), ())
    assert done.gone.cameras == {"cam0": 4, "cam1": 4, "cam2": 4}
    assert done.gone.vector_bytes == 12 * 12 * 4
    assert done.gone.picture_bytes == 12 * len(b"jpeg")
    assert done.gone.first == "2026-05-01T08:00:00Z"
    assert done.model == "crowd"
    assert {"dumps and backups", "other galleries", "logs"} <= {one.what for one in done.remains}


def test_what_came_meanwhile_is_told_and_stays(sharp, question, crowd):
    found = find(sharp, question)
    new = Sightings(["f" * 32], crowd.shots(sharp.centres[:1], 0.05))
    sharp.store.write(new)
    done = forget(sharp, found.ids, REQUEST, question).certificate
    assert done.still_there == ("f" * 32,)
    assert there(sharp, ["f" * 32]) == 1
    assert "STILL THERE" in str(done)
    assert "f" * 32 in certificate_page(done)


def test_what_was_left_out_by_hand_is_not_told_as_new(sharp, question):
    found = find(sharp, question)
    spared = found.passages[0].sightings
    rest = [one for one in found.ids if one not in spared]
    done = forget(sharp, rest, REQUEST, question, spared).certificate
    assert done.still_there == ()
    assert there(sharp, spared) == 2


def test_ids_that_are_gone_are_said_and_none_at_all_is_refused(sharp):
    done = forget(sharp, [OWN[0], "e" * 32], REQUEST).certificate
    assert (done.removed, done.not_there) == ((OWN[0],), ("e" * 32,))
    with pytest.raises(ValueError, match="nothing was done"):
        forget(sharp, ["e" * 32], REQUEST)


def test_a_certificate_shows_its_changes(sharp):
    text = forget(sharp, OWN, REQUEST).certificate.to_json()
    assert is_unchanged(text)
    changed = json.loads(text)
    changed["removed"] = changed["removed"][:-1]
    assert not is_unchanged(json.dumps(changed))
    for none in ("{}", '{"kind": "removal"}', "[]"):
        with pytest.raises(ValueError, match="no certificate"):
            is_unchanged(none)


def test_the_page_escapes_and_holds_no_vector(sharp):
    done = forget(sharp, OWN, REQUEST).certificate
    page = certificate_page(done)
    assert "Ann &lt;b&gt;" in page
    assert "<b>" not in page
    assert done.sha256 in page
    assert done.sha256 == json.loads(done.to_json())["sha256"]


def test_alerts_that_watch_for_the_person_are_found_and_go(sharp, question):
    def alert(name, vector, **more):
        data = base64.b64encode(vector[None].astype("<f4").tobytes()).decode()
        return Alert(name, f"{name:0>32}", data, (), 1.0, **more)

    own, other = sharp.centres[0], sharp.centres[30]
    alerts = (
        alert("like", own), alert("other", other), alert("confirmed", other, confirmed=(OWN[3],)),
    )  # fmt: skip
    sharp.store.change_about(lambda about: replace(about, alerts=alerts))
    ledger = Ledger(ledger_path(sharp.store))
    ledger.record("hit", alerts[1].id, '{"camera": "door"}', [OWN[4]], [])
    ledger.close()
    found = find(sharp, question)
    assert {one.name for one in found.alerts} == {"like", "confirmed"}
    names = tuple(one.name for one in found.alerts)
    done = forget(sharp, found.ids, replace(REQUEST, alerts=names), question).certificate
    assert [one.name for one in sharp.store.refresh_about().alerts] == ["other"]
    assert {*done.alerts} == {"like", "confirmed"}
    ledger = Ledger(ledger_path(sharp.store))
    assert [hit.payload for hit in ledger.hits()] == [""]  # what was said of their passage is gone
    ledger.close()
    with pytest.raises(ValueError, match="no alert is named"):
        forget(sharp, OWN, replace(REQUEST, alerts=("like",)))


def test_what_was_learnt_is_learnt_anew(sharp):
    sharp.adapt(hubness=False)
    before = sharp.store.refresh_about().adapted
    if not before:
        pytest.skip("there is nothing to learn in this crowd")
    done = forget(sharp, OWN, REQUEST).certificate
    assert done.relearnt
    assert sharp.store.refresh_about().adapted != before


@pytest.mark.parametrize(("by", "reason"), [("", "x"), ("x", ""), ("x", "y" * 2001)])
def test_who_asks_and_why_must_be_said(by, reason):
    with pytest.raises(ValueError, match="a certificate says"):
        Request(by, reason)


def test_more_than_fit_into_one_condition(make_store, crowd, crowd_about):
    store = make_store(crowd.shots(crowd.persons(2500)), about=crowd_about)
    from passerby.gallery.gallery import Gallery

    ids = [f"{n:032x}" for n in range(2400)]
    done = forget(Gallery(store), ids, REQUEST).certificate
    assert (len(done.removed), store.count(), done.checked) == (2400, 100, 0)
    assert np.unique(done.removed).size == 2400
