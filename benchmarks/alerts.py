"""Do false alarms keep to the contract while traffic and gallery grow? Simulated weeks, strangers.

    python benchmarks/alerts.py OUT [--weeks 100] [--alerts 10] [--seeds 2] [--model MODEL]

Passages are made sightings (galleries.py: cameras, persons and moments by the normal distributions
of drawn sites' vectors, nobody of whom a packaged model saw); a person passes four times on
average. Alerts of one image each watch for further made persons, who never pass, by "1 a week"; one
week of passages was seen before. Traffic grows by the week from 100 to 300 passages. What passerby
watch does with a passage is done to each, and nobody judges a hit. Beside it: the threshold of the
first week, kept; and the share of the persons' other sightings that the last thresholds would have
found. OUT keeps drawn sites and vectors. Machine: one thread; minutes.
"""

from __future__ import annotations

import argparse
import base64
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from galleries import galleries, made

from passerby.embedding.embedder import load
from passerby.evaluation.decisions.alarms import poisson_interval
from passerby.gallery.alerts import watching
from passerby.gallery.alerts.ledger import Ledger
from passerby.gallery.alerts.watching import AlertWatch
from passerby.process.reporting import progress
from passerby.stores.about import About, Alert
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.sightings import Sightings, with_columns

FIRST, LAST = 100, 300  # passages a week
WEEK = np.timedelta64(7, "D").astype("timedelta64[us]")
BEGIN = np.datetime64("2026-01-05", "us")


def counts(weeks: int) -> np.ndarray:
    """Passages of each week: the one before, then ``weeks`` of growing traffic."""
    return np.concatenate([[FIRST], np.linspace(FIRST, LAST, weeks).round().astype(int)])


def timed(passages: Sightings, weeks: int) -> Sightings:
    """With times, evenly over each week."""
    times = [
        BEGIN + week * WEEK + WEEK * np.arange(count) // count
        for week, count in enumerate(counts(weeks))
    ]
    return with_columns(passages, times=np.concatenate(times))


def alerts_of(persons: Sightings) -> tuple[Alert, ...]:
    """One of the first sighting of each."""
    return tuple(
        Alert(
            f"alert {row}",
            f"{row:032x}",
            base64.b64encode(persons.vectors[row].astype("<f4").tobytes()).decode(),
            (),
            1.0,
        )
        for row in np.unique(persons.persons, return_index=True)[1].tolist()
    )


def simulated(
    drawn: list[Sightings], weeks: int, alerts: int, seed: int
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(what, weeks in which there were alarms, found [of the persons' own passages])."""
    total = int(counts(weeks).sum())
    crowd = made(drawn, round(1.2 * total) + 8 * alerts, seed)
    watched = np.isin(crowd.persons, np.unique(crowd.persons)[:alerts])
    passages = timed(with_columns(crowd[~watched][:total], persons=None), weeks)
    persons = crowd[watched]
    store = MemoryStore(About("made", "plain", passages.vectors.shape[1]))
    store.write(passages[:FIRST])
    store.change_about(lambda about: replace(about, alerts=alerts_of(persons)))
    with tempfile.TemporaryDirectory() as folder, progress("passages") as advance:
        ledger = Ledger(Path(folder) / "alerts.sqlite")
        watch = AlertWatch(store, ledger, "made")
        size = len(watch.alerts)
        kept = np.array([watch.standing(row).threshold.distance for row in range(size)])
        following, fixed = [], []
        for row in range(FIRST, total):
            one = passages[[row]]
            week = int((one.times[0] - BEGIN) / WEEK) - 1
            following += [week] * watch.take(one)
            distances = watch.history.distances[-1]
            fixed += [week] * int(np.sum(distances < kept))
            advance(row, total)
        last = np.array([watch.standing(row).threshold.distance for row in range(size)])
        found = []
        for number, alert in enumerate(watch.alerts):
            own = persons.persons == persons.persons[int(alert.id, 16)]
            own[int(alert.id, 16)] = False
            distances = watch.sight.distances(persons[own], watch.references)[:, number]
            found += (distances < last[number]).tolist()
        ledger.close()
    yield "following", np.array(following), np.array(found)
    yield "kept from the first week", np.array(fixed), np.empty(0)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--weeks", type=int, default=100)
    parser.add_argument("--alerts", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--model", default="default")
    given = parser.parse_args()
    watching._GROWN = np.inf  # passages are not written; the means are those of the first week
    embedder = load(given.model)
    drawn = list(galleries(embedder, None, given.out).values())
    came: dict[str, list[np.ndarray]] = {}
    found: list[np.ndarray] = []
    for seed in range(given.seeds):
        for name, weeks, own in simulated(drawn, given.weeks, given.alerts, seed):
            came.setdefault(name, []).append(weeks)
            found.append(own)
    parts = np.linspace(0, given.weeks, 5).round().astype(int)
    print(f"model {embedder.fingerprint}; {given.weeks} weeks, {given.alerts} alerts,")
    print(f"{given.seeds} seeds; false alarms a week of one alert (95 % interval), contract 1\n")
    heads = [f"weeks {a + 1} to {b}" for a, b in pairwise(parts)]
    print(f"| threshold | {' | '.join(heads)} | all |")
    print("|---|" + "---|" * (len(heads) + 1))
    spans = [*pairwise(parts.tolist()), (0, given.weeks)]
    for name, lists in came.items():
        weeks = np.concatenate(lists)
        cells = []
        for low, high in spans:
            count = int(np.sum((weeks >= low) & (weeks < high)))
            exposure = (high - low) * given.alerts * given.seeds
            both = poisson_interval(count)
            cells.append(
                f"{count / exposure:.2f} ({both.low / exposure:.2f} to {both.high / exposure:.2f})"
            )
        print(f"| {name} | {' | '.join(cells)} |")
    own = np.concatenate(found)
    print(f"\nof {len(own)} passages of the persons themselves the last thresholds find", end=" ")
    print(f"{100 * own.mean():.0f} %")


if __name__ == "__main__":
    main()
