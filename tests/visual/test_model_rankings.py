"""Which queries are drawn, and what is refused before a model works for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from passerby.embedding.embedder import load
from passerby.tables.records import Split
from passerby.visual.model_rankings import choose_queries, draw_ranked


def test_queries_are_chosen_by_seed() -> None:
    assert choose_queries(5, 0, 0) == choose_queries(5, 9, 0) == [0, 1, 2, 3, 4]
    chosen = choose_queries(100, 12, 3)
    assert chosen == sorted(set(chosen)) == choose_queries(100, 12, 3)
    assert len(chosen) == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queries": -1}, r"queries must be 0 .all of them. or more, got -1"),
        ({"columns": 0}, "columns must be at least 1, got 0"),
    ],
)
def test_impossible_numbers_are_refused_at_once(
    options: dict[str, int], message: str, small_model: Path, tiny: Split, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        draw_ranked(load(small_model), tiny, tmp_path / "lists", **options)
    assert not (tmp_path / "lists").exists()
