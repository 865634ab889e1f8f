"""Ranked lists of single queries, for pictures and for reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from passerby.evaluation.protocol import Protocol
from passerby.evaluation.ranking.distances import Distances, Metric, VectorDistances
from passerby.tables.embeddings import Embeddings


@dataclass(frozen=True, eq=False)
class Ranking:
    """The nearest gallery images of one query.

    query: its row. shown [k] gallery rows by ascending distance, ignored images left out;
    distances [k]; correct [k] whether each is a match. truth [M] all matches by ascending
    distance, with truth_distances [M]; empty for a query without a match.
    """

    query: int
    shown: NDArray[np.int64]
    distances: NDArray[np.float32]
    correct: NDArray[np.bool_]
    truth: NDArray[np.int64]
    truth_distances: NDArray[np.float32]


def rank(
    query: Embeddings,
    gallery: Embeddings,
    k: int = 10,
    *,
    queries: Sequence[int] | None = None,
    metric: Metric = "cosine",
    camera_rule: bool = True,
    distances: Distances | None = None,
) -> list[Ranking]:
    """The first ``k`` gallery images of each of the chosen queries (all by default).

    Errors as `passerby.evaluate`, and ValueError for a row that the query part does not have.
    """
    protocol = Protocol(query, gallery, camera_rule)
    measured = distances or VectorDistances(query.vectors, gallery.vectors, metric)
    rankings = []
    for row in range(len(query)) if queries is None else queries:
        if not 0 <= row < len(query):
            raise ValueError(f"query {row} does not exist: rows are 0 to {len(query) - 1}")
        line = measured.block(slice(row, row + 1))[0]
        matches, ignored = protocol.of_query(row)
        line[protocol.junk] = np.inf
        line[ignored] = np.inf
        order = np.argsort(line, kind="stable")
        shown = order[np.isfinite(line[order])][:k]
        truth = matches[np.argsort(line[matches], kind="stable")]
        rankings.append(
            Ranking(row, shown, line[shown], np.isin(shown, matches), truth, line[truth])
        )
    return rankings
