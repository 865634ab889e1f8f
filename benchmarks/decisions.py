"""False-match rates stated and realised, on galleries that taught the model nothing.

    python benchmarks/decisions.py OUT [--root ROOT] [--model MODEL]

OUT keeps drawn sites and vectors; ROOT is a mixed set of real crops (see galleries.py). Prints, for
a stated rate of 0.001 and of 0.01, what rate came out and which share of the true pairs is found:
by the thresholds of the model's own calibration on plain vectors, on vectors less their camera's
mean, and with means of 30 images a camera; by the plain quantile of the gallery's unlabelled
distances; and as galleries do it (`passerby.gallery.own_distances`), with a 95 % interval over
persons. "At best": the threshold that labels would give.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from galleries import PERSONS, SITES, galleries

from passerby.adaptation.camera_means import camera_means
from passerby.assessment.calibrate import calibration_file, find_calibration
from passerby.embedding.embedder import load
from passerby.evaluation.bootstrap import percentile_interval, person_counts
from passerby.evaluation.decisions.calibration import Calibration
from passerby.gallery.own_distances import own_distances
from passerby.gallery.pair_evidence import OTHER, SAME
from passerby.tables.sightings import Sightings
from passerby.tables.unit_length import unit

RATES = (1e-3, 1e-2)
FEW = 30  # images a camera


@dataclass(frozen=True, eq=False)
class Measured:
    """Pairs of one kind in a gallery: rows, whether of one person, and what each way makes of them.

    plain, centred, few: distances [P]; rates: as galleries state them [P], by what is known.
    """

    one: np.ndarray
    other: np.ndarray
    same: np.ndarray
    persons: np.ndarray
    plain: np.ndarray
    centred: np.ndarray
    few: np.ndarray
    rates: np.ndarray


def measure(sightings: Sightings, within: bool, tracklets: bool) -> Measured:
    """All pairs by one camera or by two; tracklets: whether a tracker told which hold together."""
    one, other = np.triu_indices(len(sightings), 1)
    kind = (sightings.cameras[one] == sightings.cameras[other]) == within
    one, other = one[kind], other[kind]
    persons = np.unique(sightings.persons, return_inverse=True)[1]
    unknown = replace(
        sightings,
        persons=np.full(len(sightings), ""),
        tracklets=sightings.tracklets if tracklets else np.full(len(sightings), -1),
    )
    learnt = own_distances(unknown)
    assert learnt is not None
    rates = np.empty((len(sightings), len(sightings)))
    for row in range(len(sightings)):
        kinds = np.where(sightings.cameras == sightings.cameras[row], SAME, OTHER)
        rates[row] = learnt.false_match_rates(
            sightings.vectors[row], str(sightings.cameras[row]), unknown, kinds
        )
    few = _few(sightings)
    means = camera_means(few.vectors, few.sources, few.cameras)
    ways = {
        "plain": sightings.vectors,
        "centred": learnt.means.removed(sightings.vectors, sightings.sources, sightings.cameras),
        "few": means.removed(sightings.vectors, sightings.sources, sightings.cameras),
    }
    return Measured(
        one,
        other,
        persons[one] == persons[other],
        persons,
        rates=rates[one, other],
        **{name: _distances(vectors)[one, other] for name, vectors in ways.items()},
    )


def _few(sightings: Sightings) -> Sightings:
    order = np.random.default_rng(1).permutation(len(sightings))
    rows = [order[sightings.cameras[order] == c][:FEW] for c in np.unique(sightings.cameras)]
    return sightings[np.sort(np.concatenate(rows))]


def _distances(vectors: np.ndarray) -> np.ndarray:
    units = unit(vectors)
    return np.maximum(1 - units @ units.T, 0)


def _interval(found: Measured, accepted: np.ndarray) -> str:
    """95 % of the realised rate over resampled persons."""
    strangers = ~found.same
    a, b = found.persons[found.one[strangers]], found.persons[found.other[strangers]]
    hits = accepted[strangers]
    shares = []
    for counts in person_counts(int(found.persons.max()) + 1, 200, 0):
        weights = counts[a] * counts[b]
        shares.append(weights[hits].sum() / max(weights.sum(), 1))
    interval = percentile_interval(shares)
    return f"{interval.low:.2g} to {interval.high:.2g}"


def row(name: str, found: Measured, calibration: Calibration | None, rate: float) -> str:
    """One row of the table of a stated rate."""
    strangers = ~found.same

    def came(accepted: np.ndarray) -> str:
        return f"{accepted[strangers].mean():.2g}"

    cells = [name, f"{int(found.same.sum()):,} / {int(strangers.sum()):,}"]
    point = None if calibration is None else calibration.point(rate)
    for distances in (found.plain, found.centred, found.few):
        cells.append("–" if point is None else came(distances < point.threshold))
    cells.append(came(found.centred < np.quantile(found.centred, rate)))
    accepted = found.rates <= rate
    cells.append(f"**{came(accepted)}** ({_interval(found, accepted)})")
    best = found.centred < np.quantile(found.centred[strangers], rate)
    cells += [f"{100 * share[found.same].mean():.0f} %" for share in (accepted, best)]
    return "| " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--sites", nargs="+", default=SITES, help="as street:104")
    parser.add_argument("--persons", type=int, default=PERSONS, help="of a drawn site")
    given = parser.parse_args(arguments)
    embedder = load(given.model)
    calibration = find_calibration(calibration_file(given.model), embedder)
    rows: dict[str, Measured] = {}
    found = galleries(embedder, given.root, given.out, given.sites, given.persons)
    for name, sightings in found.items():
        if len(np.unique(sightings.cameras)) > 1:
            rows[f"{name}, by two cameras"] = measure(sightings, within=False, tracklets=False)
        if name in {"CAVIAR4REID", "TownCentre", "i-LIDS"}:  # whose cameras are cameras
            for tracklets in (False, True):
                told = "tracklets" if tracklets else "no tracklets"
                rows[f"{name}, by one, {told}"] = measure(sightings, True, tracklets)
    print(f"model {embedder.fingerprint}\n")
    for rate in RATES:
        print(
            f"Stated {rate:g}:\n\n| pairs | of one person / of two | shipped, plain | shipped, "
            f"camera means | shipped, means of {FEW} | plain quantile | **without labels** (95 %) "
            "| true pairs found | at best |\n|---|---|---|---|---|---|---|---|---|"
        )
        for name, measured in rows.items():
            print(row(name, measured, calibration, rate))
        print()


if __name__ == "__main__":
    main()
