"""An ablation over several seeds: means, paired intervals, and which of the paper's orders hold."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from passerby.config import Recipe, open_recipe
from passerby.evaluation.bootstrap import Estimate, ReportComparison, compare_repeated
from passerby.evaluation.report import Report
from passerby.models.cost import Cost, cost_of
from passerby.studies.ablation import ROWS, Row
from passerby.training.record.logbook import read_metrics


@dataclass(frozen=True)
class RepeatedRow:
    """A row of Table 1 with the reports of its runs, one a seed.

    seconds: of training, of each run, as if every epoch had taken what the median one took, since
    a run may have been interrupted or held up in the others; losses: the first run's sum of losses,
    by epoch; cost: of the network as it is tested.
    """

    row: Row
    reports: tuple[Report, ...]
    seconds: tuple[float, ...]
    losses: tuple[float, ...]
    recipe: Recipe
    cost: Cost

    def mean_and_spread(self, figure: str) -> str:
        """Mean of a figure of `Report.figures`, and its standard deviation over the seeds."""
        values = [report.figures()[figure] for report in self.reports]
        if len(values) == 1:
            return f"{values[0]:.2f}"
        return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def read_seeds(folders: Sequence[str | os.PathLike[str]]) -> list[RepeatedRow]:
    """The finished rows in folders of `ablate`, one folder a seed, in the order of Table 1; rows of
    one's own follow, by the names of their folders.

    Raises ValueError where a folder holds no finished row, or one row was run with different
    settings.
    """
    found: dict[str, list[Path]] = {}
    for folder in map(Path, folders):
        runs = sorted(file.parent for file in folder.glob("*/report.json"))
        if not runs:
            raise ValueError(f"{folder} holds no finished row of `passerby ablate`")
        for run in runs:
            found.setdefault(run.name, []).append(run)
    table = [row for row in ROWS if row.name in found]
    own = sorted(found.keys() - {row.name for row in ROWS})
    return [_repeated(row, found[row.name]) for row in [*table, *(Row(n, n) for n in own)]]


def _repeated(row: Row, runs: list[Path]) -> RepeatedRow:
    recipes = [open_recipe(str(run / "config.json")) for run in runs]
    if any(recipe != recipes[0] for recipe in recipes):
        raise ValueError(f"{row.name} was run with different settings in {runs[0]} and others")
    metrics = [read_metrics(run / "metrics.jsonl") for run in runs]
    seconds = tuple(
        len(epochs) * float(np.median([epoch["seconds"] for epoch in epochs])) for epochs in metrics
    )
    losses = tuple(sum(epoch["losses"].values()) for epoch in metrics[0])
    reports = tuple(Report.from_json(run / "report.json") for run in runs)
    return RepeatedRow(row, reports, seconds, losses, recipes[0], cost_of(recipes[0]))


def compared(first: RepeatedRow, second: RepeatedRow) -> ReportComparison:
    """Second less first, over persons and seeds (`compare_repeated`)."""
    return compare_repeated(first.reports, second.reports)


def seeds_listed(rows: Sequence[RepeatedRow]) -> list[dict[str, object]]:
    """Scores of each seed, seconds of training and cost of each row, for programs."""
    return [
        {
            "row": row.row.name,
            "title": row.row.title,
            "rank1": [report.figures()["rank1"] for report in row.reports],
            "mean_average_precision": [
                report.figures()["mean_average_precision"] for report in row.reports
            ],
            "seconds": row.seconds,
            "cost": row.cost,
        }
        for row in rows
    ]


def seeds_table(rows: Sequence[RepeatedRow]) -> str:
    """Means ± standard deviation over seeds, difference to the Baseline, cost, and the paper's."""
    lines = [
        "| row | seeds | rank-1 | mAP | less Baseline: rank-1 (95 %) | mAP (95 %) "
        "| paper: rank-1 | mAP | less Baseline: rank-1 | mAP | M parameters | G multiply-adds "
        "| minutes a run |",
        "|---|" + "---|" * 12,
    ]
    first = next((row for row in rows if row.row.name == "baseline"), None)
    for row in rows:
        cells = [row.row.title, str(len(row.reports)), row.mean_and_spread("rank1")]
        cells += [row.mean_and_spread("mean_average_precision"), *_differences(first, row)]
        cells += _paper(row.row)
        cells += [f"{row.cost.parameters / 1e6:.2f}", f"{row.cost.multiplications / 1e9:.3f}"]
        cells.append(f"{np.mean(row.seconds) / 60:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def orders(rows: Sequence[RepeatedRow]) -> str:
    """Of each pair of the paper's rows: does its order hold here, is it reversed, or undecided?

    An order counts only where the 95 % interval over persons and seeds leaves out zero. Where a row
    has one seed the interval is over persons alone and knows nothing of another seed: that an order
    is seen is then said apart.
    """
    printed = [row for row in rows if row.row.paper is not None]
    verdicts = ("holds", "is reversed")
    said: dict[str, list[str]] = {verdict: [] for verdict in verdicts}
    said |= {f"{verdict} in one seed, over persons alone": [] for verdict in verdicts}
    said["is undecided"] = []
    for one, other in itertools.combinations(printed, 2):
        low, high = sorted((one, other), key=lambda row: row.row.paper[3])  # type: ignore[index]
        found = compared(low, high).mean_average_precision
        verdict = "is undecided"
        if found.decided:
            verdict = "holds" if found.difference.value > 0 else "is reversed"
            verdict += _seen_once(low, high)
        text = f"{high.row.title} above {low.row.title}: {found.difference}"
        said[verdict].append(text)
    pairs = sum(map(len, said.values()))
    lines = []
    for verdict, texts in said.items():
        if not texts:
            continue
        lines.append(f"The paper's order by mAP {verdict}: {len(texts)} of {pairs} pairs\n")
        lines += [f"- {text}" for text in texts] + [""]
    return "\n".join(lines)


def added(rows: Sequence[RepeatedRow]) -> str:
    """Each row that the paper does not have, set beside each of its rows: mAP less that row's."""
    lines = ["Rows that the paper does not have, mAP less another row's:\n"]
    for ours in (row for row in rows if row.row.paper is None):
        for printed in (row for row in rows if row.row.paper is not None):
            found = compared(printed, ours).mean_average_precision
            said = _seen_once(printed, ours) if found.decided else "; undecided"
            lines.append(f"- {ours.row.title}, less {printed.row.title}: {found.difference}{said}")
    return "\n".join(lines) + "\n" if len(lines) > 1 else ""


def _seen_once(one: RepeatedRow, other: RepeatedRow) -> str:
    once = 1 in (len(one.reports), len(other.reports))
    return " in one seed, over persons alone" if once else ""


def _differences(first: RepeatedRow | None, row: RepeatedRow) -> list[str]:
    if first is None or first is row:
        return ["–", "–"]
    found = compared(first, row)
    return [_signed(found.rank1.difference), _signed(found.mean_average_precision.difference)]


def _signed(estimate: Estimate) -> str:
    interval = estimate.interval
    return f"{estimate.value:+.2f} ({interval.low:+.2f} to {interval.high:+.2f})"


def _paper(row: Row) -> list[str]:
    baseline = ROWS[0].paper
    if row.paper is None or baseline is None:
        return ["–"] * 4
    less = [row.paper[i] - baseline[i] for i in (0, 3)]
    shown = ["–", "–"] if row is ROWS[0] else [f"{value:+.2f}" for value in less]
    return [f"{row.paper[0]:.2f}", f"{row.paper[3]:.2f}", *shown]
