"""evaluate(): query and gallery embeddings in, Report out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from passerby.embeddings import Embeddings, person_names
from passerby.evaluation.distances import Distances, Metric, VectorDistances
from passerby.evaluation.metrics import (
    average_precision,
    cumulative_matches,
    inverse_negative_penalty,
    ranks_of_matches,
)
from passerby.evaluation.protocol import Protocol
from passerby.evaluation.report import CameraPair, Report

_BLOCK = 256


def evaluate(
    query: Embeddings,
    gallery: Embeddings,
    metric: Metric = "cosine",
    camera_rule: bool = True,
    *,
    top: int = 50,
    distances: Distances | None = None,
) -> Report:
    """Score the ranking of a gallery for each query: CMC up to rank ``top``, mAP, mINP.

    Junk is ignored, ties are ranked in gallery order, queries without a match are left out and
    counted, and a gallery smaller than ``top`` is fine. With ``camera_rule`` gallery images of the
    query's person by the query's camera are ignored. ``distances`` replaces the metric between the
    vectors (re-ranked, for one). Raises ValueError for empty parts, different widths, vectors that
    are not finite, missing cameras, and when no query has a match.
    """
    measured = distances or VectorDistances(query.vectors, gallery.vectors, metric)
    if measured.shape != (len(query), len(gallery)):
        raise ValueError(
            f"distances are {measured.shape} for {len(query)} queries and {len(gallery)} images"
        )
    protocol = Protocol(query, gallery, camera_rule)
    rows, firsts, precisions, penalties = [], [], [], []
    for row, line, matches in lines(measured, protocol):
        if len(matches) == 0:
            continue
        ranks = ranks_of_matches(line, matches)
        rows.append(row)
        firsts.append(ranks[0])
        precisions.append(average_precision(ranks))
        penalties.append(inverse_negative_penalty(ranks))
    if not rows:
        raise ValueError(
            "no query has a match in the gallery"
            + (" from another camera (camera_rule=False counts all cameras)" if camera_rule else "")
        )
    first_ranks = np.array(firsts, np.int64)
    return Report(
        cmc=100 * cumulative_matches(first_ranks, top),
        mean_average_precision=100 * float(np.mean(precisions)),
        minp=100 * float(np.mean(penalties)),
        queries=len(rows),
        left_out=len(query) - len(rows),
        gallery=len(gallery) - len(protocol.junk),
        metric=metric if distances is None else type(distances).__name__,
        camera_rule=camera_rule,
        query_rows=np.array(rows, np.int64),
        first_ranks=first_ranks,
        average_precisions=np.array(precisions),
        query_persons=person_names(query)[rows],
    )


def lines(
    distances: Distances, protocol: Protocol
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.int64]]]:
    """For each query: its row, its distances [G] with infinity where ignored, its matches."""
    for start in range(0, distances.shape[0], _BLOCK):
        block = distances.block(slice(start, start + _BLOCK))
        block[:, protocol.junk] = np.inf
        for row, line in enumerate(block, start):
            matches, ignored = protocol.of_query(row)
            line[ignored] = np.inf
            yield row, line, matches


def evaluate_camera_pairs(
    query: Embeddings, gallery: Embeddings, metric: Metric = "cosine"
) -> tuple[CameraPair, ...]:
    """Scores of each camera's queries against each other camera's gallery, within a source.

    Only the gallery images of that camera are ranked, so the figures show which pairs of views are
    hard; pairs without any match are left out. Raises ValueError when cameras are missing.
    """
    if query.cameras is None or gallery.cameras is None:
        raise ValueError("camera pairs need camera numbers in query and gallery")
    named = query.sources is not None and gallery.sources is not None
    query_places, gallery_places = _places(query, named), _places(gallery, named)
    pairs = []
    for source, from_camera in sorted(set(query_places)):
        asked = query[_rows(query_places, (source, from_camera))]
        for other_source, to_camera in sorted(set(gallery_places)):
            if other_source != source or to_camera == from_camera:
                continue
            shown = gallery[_rows(gallery_places, (source, to_camera))]
            if not np.isin(asked.persons[asked.persons >= 0], shown.persons).any():
                continue
            report = evaluate(asked, shown, metric)
            pairs.append(
                CameraPair(
                    source,
                    from_camera,
                    to_camera,
                    report.queries,
                    report.rank1,
                    report.mean_average_precision,
                )
            )
    return tuple(pairs)


def _places(part: Embeddings, named: bool) -> list[tuple[str, int]]:
    """(source, camera) of each image; the source is empty unless both parts name theirs."""
    assert part.cameras is not None
    sources = part.sources.tolist() if named and part.sources is not None else [""] * len(part)
    return list(zip(sources, part.cameras.tolist(), strict=True))


def _rows(places: list[tuple[str, int]], place: tuple[str, int]) -> NDArray[np.int64]:
    return np.array([row for row, here in enumerate(places) if here == place], np.int64)
