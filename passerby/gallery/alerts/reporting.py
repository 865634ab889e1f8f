"""What became of alerts: hits, what people said of them, false alarms beside the contract."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import numpy as np

from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.alarms import FEWEST_STRANGERS, poisson_interval
from passerby.gallery.alerts.ledger import Hit, Ledger
from passerby.gallery.alerts.sinks.addresses import shown
from passerby.gallery.alerts.watching import AlertWatch, Standing
from passerby.gallery.text_tables import aligned, printable
from passerby.process.spelling import count_of
from passerby.stores.about import Alert

_WEEK = timedelta(weeks=1)


@dataclass(frozen=True)
class Rate:
    """So many in so many weeks; a_week: with its exact Poisson interval of 95 %."""

    count: int
    weeks: float
    a_week: float
    interval: Interval

    @classmethod
    def of(cls, count: int, weeks: float) -> Rate:
        """Of a count; weeks: above 0."""
        both = poisson_interval(count)
        return cls(count, weeks, count / weeks, Interval(both.low / weeks, both.high / weeks))

    def __str__(self) -> str:
        low, high = self.interval.low, self.interval.high
        return f"{self.a_week:.2f} a week (95 %: {low:.2f} to {high:.2f})"


@dataclass(frozen=True)
class AlertReport:
    """Of one alert. at_most_a_week: the contract; confirmed, denied, open: hits by what people
    said; false: those denied, in the weeks watched, None where no passage has a time; at_worst: the
    same with the open ones; passages_a_week, passages_how: as `Traffic`; strangers, threshold,
    counted, likely_a_week: as `Standing`; hits: all, in order; to: addresses as they are shown."""

    name: str
    at_most_a_week: float
    confirmed: int
    denied: int
    open: int
    false: Rate | None
    at_worst: Rate | None
    passages_a_week: float
    passages_how: str
    strangers: int
    threshold: float | None
    counted: bool
    likely_a_week: float
    hits: tuple[Hit, ...]
    to: tuple[str, ...]
    paused: bool

    def __str__(self) -> str:
        alarms = "alarm" if self.at_most_a_week == 1 else "alarms"
        lines = [f"{printable(self.name)}: at most {self.at_most_a_week:g} false {alarms} a week"]
        if self.paused:
            lines[0] += "; paused, as it came with a dump: passerby gallery alert resume"
        lines.append(f"  {self.confirmed} confirmed, {self.denied} denied, {self.open} not judged")
        if self.false is None or self.at_worst is None:
            lines.append("  false alarms a week: no passage with a time was held against it yet")
        else:
            lines.append(f"  false alarms: {self.false}, over {self.false.weeks:.1f} weeks")
            if self.open:
                lines.append(f"  if those not judged are false: {self.at_worst}")
        lines.append(f"  {self.standing}")
        rows = [_hit_cells(hit) for hit in self.hits[-20:]]
        return "\n".join([*lines, *(f"  {row}" for row in aligned(rows))] if rows else lines)

    @property
    def standing(self) -> str:
        """The threshold in words."""
        return _standing_words(self)


def report(watch: AlertWatch, ledger: Ledger) -> tuple[AlertReport, ...]:
    """Of each alert of a gallery."""
    return tuple(
        _report(alert, watch.standing(row), ledger) for row, alert in enumerate(watch.alerts)
    )


def reports_json(reports: tuple[AlertReport, ...]) -> str:
    """All of them, hits with what was sent of them."""
    found = [asdict(one) for one in reports]
    for each in found:
        for hit in each["hits"]:
            hit["payload"] = json.loads(hit["payload"]) if hit["payload"] else None
    return json.dumps(found, indent=2)


@dataclass(frozen=True)
class Past:
    """A passage that was seen before: its first sighting, when it began, its distance, whether it
    is nearer than the threshold, whether it is known to be the person."""

    sighting: str
    time: str
    distance: float
    nearer: bool
    known: bool


def nearest_past(watch: AlertWatch, alert: int, count: int = 10) -> tuple[Past, ...]:
    """The nearest passages that a gallery has seen already, to one of the alerts."""
    history, threshold = watch.history, watch.standing(alert).threshold
    distances = history.distances[:, alert]
    limit = -np.inf if threshold is None else threshold.distance
    return tuple(
        Past(
            str(history.passages[row]),
            "" if np.isnat(history.times[row]) else f"{history.times[row].astype('M8[s]')}Z",
            float(distances[row]),
            bool(distances[row] < limit),
            bool(history.known[row, alert]),
        )
        for row in np.argsort(distances, kind="stable")[:count]
    )


def past_text(past: tuple[Past, ...]) -> str:
    """As a table."""
    if not past:
        return "the gallery has seen nobody yet"
    rows = [["sighting", "time", "distance", "", ""]]
    rows += [
        [
            one.sighting,
            one.time or "no time",
            f"{one.distance:.4f}",
            "nearer than the threshold" if one.nearer else "",
            "known to be the person" if one.known else "",
        ]
        for one in past
    ]
    lines = ["nearest passages so far:", *aligned(rows)]
    if not past[0].known:
        lines.append(
            "is the first of them the person themselves? Then it counts as a stranger, and the "
            "threshold stands at it: name that sighting, and add the alert with --person NAME"
        )
    return "\n".join(lines)


def _report(alert: Alert, standing: Standing, ledger: Ledger) -> AlertReport:
    hits = tuple(ledger.hits(alert.id))
    judged = [hit.judged for hit in hits]
    denied, open_ = judged.count(False), judged.count(None)
    watched = ledger.watched(alert.id)
    weeks = 0.0
    if watched is not None:
        since, until = map(datetime.fromisoformat, watched)
        weeks = (until - since) / _WEEK
    threshold = standing.threshold
    known = threshold is not None and np.isfinite(threshold.distance)
    return AlertReport(
        alert.name,
        alert.a_week,
        judged.count(True),
        denied,
        open_,
        Rate.of(denied, weeks) if weeks > 0 else None,
        Rate.of(denied + open_, weeks) if weeks > 0 else None,
        standing.traffic.a_week,
        standing.traffic.how,
        standing.strangers,
        threshold.distance if threshold is not None and known else None,
        threshold is not None and threshold.counted,
        standing.likely,
        hits,
        tuple(shown(address) for address in alert.to),
        alert.paused,
    )


def _standing_words(report: AlertReport) -> str:
    text = f"{report.passages_a_week:,.0f} passages a week ({report.passages_how})"
    if report.strangers < FEWEST_STRANGERS:
        return (
            f"waits: {count_of(report.strangers, 'passage was', 'passages were')} seen, and from "
            f"{FEWEST_STRANGERS} on it is known how near strangers come; {text}"
        )
    if report.threshold is None:
        return f"every passage is a hit: the contract allows more false alarms than {text}"
    seen = f"threshold {report.threshold:.4f} by {count_of(report.strangers, 'passage')}; {text}"
    if report.counted:
        return f"{seen}; {report.likely_a_week:.2g} false alarms a week are to be expected"
    weeks = report.passages_a_week / report.at_most_a_week
    return (
        f"{seen}. So few show no rarer false alarms than {report.likely_a_week:.2g} a week: until "
        f"{weeks:,.0f} passages were seen, the rate rests on the shape that strangers' distances "
        "have elsewhere"
    )


def _hit_cells(hit: Hit) -> list[str]:
    payload = json.loads(hit.payload) if hit.payload else {}
    said = {True: "yes", False: "no", None: "not judged"}[hit.judged]
    sent = f"{hit.waiting} waiting" + (f": {hit.error}" if hit.error else "")
    return [
        f"hit {hit.number}",
        said,
        str(payload.get("until") or "no time") if payload else "removed",
        printable(str(payload.get("camera", ""))),
        f"{payload['distance']:.4f}" if payload else "",
        sent if hit.waiting else "given up" if hit.given_up else "",
    ]
