"""Ranked lists of a model on a data set: embed, rank, draw."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from passerby.assessment.score import embed_test_parts
from passerby.embedding.embedder import Embedder
from passerby.evaluation.ranking.rankings import rank
from passerby.tables.records import Split
from passerby.visual.picture_cells import Colours
from passerby.visual.ranking_pictures import draw_rankings


def draw_ranked(
    embedder: Embedder,
    split: Split,
    out: str | os.PathLike[str],
    *,
    queries: int = 12,
    columns: int = 10,
    colours: Colours = "paper",
    camera_rule: bool = True,
    seed: int = 0,
) -> list[Path]:
    """Write the ranked pictures of some queries, drawn by seed (0: of all), the overview last.

    Raises ValueError for fewer than no query or than one column, before anything is embedded.
    """
    if queries < 0:
        raise ValueError(f"queries must be 0 (all of them) or more, got {queries}")
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    query, gallery, _ = embed_test_parts(embedder.embed, split)
    rows = choose_queries(len(query), queries, seed)
    rankings = rank(query, gallery, columns, queries=rows, camera_rule=camera_rule)
    names = split.person_names
    return draw_rankings(
        query,
        gallery,
        rankings,
        Path(out),
        colours=colours,
        columns=columns,
        title=embedder.name,
        person_names=names,
    )


def choose_queries(count: int, wanted: int, seed: int) -> list[int]:
    """``wanted`` of ``count`` query rows, ascending, the same ones for a seed (0: all)."""
    if wanted == 0 or wanted >= count:
        return list(range(count))
    random = np.random.default_rng([seed, 2])
    return sorted(random.choice(count, wanted, replace=False).tolist())
