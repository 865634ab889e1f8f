"""Passages held against alerts: the contract is kept, a person is found, people's answers count."""

import base64
import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from passerby.gallery.alerts import watching
from passerby.gallery.alerts.keeping import judge_hit
from passerby.gallery.alerts.reporting import Past, nearest_past, past_text, report, reports_json
from passerby.gallery.alerts.watching import AlertWatch
from passerby.gallery.upkeep.removal import remove
from passerby.stores.about import About, Alert
from passerby.tables.filters import Where
from tests.gallery.alerts.conftest import passage

WEEK = np.timedelta64(7 * 24 * 3600, "s")
BEGIN = np.datetime64("2026-01-05T00:00", "s")


def alert_of(vectors, **how):
    text = base64.b64encode(np.asarray(vectors, "<f4").tobytes()).decode()
    given = {"name": "thief", "id": "a" * 32, "images": (), "a_week": 1.0, **how}
    return Alert(vectors=text, **given)


class Site:
    """Strangers who pass: ``a_week`` of them in each week, in order."""

    def __init__(self, crowd, make_store, **about):
        self.crowd, self.store = crowd, make_store(np.empty((0, 12)), **about)
        self.number = 0

    def passages(self, week, a_week, person=None):
        centres = self.crowd.persons(a_week) if person is None else np.repeat(person, a_week, 0)
        for at, centre in enumerate(centres):
            self.number += 1
            time = BEGIN + week * WEEK + (at * WEEK) // a_week
            yield passage(self.number, self.crowd.shots(np.repeat(centre[None], 3, 0)), time)

    def fill(self, weeks, a_week):
        for week in range(weeks):
            for one in self.passages(week, a_week):
                self.store.write(one)

    def watch(self, ledger, *alerts):
        self.store.change_about(lambda _: replace(self.store.about, alerts=alerts))
        return AlertWatch(self.store, ledger, "lobby")


@pytest.fixture
def site(crowd, make_store):
    crowd.noise = 0.1
    return Site(crowd, make_store, about=About("crowd", "plain", 12))


