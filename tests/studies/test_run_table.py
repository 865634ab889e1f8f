"""Tables of runs: read from folders and files, compared with the first, in four formats."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from passerby.evaluation.bootstrap import bootstrap_report, compare_reports
from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.report import Report
from passerby.studies.run_table import (
    FORMATS,
    ScoredRun,
    csv_table,
    latex_table,
    markdown_table,
    read_runs,
    run_table,
    text_table,
)
from passerby.tables.embeddings import Embeddings


def report(noise: float, queries: int = 80) -> Report:
    """A report that is the worse the more noise there is."""
    persons, cameras = np.repeat(np.arange(40), 2)[:queries], np.tile([1, 2], 40)[:queries]
    centres = np.random.default_rng(0).normal(size=(40, 16))[persons]
    vectors = centres + noise * np.random.default_rng(1).normal(size=(queries, 16))
    part = Embeddings(vectors, persons, cameras, sources=["made"] * queries)
    return evaluate(part, part)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    (tmp_path / "plain_50%").mkdir()
    report(1.5).to_json(tmp_path / "plain_50%" / "report.json")
    (tmp_path / "ours").mkdir()
    report(0.5).to_json(tmp_path / "ours" / "report-hall.json")
    return [tmp_path / "plain_50%", tmp_path / "ours"]


def test_runs_are_read_from_folders_and_files(folders: list[Path]) -> None:
    runs = read_runs([*folders, folders[0] / "report.json"])
    assert [run.name for run in runs] == ["plain_50%", "ours (hall)", "report"]


def test_a_path_without_a_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no report: expected a folder of `passerby train`"):
        read_runs([tmp_path])
    with pytest.raises(ValueError, match="none holds no report"):
        read_runs([tmp_path / "none"])


def test_intervals_and_paired_differences_are_the_bootstraps(folders: list[Path]) -> None:
    runs = read_runs(folders)
    first, second = run_table(runs)
    assert first.difference is None
    assert second.difference == compare_reports(runs[0].report, runs[1].report)
    assert second.scores == bootstrap_report(runs[1].report)
    assert second.figures[3] == runs[1].report.mean_average_precision


def test_every_format_has_every_figure(folders: list[Path]) -> None:
    rows = run_table(read_runs(folders))
    figure = f"{rows[1].figures[0]:.2f}"
    for write in FORMATS.values():
        assert figure in write(rows)
    assert "differences are paired" in text_table(rows)
    assert markdown_table(rows).count("\n| ") == 3
    assert r"plain\_50\%" in latex_table(rows)
    assert rf"\textbf{{{figure} (" in latex_table(rows)


def test_csv_keeps_bounds_apart(folders: list[Path]) -> None:
    rows = run_table(read_runs(folders))
    first, second = csv.DictReader(io.StringIO(csv_table(rows)))
    assert second["run"] == "ours (hall)"
    assert rows[1].scores is not None
    assert float(second["rank1_low"]) == pytest.approx(rows[1].scores.rank1.interval.low, abs=1e-4)
    assert first["rank1_difference"] == ""
    assert float(second["mean_average_precision_difference"]) > 0


def test_published_rows_stand_beside(folders: list[Path]) -> None:
    rows = run_table(read_runs(folders), published_on="msmt17")
    published = [row for row in rows if "published" in row.name]
    assert any("OSNet" in row.name for row in published)
    assert all(row.scores is None and row.figures[1] is None for row in published)
    assert "not measured here" in text_table(rows)
    with pytest.raises(ValueError, match=r"nothing is published on 'market' .data sets: duke"):
        run_table(read_runs(folders), published_on="market")


def test_runs_on_other_queries_are_not_set_side_by_side() -> None:
    with pytest.raises(ValueError, match="expected at least one run"):
        run_table([])
    with pytest.raises(ValueError, match="not of one test"):
        run_table([ScoredRun("a", report(1.0)), ScoredRun("b", report(1.0, queries=60))])
