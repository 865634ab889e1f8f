"""From a model and a split to a Report: embed query and gallery, evaluate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.console import Console

from passerby.data.records import Record, Split
from passerby.embedding.embedder import Embedded, Embedder
from passerby.embeddings import Embeddings
from passerby.evaluation.distances import Metric
from passerby.evaluation.evaluate import evaluate, evaluate_camera_pairs
from passerby.evaluation.report import Report
from passerby.progress import progress_bar

EmbedRecords = Callable[[Sequence[Record], Callable[[int, int], None] | None], Embedded]
"""``Embedder.embed``, or anything else that embeds records (the colour histogram)."""


def embed_test_parts(
    embed: EmbedRecords, split: Split, console: Console
) -> tuple[Embeddings, Embeddings, tuple[str, ...]]:
    """Query and gallery embeddings, and notes on images that were set aside, also printed.

    Raises ValueError when the split has no query or no gallery.
    """
    if not split.query or not split.gallery:
        raise ValueError(
            f"{split.source} has no query and gallery parts to evaluate "
            f"(parts: {', '.join(split.parts) or 'none'})"
        )
    with progress_bar("embedding the query", console) as progress:
        query = embed(split.query, progress)
    with progress_bar("embedding the gallery", console) as progress:
        gallery = embed(split.gallery, progress)
    set_aside = tuple(f"set aside: {error}" for error in query.set_aside + gallery.set_aside)
    for note in set_aside:
        console.print(note, highlight=False, markup=False)
    return query.embeddings, gallery.embeddings, set_aside


def score_model(
    embedder: Embedder,
    split: Split,
    *,
    metric: Metric = "cosine",
    camera_rule: bool = True,
    camera_pairs: bool = False,
    console: Console | None = None,
) -> Report:
    """Evaluate a model on a split's query and gallery; errors as `passerby.evaluate`.

    With ``camera_pairs`` the report also has the scores of each camera against each other.
    """
    query, gallery, notes = embed_test_parts(embedder.embed, split, console or Console())
    report = evaluate(query, gallery, metric, camera_rule)
    if camera_pairs and query.cameras is not None and gallery.cameras is not None:
        report = replace(report, camera_pairs=evaluate_camera_pairs(query, gallery, metric))
    return replace(report, notes=(*split.notes, *notes))
