"""Charts of a calibration: distances of both kinds of pairs, reliability, error trade-off."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.likelihood import Reliability
from passerby.process.whole_files import write_whole
from passerby.visual.svg.charts import Series, histogram_chart, line_chart


def distances_chart(calibration: Calibration) -> str:
    """Histograms of the distances of the same and of different persons, as SVG."""
    shown = calibration.quality.histogram
    return histogram_chart(
        shown.edges,
        {"same person": shown.same, "different persons": shown.different},
        title="Distances of pairs",
        x_label=f"{calibration.metric} distance",
    )


def reliability_chart(calibration: Calibration) -> str:
    """Probability given against share observed; a perfect calibration lies on the diagonal."""
    return _reliability(calibration.quality.reliability, calibration.method)


def write_reliability_chart(
    parts: Sequence[Reliability], path: str | os.PathLike[str], *, name: str
) -> Path:
    """Write the diagram of some probabilities as an SVG file; returns its path."""
    target = Path(path)
    write_whole(target, _reliability(parts, name) + "\n")
    return target


def _reliability(parts: Sequence[Reliability], name: str) -> str:
    return line_chart(
        [
            Series(name, [p.predicted for p in parts], [p.observed for p in parts]),
            Series("perfect", [0, 1], [0, 1]),
        ],
        title="Reliability, at even prior odds",
        x_label="probability given",
        y_label="share of the same person",
        y_range=(0, 1),
    )


def error_chart(calibration: Calibration) -> str:
    """False matches against false non-matches (DET), by powers of ten, as SVG.

    A system without any error has no such curve: the chart then shows the least rates that the
    pairs could have shown.
    """
    curve, judging = calibration.quality.curve, calibration.quality.judging
    points = [
        (false, missed)
        for false, missed in zip(curve.false_match_rates, curve.false_non_match_rates, strict=True)
        if false > 0 and missed > 0
    ] or [(1 / judging.different, 1 / judging.same)]
    return line_chart(
        [Series(calibration.metric, [p[0] for p in points], [p[1] for p in points])],
        title="Error trade-off (DET)",
        x_label="false-match rate",
        y_label="false-non-match rate",
        log_x=True,
        log_y=True,
    )


def draw_calibration(calibration: Calibration, beside: Path) -> list[Path]:
    """Write the three charts as SVG beside a calibration file; returns them."""
    charts = {
        "distances": distances_chart(calibration),
        "reliability": reliability_chart(calibration),
        "errors": error_chart(calibration),
    }
    files = []
    for name, chart in charts.items():
        files.append(beside.with_name(f"{beside.stem}-{name}.svg"))
        write_whole(files[-1], chart + "\n")
    return files
