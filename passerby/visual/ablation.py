"""The bar chart of an ablation: ours beside the paper's, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from passerby.training.ablation import RowResult
from passerby.visual.charts import Bar, bar_chart


def draw_ablation(results: Sequence[RowResult], out: Path) -> Path:
    """Write ``table.svg``: mAP of each row, ours and the paper's (missing where it has none)."""
    bars = [
        Bar(result.row.title, (result.ours[3], result.row.paper[3] if result.row.paper else None))
        for result in results
    ]
    path = out / "table.svg"
    path.write_text(bar_chart(bars, ("ours", "the paper"), title="mAP"), encoding="utf-8")
    return path
