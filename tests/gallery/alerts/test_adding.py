"""What is added to a gallery is held against its alerts, passage by passage, where it is asked."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.gallery.alerts.adding import alerts_on_added
from passerby.gallery.alerts.keeping import Wanted, add_alert
from passerby.gallery.alerts.ledger import Ledger, ledger_path
from passerby.gallery.gallery import Gallery
from tests.gallery.alerts.conftest import passage
from tests.gallery.alerts.test_alert_command import picture, place

__all__ = ["place"]
LATER = np.datetime64("2026-05-08T10:00", "us")


@pytest.fixture
def wanted(place, embedder):
    """The gallery with an alert, and how the person looks."""
    image = picture(place.parent / "a.jpg", 0)
    with Gallery.open(place) as gallery:
        add_alert(gallery.store, embedder, [image], Wanted("thief", 2.0))
    vector = embedder([str(image)])[0]
    return place, image, vector / np.linalg.norm(vector)


def hits_of(place):
    with Gallery.open(place) as gallery:
        ledger = Ledger(ledger_path(gallery.store))
        found = [ledger.sightings(hit.number) for hit in ledger.hits()]
        ledger.close()
    return found


def test_each_passage_is_held_once_and_as_a_whole(wanted, monkeypatch):
    place, _, vector = wanted
    told = []
    monkeypatch.setattr(
        "passerby.gallery.alerts.watching.AlertWatch.take",
        lambda _, passage: told.append(passage.ids.tolist()),
    )
    random = np.random.default_rng(1)
    other = random.normal(size=(2, len(vector)))
    other /= np.linalg.norm(other, axis=1, keepdims=True)
    early = passage(901, other, LATER - np.timedelta64(1, "h"))
    late = passage(900, np.stack([vector, vector]), LATER)
    with Gallery.open(place) as gallery:
        gallery.store.write(late[:1])
        with alerts_on_added(gallery.store, str(place)):
            gallery.store.write(late)
            gallery.store.write(early)
            gallery.store.write(passage(902, other[:1]))
    assert told == [early.ids.tolist(), late.ids.tolist(), passage(902, other[:1]).ids.tolist()]


def test_who_is_added_is_told_of(wanted):
    place, _, vector = wanted
    with Gallery.open(place) as gallery:
        for _ in range(2):  # the second time nothing is new
            with alerts_on_added(gallery.store, str(place)):
                gallery.store.write(passage(900, np.stack([vector, vector]), LATER))
    assert hits_of(place) == [tuple(passage(900, np.stack([vector] * 2), LATER).ids.tolist())]


def test_the_command_asks_and_says_what_it_did_not(wanted, passerby_command):
    place, image, _ = wanted
    other = picture(place.parent / "b.jpg", 1)
    done = passerby_command("gallery", "add", place, other, "--camera", "door")
    assert done.code == 0, done.err
    assert "was not held against the gallery's alerts (--alerts does)" in done.out
    assert hits_of(place) == []
    done = passerby_command(
        "gallery", "add", place, image, "--camera", "door", "--time", "2026-05-08T10:00Z",
        "--alerts",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "alerts: 1 new hit" in done.out
    assert len(hits_of(place)) == 1
