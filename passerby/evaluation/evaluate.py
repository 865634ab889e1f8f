"""evaluate(): query and gallery embeddings in, Report out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from passerby.evaluation.metrics import (
    Places,
    PrecisionRule,
    Ties,
    average_precisions,
    places_of_matches,
    score,
)
from passerby.evaluation.protocol import Protocol
from passerby.evaluation.ranking.distances import Distances, Metric, VectorDistances
from passerby.evaluation.ranking.threads import shared
from passerby.evaluation.report import CameraPair, Report
from passerby.process.reporting import progress
from passerby.tables.embeddings import Embeddings
from passerby.tables.keys import camera_keys, person_names

R = TypeVar("R")


def evaluate(
    query: Embeddings,
    gallery: Embeddings,
    metric: Metric = "cosine",
    camera_rule: bool = True,
    *,
    top: int = 50,
    ties: Ties = "stable",
    average_precision: PrecisionRule = "mean",
    distances: Distances | None = None,
    block: int | None = None,
    device: str | torch.device | None = None,
) -> Report:
    """Score the ranking of a gallery for each query: CMC up to rank ``top``, mAP, mINP.

    Junk is ignored, queries without a match are left out and counted, and a gallery smaller than
    ``top`` is fine. Distances are made some queries at a time, in tiles that neither ``block`` nor
    the number of threads changes: on one device the report is the same for all of them.

    Args:
        query: what is searched for.
        gallery: what is ranked for each query.
        metric: between vectors: 1 − cosine, or Euclidean.
        camera_rule: ignore gallery images of the query's person by the query's camera.
        top: last rank of the CMC curve.
        ties: how equal distances are ranked: in gallery order ("stable"), matches last ("worst"),
            or by the expected score over all orders of the tied ("mean").
        average_precision: mean of the precisions at the matches, or Market-1501's "trapezoid".
        distances: in place of the metric between the vectors (re-ranked, for one).
        block: queries at a time; as many as fill 64 MiB by default.
        device: of the products; the CPU by default.

    Returns:
        The scores in percent, with those of each query behind them.

    Raises:
        ValueError: for empty parts, other widths or models, vectors that are not finite, missing
            cameras, and when no query has a match.

    Examples:
        >>> query = Embeddings([[1, 0], [0, 1]], persons=[7, 8], cameras=[1, 1])
        >>> gallery = Embeddings([[1, 0.1], [0.1, 1], [0.2, 1]], [7, 7, 8], [2, 2, 2])
        >>> report = evaluate(query, gallery)
        >>> report.rank1, round(report.mean_average_precision, 2)
        (50.0, 66.67)
    """
    _check_options(top, ties, average_precision, block)
    protocol = Protocol(query, gallery, camera_rule)
    measured = distances or VectorDistances(query.vectors, gallery.vectors, metric, device)
    if measured.shape != (len(query), len(gallery)):
        raise ValueError(
            f"distances are {measured.shape} for {len(query)} queries and {len(gallery)} images"
        )
    placed = list(_placed(measured, protocol, block))
    if not placed:
        raise ValueError(_no_match(query, gallery, camera_rule))
    rows = np.array([row for row, *_ in placed], np.int64)
    places = Places.join([one for *_, one in placed])
    scores = score(places, ties, average_precision)
    return Report(
        cmc=100 * scores.cmc(top),
        mean_average_precision=100 * float(scores.average_precisions.mean()),
        minp=100 * float(scores.inverse_negative_penalties.mean()),
        queries=len(rows),
        left_out=len(query) - len(rows),
        gallery=len(gallery) - len(protocol.junk),
        metric=metric if distances is None else type(distances).__name__,
        camera_rule=camera_rule,
        query_rows=rows,
        first_ranks=scores.first_ranks if ties == "mean" else scores.first_ranks.astype(np.int64),
        average_precisions=scores.average_precisions,
        inverse_negative_penalties=scores.inverse_negative_penalties,
        ties=ties,
        tied_queries=int(places.tied.sum()),
        tie_spread=_tie_spread(places, average_precision),
        average_precision=average_precision,
        query_persons=person_names(query)[rows],
        own_images=_count_same(query, gallery, [(row, nearest) for row, nearest, _ in placed]),
    )


def _tie_spread(places: Places, rule: PrecisionRule) -> float:
    best, worst = (average_precisions(one, rule).mean() for one in (places.best, places.worst))
    return 100 * float(best - worst)


def evaluate_camera_pairs(
    query: Embeddings,
    gallery: Embeddings,
    metric: Metric = "cosine",
    *,
    ties: Ties = "stable",
    average_precision: PrecisionRule = "mean",
    distances: Distances | None = None,
    block: int | None = None,
    device: str | torch.device | None = None,
) -> tuple[CameraPair, ...]:
    """Scores of each camera's queries against each other camera's gallery, within a source.

    Only the gallery images of that camera are ranked, so the figures show which pairs of views are
    hard; pairs without any match are left out. Arguments as for `evaluate`. Raises ValueError when
    cameras are missing.
    """
    if query.cameras is None or gallery.cameras is None:
        raise ValueError("camera pairs need camera numbers in query and gallery")
    _check_options(1, ties, average_precision, block)
    asked_from, shown_by = camera_keys(query, gallery)
    views = sorted(set(shown_by))
    number_of = {view: number for number, view in enumerate(views)}
    numbers = np.array([number_of[view] for view in shown_by], np.int64)
    rows_of = [np.flatnonzero(numbers == number) for number in range(len(views))]
    protocol = Protocol(query, gallery)
    measured = distances or VectorDistances(query.vectors, gallery.vectors, metric, device)

    def by_view(row: int, line: NDArray[np.float32]) -> list[tuple[int, Places]]:
        matches, _ = protocol.of_query(row)
        found = []
        for number in np.unique(numbers[matches]):
            rows, own = rows_of[number], matches[numbers[matches] == number]
            if views[number][0] == asked_from[row][0]:
                found.append((int(number), places_of_matches(line[rows], rows.searchsorted(own))))
        return found

    pairs: dict[tuple[str, int, int], list[Places]] = {}
    for row, found in _of_each_query(by_view, measured, protocol, block):
        for number, places in found:
            pairs.setdefault((*asked_from[row], views[number][1]), []).append(places)
    return tuple(
        _camera_pair(pair, Places.join(pairs[pair]), ties, average_precision)
        for pair in sorted(pairs)
    )


def _camera_pair(
    pair: tuple[str, int, int], places: Places, ties: Ties, rule: PrecisionRule
) -> CameraPair:
    scores = score(places, ties, rule)
    return CameraPair(
        *pair,
        len(places.counts),
        float(100 * scores.cmc(1)[0]),
        100 * float(scores.average_precisions.mean()),
    )


def _placed(
    distances: Distances, protocol: Protocol, block: int | None
) -> Iterator[tuple[int, int, Places]]:
    """Of each query that has a match its row, the gallery row of its nearest match, the places."""

    def place(row: int, line: NDArray[np.float32]) -> tuple[int, Places] | None:
        matches, ignored = protocol.of_query(row)
        if len(matches) == 0:
            return None
        line[ignored] = np.inf
        return int(matches[line[matches].argmin()]), places_of_matches(line, matches)

    for row, placed in _of_each_query(place, distances, protocol, block):
        if placed is not None:
            yield (row, *placed)


def _count_same(query: Embeddings, gallery: Embeddings, pairs: Sequence[tuple[int, int]]) -> int:
    """How many pairs of rows are one picture: by the hash of its file, or by its vector."""
    same = 0
    for row, other in pairs:
        own = query.vectors[row]
        # The last bits of a vector depend on the batch that the picture was embedded in.
        equal = np.abs(own - gallery.vectors[other]).max() <= 1e-5 * np.abs(own).max()
        if not equal and query.hashes is not None and gallery.hashes is not None:
            equal = query.hashes[row] == gallery.hashes[other] != ""
        same += bool(equal)
    return same


def _of_each_query(
    work: Callable[[int, NDArray[np.float32]], R],
    distances: Distances,
    protocol: Protocol,
    block: int | None,
) -> Iterator[tuple[int, R]]:
    """``work(row, distances [G])`` of each query, the distances of junk being infinite."""
    count, size = distances.shape[0], block or distances.block_rows
    with progress("comparing") as advance:
        for start in range(0, count, size):
            # The block is let go before the next one is made: one at a time in memory.
            yield from _of_block(work, distances.block(slice(start, start + size)), protocol, start)
            advance(min(start + size, count), count)


def _of_block(
    work: Callable[[int, NDArray[np.float32]], R],
    lines: NDArray[np.float32],
    protocol: Protocol,
    start: int,
) -> list[tuple[int, R]]:
    """The same of the queries from ``start`` on, of which ``lines`` [q, G] are the distances."""
    lines[:, protocol.junk] = np.inf
    # In runs, as handing a single query to a thread costs as much as the query.
    runs = [range(low, min(low + 16, len(lines))) for low in range(0, len(lines), 16)]

    def work_of(run: range) -> list[tuple[int, R]]:
        return [(start + number, work(start + number, lines[number])) for number in run]

    return [result for results in shared(work_of, runs) for result in results]


def _check_options(top: int, ties: str, average_precision: str, block: int | None) -> None:
    if top < 1 or (block is not None and block < 1):
        raise ValueError(f"top and block must be at least 1, got top={top} and block={block}")
    if ties not in ("stable", "mean", "worst"):
        raise ValueError(f"ties must be 'stable', 'mean' or 'worst', got {ties!r}")
    if average_precision not in ("mean", "trapezoid"):
        raise ValueError(
            f"average_precision must be 'mean' or 'trapezoid', got {average_precision!r}"
        )


def _no_match(query: Embeddings, gallery: Embeddings, camera_rule: bool) -> str:
    if not camera_rule:
        return "no query has a match in the gallery"
    assert query.cameras is not None
    assert gallery.cameras is not None
    cameras = set(query.cameras.tolist()) | set(gallery.cameras.tolist())
    only = f": all images are by camera {cameras.pop()}" if len(cameras) == 1 else ""
    return (
        "no query has a match in the gallery from another camera"
        f"{only} (camera_rule=False counts all cameras)"
    )
