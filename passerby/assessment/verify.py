"""Verification and open-set identification of a model on a data set, or of saved embeddings."""

from __future__ import annotations

import os
from dataclasses import dataclass

from passerby.assessment.score import embed_test_parts
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import load
from passerby.evaluation.decisions.openset import OpenSet, identify
from passerby.evaluation.decisions.verification import Verification, verify
from passerby.evaluation.json_text import json_text
from passerby.evaluation.ranking.distances import Metric
from passerby.tables.embeddings import Embeddings
from passerby.tables.parts.reading import load_to_score


@dataclass(frozen=True)
class Decisions:
    """How well a threshold decides: pairs of images, and searches for persons who may be absent."""

    verification: Verification
    open_set: OpenSet

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Both as JSON text, also written to ``path`` when given."""
        return json_text(self, path)

    def __str__(self) -> str:
        return f"{self.verification}\n{self.open_set}"


def measure_decisions(
    query: Embeddings,
    gallery: Embeddings,
    metric: Metric = "cosine",
    camera_rule: bool = True,
    *,
    rank: int = 1,
    replicates: int = 200,
    seed: int = 0,
) -> Decisions:
    """Error rates of `verify` and `identify`; arguments and errors as theirs."""
    return Decisions(
        verify(query, gallery, metric, camera_rule, replicates=replicates, seed=seed),
        identify(query, gallery, metric, camera_rule, rank=rank, replicates=replicates, seed=seed),
    )


def query_and_gallery(
    model: str | None,
    data: str | None,
    query: str | None,
    gallery: str | None,
    *,
    device: str | None = None,
) -> tuple[Embeddings, Embeddings]:
    """Embeddings of a model on a data set, or saved ones.

    Raises ValueError when neither or both are given.
    """
    if model is not None and data is not None and query is None and gallery is None:
        embedder, split = load(model, device=device), read_split(data)
        return embed_test_parts(embedder.embed, split)[:2]
    if query is not None and gallery is not None and model is None and data is None:
        return load_to_score(query), load_to_score(gallery)
    raise ValueError("expected either MODEL --data ROOT, or --query q.npz --gallery g.npz")
