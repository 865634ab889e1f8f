"""Passages held against the alerts of a gallery as they end: the threshold follows what was seen.

Each passage is compared first and counted then among those seen, so that the threshold is of
passages before it. Nobody knows who a passage is of: it counts as a stranger until people say that
it is the person (`keeping.judge_hit`), or it has the person's name.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.decisions.alarms import AlarmThreshold, alarm_threshold
from passerby.gallery.adapted import view
from passerby.gallery.alerts.contracts import Traffic, traffic
from passerby.gallery.alerts.history import History, Sight, first_of, history_of
from passerby.gallery.alerts.keeping import reference_vectors
from passerby.gallery.alerts.ledger import Ledger
from passerby.gallery.alerts.occasions import Occasions
from passerby.gallery.ledger.people import people
from passerby.gallery.pair_evidence import one_camera, pair_llrs
from passerby.gallery.search.population import Populations
from passerby.gallery.stored_calibrations import judge_of
from passerby.gallery.text_tables import time_of
from passerby.stores import Store
from passerby.stores.about import Alert
from passerby.tables.sightings import UNKNOWN, Sightings, by_look, ends

FORMAT = 1
"""Of payloads."""

_NOTHING = ("~", "")  # after and before all times
_LOOK = 5.0  # seconds between two looks for alerts that came or went
_GROWN = 0.1  # of the passages, from which on the cameras' means are learnt anew


@dataclass(frozen=True)
class Standing:
    """Where an alert stands. threshold: None while too few strangers were seen; likely: false
    alarms a week that are to be expected, as far as it is counted what strangers do (else the most
    that they can be)."""

    traffic: Traffic
    strangers: int
    threshold: AlarmThreshold | None

    @property
    def likely(self) -> float:
        """False alarms a week, or the most they can be."""
        return 0.0 if self.threshold is None else self.threshold.shown * self.traffic.a_week


class AlertWatch:
    """Holds passages against the alerts of a store, and writes hits into the ledger.

    name: of the gallery, as it is told; alerts: A, as they are now; sight: how distances are
    measured; references [A, D]: of the alerts, seen so; hits: new ones so far. Raises ValueError
    for damaged alerts.
    """

    def __init__(self, store: Store, ledger: Ledger, name: str) -> None:
        self._store, self._ledger, self._name = store, ledger, name
        self.alerts: tuple[Alert, ...] = ()
        self.hits = 0
        self._looked = -math.inf
        self._read_at = self._aside = 0
        self._seen = _NOTHING
        self._counted: dict[tuple[int, float], Traffic] = {}
        self._history: History
        self._look()

    def take(self, passage: Sightings) -> int:
        """A passage that has ended, its sightings with vectors; returns how many hits were new.

        On return they are in the ledger, whatever becomes of this process.
        """
        if time.monotonic() - self._looked > _LOOK:
            self._look()
        if not self.alerts or not len(passage):
            return 0
        distances = self.sight.distances(passage, self.references).mean(axis=0)
        since, until = _span(passage)
        if since and until:
            self._seen = min(self._seen[0], since), max(self._seen[1], until)
        first = first_of(passage)
        name = str(passage.ids[first])
        new = 0
        for row, alert in enumerate(self.alerts):
            if not alert.paused:
                new += self._against(alert, row, passage, float(distances[row]))
        if name not in self._rows:
            self._remember(passage, first, distances)
        self.hits += new
        return new

    def flush(self) -> None:
        """Let the ledger know from when to when passages were seen."""
        if self._seen != _NOTHING:
            self._ledger.saw([one.id for one in self.alerts if not one.paused], *self._seen)
            self._seen = _NOTHING

    def standing(self, alert: int) -> Standing:
        """Of one of the alerts, by its place among them, as of now."""
        return self._standing(alert, set())

    @property
    def history(self) -> History:
        """What was seen, held against the alerts; there is one as soon as there are alerts."""
        return self._history

    def _look(self) -> None:
        """Take over alerts that were added, removed or judged; learn anew where much was seen."""
        self._looked = time.monotonic()
        self.flush()
        about = self._store.refresh_about()
        alerts, aside = about.alerts, about.not_persons
        grown = self.alerts and len(self._history) > (1 + _GROWN) * self._read_at + 100
        if (alerts, aside) == (self.alerts, self._aside) and not grown:
            return
        self.alerts, self._aside = alerts, aside
        if not alerts:
            return
        dimensions = self._store.about.dimensions
        seen = people(self._store)
        self.sight = Sight.of(seen)
        self._own = [reference_vectors(alert, dimensions) for alert in alerts]
        self.references = self.sight.references(self._own)
        self._history = history_of(seen, self.sight, alerts, self.references)
        self._read_at, self._counted = len(self._history), {}
        self._rows = {name: row for row, name in enumerate(self._history.passages.tolist())}
        self._occasions = [Occasions.of(self._ledger, alert.id) for alert in alerts]

    def _standing(self, alert: int, without: set[str]) -> Standing:
        """without: passages that do not count."""
        history = self._history
        counted = ~history.known[:, alert]
        counted[[self._rows[one] for one in without if one in self._rows]] = False
        strangers = history.distances[counted, alert]
        of = self.alerts[alert]
        found = self._traffic(of.traffic)
        return Standing(found, len(strangers), alarm_threshold(strangers, of.a_week / found.a_week))

    def _traffic(self, stated: float) -> Traffic:
        """Of what was seen; the same for all alerts until another passage has come."""
        key = (len(self._history), stated)
        if key not in self._counted:
            self._counted = {key: traffic(self._history.times, stated)}
        return self._counted[key]

    def _against(self, alert: Alert, row: int, passage: Sightings, distance: float) -> int:
        first = first_of(passage)
        name, time = str(passage.ids[first]), passage.times[first]
        standing = self._standing(row, {name} | self._occasions[row].left_out(time))
        threshold = standing.threshold
        if threshold is None or not distance < threshold.distance:
            return 0
        hit = hashlib.blake2b(f"{alert.id} {name}".encode(), digest_size=16).hexdigest()
        ratio = self._likelihood_ratio(alert, row, passage)
        since, until = _span(passage)
        payload = {
            "format": FORMAT,
            "id": hit,
            "gallery": self._name,
            "alert": alert.name,
            "camera": str(passage.cameras[0]),
            "source": str(passage.sources[0]),
            "from": since or None,
            "until": until or None,
            "distance": round(distance, 6),
            "threshold": round(min(threshold.distance, 2.0), 6),
            "at_most_a_week": alert.a_week,
            "false_alarms_a_week": round(standing.likely, 4),
            "counted": threshold.counted,
            "strangers": threshold.strangers,
            "passages_a_week": round(standing.traffic.a_week, 1),
            "likelihood_ratio": ratio,
            "passage": name,
            "sightings": passage.ids.tolist(),
            "frames": [frame for frame in by_look(passage)[0].frames.tolist() if frame >= 0],
            "picture": _picture(passage) if alert.with_picture else None,
        }
        text = json.dumps(payload, allow_nan=False)
        new = self._ledger.record(hit, alert.id, text, passage.ids.tolist(), alert.to)
        if new:
            self._occasions[row].add(name, time)
        return int(new)

    def _likelihood_ratio(self, alert: Alert, row: int, passage: Sightings) -> float | None:
        """The mean over pairs of a reference and an image of the passage; None where nothing says
        it."""
        shown = view(self._store)
        judge = judge_of(shown.about, 1, Populations(shown).cameras).calibration
        if judge is None:
            return None
        sight = Sight(self.sight.back_end, None)
        nowhere = np.full(len(self._own[row]), UNKNOWN)
        references = sight.vectors(self._own[row], nowhere, nowhere)
        images, _ = by_look(passage)
        distances = np.maximum(sight.distances(images, references), 0)
        kinds = one_camera(UNKNOWN, images.cameras, elsewhere=alert.elsewhere)
        ratios = np.exp(pair_llrs(judge, distances, np.repeat(kinds[:, None], len(references), 1)))
        return None if np.isnan(ratios).any() else float(f"{ratios.mean():.4g}")

    def _remember(self, passage: Sightings, first: int, distances: NDArray[np.float64]) -> None:
        history = self._history
        self._rows[str(passage.ids[first])] = len(history)
        known = [
            bool(alert.person and alert.person in passage.persons)
            or bool(np.isin(passage.ids, alert.confirmed).any())
            for alert in self.alerts
        ]
        self._history = History(
            np.append(history.passages, passage.ids[first]),
            np.append(history.times, passage.times[first]),
            np.vstack([history.distances, distances]),
            np.vstack([history.known, known]),
        )


def _span(passage: Sightings) -> tuple[str, str]:
    """When it began and ended, ISO 8601 in UTC; "" where that is not known."""
    timed = passage[~np.isnat(passage.times)]
    if not len(timed):
        return "", ""
    first, last = time_of(timed.times.min()), time_of(ends(timed).max())
    assert first is not None
    assert last is not None
    return first.isoformat(timespec="microseconds"), last.isoformat(timespec="microseconds")


def _picture(passage: Sightings) -> str | None:
    """The middle one of its small JPEGs, in base 64; None where none is kept."""
    kept = [jpeg for jpeg in passage.thumbnails if jpeg]
    return base64.b64encode(kept[len(kept) // 2]).decode() if kept else None
