"""What models make of one data set: scores of pairs, curves, and where their vectors lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from passerby.evaluation.decisions.calibration_fitting import histogram
from passerby.evaluation.decisions.pairs import Pairs, count_pairs
from passerby.evaluation.decisions.verification import Verification, verify
from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.report import Report
from passerby.explanation.planes import Layout, plane
from passerby.tables.embeddings import Embeddings
from passerby.tables.records import JUNK, Split
from passerby.visual.svg.charts import histogram_chart
from passerby.visual.svg.plane_charts import plane_chart

MOST_POINTS = 2_000
"""Vectors in a map of embeddings; more are drawn by lot."""


@dataclass(frozen=True, eq=False)
class Scored:
    """A model on the test part of a data set."""

    name: str
    query: Embeddings
    gallery: Embeddings
    report: Report
    verification: Verification


def scored(name: str, query: Embeddings, gallery: Embeddings, camera_rule: bool) -> Scored:
    """Its report and error rates; errors as `evaluate` and `verify`."""
    report = evaluate(query, gallery, camera_rule=camera_rule)
    return Scored(name, query, gallery, report, verify(query, gallery, camera_rule=camera_rule))


def scores_chart(one: Scored, camera_rule: bool) -> str:
    """Histograms of the cosine distances of pairs of the same and of different persons, as SVG."""
    counts = count_pairs(Pairs(one.query, one.gallery, camera_rule=camera_rule))
    shown = histogram(counts)
    return histogram_chart(
        shown.edges,
        {"same person": shown.same, "different persons": shown.different},
        title=f"Distances of pairs: {one.name}",
        x_label="cosine distance",
    )


def embeddings_chart(one: Scored, split: Split, layout: Layout, seed: int) -> str:
    """Queries and gallery on a plane, a colour for each of the persons with most images, as SVG."""
    vectors = np.concatenate([one.query.vectors, one.gallery.vectors])
    persons = np.concatenate([one.query.persons, one.gallery.persons])
    known = np.flatnonzero((persons != JUNK) & (persons != split.distractor))
    if len(known) > MOST_POINTS:
        known = np.sort(np.random.default_rng([seed, 5]).choice(known, MOST_POINTS, replace=False))
    made = plane(vectors[known], layout, seed)
    names = split.person_names
    groups = [names.get(person) or f"person {person}" for person in persons[known].tolist()]
    if made.shares:
        labels = [f"principal component {n} ({s:.0%})" for n, s in enumerate(made.shares, 1)]
    else:
        labels = ["t-SNE: neighbours count, distances do not", ""]
    return plane_chart(
        made.places,
        groups,
        title=f"Map of embeddings: {one.name}",
        x_label=labels[0],
        y_label=labels[1],
    )
