"""The ROC curves of verifications: how many true pairs a threshold finds, at which false ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from passerby.evaluation.decisions.verification import Verification
from passerby.process.whole_files import write_whole
from passerby.visual.svg.charts import Series, line_chart


def roc_chart(verifications: Mapping[str, Verification], *, title: str = "ROC") -> str:
    """Share of the pairs of one person accepted, by the share of other pairs accepted, as SVG.

    The false-match rate is drawn by powers of ten: thresholds that are of use accept few of the
    very many pairs of different persons. Raises ValueError without a verification, and for one
    that found no false match at any threshold.
    """
    series = []
    for name, found in verifications.items():
        missed = found.curve.false_non_match_rates
        series.append(Series(name, found.curve.false_match_rates, [100 * (1 - m) for m in missed]))
    return line_chart(
        series,
        title=title,
        x_label="false-match rate (FPR)",
        y_label="pairs of one person accepted (TPR), %",
        y_range=(0, 100),
        log_x=True,
    )


def write_roc_chart(
    verifications: Mapping[str, Verification], path: str | os.PathLike[str]
) -> Path:
    """Write the ROC curves as an SVG file; returns its path. Errors as `roc_chart`."""
    target = Path(path)
    write_whole(target, roc_chart(verifications).encode("utf-8"))
    return target