def test_strangers_raise_no_more_alarms_than_the_contract_says(site, ledger, monkeypatch):
    """Over weeks of traffic that doubles, by four alerts, each for itself; benchmarks/alerts.py has
    a thousand weeks."""
    monkeypatch.setattr(watching, "_GROWN", 1e9)  # passages are not written here
    site.fill(4, 50)
    alerts = [
        alert_of(one[None], name=f"a{n}", id=f"{n:032x}")
        for n, one in enumerate(site.crowd.shots(site.crowd.persons(4)))
    ]
    watch = site.watch(ledger, *alerts)
    weeks = 20
    for week in range(weeks):
        for one in site.passages(4 + week, 50 + 50 * week // weeks):
            watch.take(one)
    watch.flush()
    expected = weeks * len(alerts)
    assert 0.5 * expected < len(ledger.hits()) < 1.3 * expected  # 80, deviation 9
    found = report(watch, ledger)[0]
    assert found.at_worst.count == found.open == len(ledger.hits(alerts[0].id))
    assert found.at_worst.interval.low < 1
    assert found.at_worst.weeks == pytest.approx(weeks, abs=0.1)
    assert found.false.count == 0
    assert found.passages_a_week > 90


def test_the_person_is_found_and_told_of_once(site, ledger, tmp_path):
    site.fill(3, 100)
    person = site.crowd.persons(1)
    alert = alert_of(
        site.crowd.shots(np.repeat(person, 3, 0), 0.1), to=(str(tmp_path / "h.jsonl"),)
    )
    watch = site.watch(ledger, alert)
    (one,) = site.passages(3, 1, person)
    assert watch.take(one) == 1
    assert watch.take(one) == 0
    site.store.write(one)
    assert AlertWatch(site.store, ledger, "lobby").take(one) == 0
    (hit,) = ledger.hits()
    told = json.loads(hit.payload)
    assert told["id"] == hit.id
    assert told["gallery"] == "lobby"
    assert (told["alert"], told["camera"]) == ("thief", "door")
    assert told["from"] == "2026-01-26T00:00:00.000000+00:00"
    assert told["until"] == "2026-01-26T00:00:02.000000+00:00"
    assert told["distance"] < told["threshold"]
    assert told["false_alarms_a_week"] <= 1
    assert told["counted"] is True
    assert told["sightings"] == one.ids.tolist()
    assert told["likelihood_ratio"] is None  # it is not known which camera took the images
    assert told["picture"] is None
    assert hit.waiting == 1


def test_a_likelihood_ratio_is_said_where_it_is_known(site, ledger, crowd_calibration):
    site.fill(1, 100)
    about = replace(site.store.about, calibrations={"single": asdict(crowd_calibration)})
    site.store.change_about(lambda _: about)
    person = site.crowd.persons(1)
    references = site.crowd.shots(np.repeat(person, 2, 0)).astype(np.float32)
    watch = site.watch(ledger, alert_of(references, elsewhere=True))
    (one,) = site.passages(1, 1, person)
    assert watch.take(one) == 1
    slow = [
        np.exp(float(crowd_calibration.llr(np.array([1 - float(a @ b)]))[0]))
        for a in references
        for b in one.vectors
    ]
    told = json.loads(ledger.hits()[0].payload)
    assert told["likelihood_ratio"] == pytest.approx(np.mean(slow), rel=1e-3)


def test_a_hit_that_nobody_judged_counts_as_a_stranger(site, ledger):
    site.fill(1, 100)
    person = site.crowd.persons(1)
    watch = site.watch(ledger, alert_of(site.crowd.shots(person, 0.05)))
    before = watch.standing(0)
    for one in site.passages(1, 3, person):  # days apart: three occasions
        site.store.write(one)
        watch.take(one)
    found = len(ledger.hits())
    assert 1 <= found < 3  # the nearest of all that were seen
    assert watch.standing(0).strangers == before.strangers + 3
    assert watch.standing(0).threshold.distance < before.threshold.distance
    judge_hit(site.store, ledger, "1", True)
    again = AlertWatch(site.store, ledger, "lobby")
    assert again.standing(0).strangers == before.strangers + 2
    assert sum(one.known for one in nearest_past(again, 0, 4)) == 1
    judge_hit(site.store, ledger, ledger.hits()[0].id[:12], None)
    assert AlertWatch(site.store, ledger, "lobby").standing(0).strangers == before.strangers + 3


def test_who_walks_past_several_cameras_is_found_by_each(site, ledger):
    """Within an hour no hit makes the next one less likely; later they count as one stranger."""
    site.fill(1, 100)
    person = site.crowd.persons(1)
    watch = site.watch(ledger, alert_of(site.crowd.shots(person, 0.05)))
    before = watch.standing(0)
    for minute in range(4):
        rows = site.crowd.shots(np.repeat(person, 3, 0))
        one = passage(9_000 + minute, rows, BEGIN + WEEK + np.timedelta64(60 * minute, "s"))
        assert watch.take(one) == 1
        site.store.write(one)
    later = passage(
        9_100, site.crowd.shots(np.repeat(site.crowd.persons(1), 3, 0)), BEGIN + 2 * WEEK
    )
    for again in (watch, AlertWatch(site.store, ledger, "lobby")):
        again.take(later)
        assert again._standing(0, again._occasions[0].left_out(later.times[0])).strangers == (
            before.strangers + 2
        )


def test_passages_under_the_persons_name_are_no_strangers(site, ledger):
    site.fill(1, 100)
    for one in site.passages(1, 2, site.crowd.persons(1)):
        site.store.write(one)
        site.store.name_persons(one.ids.tolist(), ["anna"] * 3)
    watch = site.watch(ledger, alert_of(site.crowd.persons(1), person="anna"))
    assert watch.standing(0).strangers == 100


def test_too_few_strangers_and_rates_beyond_them_are_said(site, ledger):
    site.fill(1, 30)
    alert = alert_of(site.crowd.persons(1), a_week=0.1)
    watch = site.watch(ledger, alert)
    assert watch.take(next(site.passages(1, 1))) == 0
    assert "waits: 31 passages" in str(report(watch, ledger)[0])
    site.fill(1, 100)
    watch = AlertWatch(site.store, ledger, "lobby")
    standing = watch.standing(0)
    assert not standing.threshold.counted
    assert standing.likely == pytest.approx(1, abs=0.3)
    assert "So few show no rarer" in str(report(watch, ledger)[0])


def test_alerts_that_come_and_go_count_while_it_runs(site, ledger, monkeypatch):
    monkeypatch.setattr(watching, "_LOOK", -1)
    site.fill(1, 100)
    watch = site.watch(ledger)
    person = site.crowd.persons(1)
    one, two, three = site.passages(1, 3, person)
    assert watch.take(one) == 0
    alert = alert_of(site.crowd.shots(person, 0.05))
    site.store.change_about(lambda _: replace(site.store.about, alerts=(alert,)))
    assert watch.take(two) == 1
    site.store.change_about(
        lambda _: replace(site.store.about, alerts=(replace(alert, paused=True),))
    )
    assert watch.take(three) == 0


def test_whoever_is_removed_is_removed_from_the_hits(site, ledger, monkeypatch, tmp_path):
    monkeypatch.setattr("passerby.gallery.alerts.forgetting.ledger_path", lambda _: ledger.path)
    site.fill(1, 100)
    person = site.crowd.persons(1)
    watch = site.watch(ledger, alert_of(site.crowd.shots(person, 0.05)))
    for minute in range(2):
        rows = site.crowd.shots(np.repeat(person, 3, 0))
        one = passage(9_000 + minute, rows, BEGIN + WEEK + np.timedelta64(60 * minute, "s"))
        watch.take(one)
        site.store.write(one)
    first = ledger.hits()[0]
    judge_hit(site.store, ledger, str(first.number), True)
    gone = tuple(json.loads(first.payload)["sightings"])
    remove(site.store, Where(ids=gone))
    assert [bool(hit.payload) for hit in ledger.hits()] == [False, True]
    assert site.store.refresh_about().alerts[0].confirmed == ()
    assert "removed" in str(report(watch, ledger)[0])
    assert json.loads(reports_json(report(watch, ledger)))[0]["hits"][0]["payload"] is None


def test_the_description_carries_alerts(site):
    alert = alert_of(site.crowd.persons(2), to=("https://h/{T}",), confirmed=("b" * 32,))
    about = replace(site.store.about, alerts=(alert,))
    assert About.from_json(about.to_json()) == about


def test_whose_own_passage_may_stand_as_a_strangers_is_asked():
    own, other = Past("a" * 32, "", 0.1, False, False), Past("b" * 32, "", 0.6, False, False)
    assert "add the alert with --person NAME" in past_text((own, other))
    assert "--person" not in past_text((replace(own, known=True), other))
