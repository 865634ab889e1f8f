"""Charts of an ablation: ours beside the paper's row by row, and how the training went."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from passerby.process.whole_files import write_whole
from passerby.studies.ablation import RowResult
from passerby.studies.ablation_seeds import RepeatedRow
from passerby.visual.svg.charts import Bar, Series, bar_chart, line_chart


def draw_ablation(results: Sequence[RowResult], out: Path) -> Path:
    """Write ``table.svg``: mAP of each row, ours and the paper's (missing where it has none)."""
    bars = [
        Bar(result.row.title, (result.ours[3], result.row.paper[3] if result.row.paper else None))
        for result in results
    ]
    path = out / "table.svg"
    write_whole(path, bar_chart(bars, ("ours", "the paper"), title="mAP"))
    return path


def draw_training_curves(rows: Sequence[RepeatedRow], out: Path) -> Path:
    """Write ``curves.svg``: each row's summed loss by epoch (first seed) as a share of its first.

    Losses of other kinds have other scales: only the course of each line says something.
    """
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for row in rows:
        totals = np.array(row.losses)
        lines.append(Series(row.row.title, np.arange(1, len(totals) + 1), totals / totals[0]))
    path = out / "curves.svg"
    chart = line_chart(
        lines, title="Loss in training", x_label="epoch", y_label="share of the first epoch's"
    )
    write_whole(path, chart)
    return path
