"""ROC curves: what a verification says, drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from passerby.evaluation.decisions.verification import Verification, verify
from passerby.tables.embeddings import Embeddings
from passerby.visual.svg.verification_charts import roc_chart


def verification(noise: float) -> Verification:
    random = np.random.default_rng(0)
    persons = np.repeat(np.arange(30), 4)
    vectors = random.normal(size=(30, 8))[persons] + noise * random.normal(size=(120, 8))
    part = Embeddings(vectors, persons, np.tile([1, 2, 3, 4], 30))
    return verify(part, replicates=0)


def heights(chart: str) -> list[list[float]]:
    lines = re.findall(r'<polyline points="([^"]+)"', chart)
    return [[float(point.split(",")[1]) for point in line.split()] for line in lines]


def test_a_better_model_lies_higher_and_curves_rise() -> None:
    chart = roc_chart({"better": verification(0.3), "worse": verification(1.5)})
    ElementTree.fromstring(chart)
    better, worse = heights(chart)
    assert better == sorted(better, reverse=True)  # upwards in a picture is towards zero
    assert np.mean(better) < np.mean(worse)
    assert "0.01" in chart
    # The strictest thresholds accept no false pair, and the label keeps its line to itself.
    label, note = (
        re.search(rf'y="([\d.]+)"[^>]*>{words}', chart) for words in ("false-m", r"\d+ po")
    )
    assert label
    assert note
    assert float(note[1]) - float(label[1]) >= 14


def test_the_command_draws_it(
    tiny_root: Path, small_model: Path, tmp_path: Path, passerby_command: Callable
) -> None:
    file = tmp_path / "roc.svg"
    done = passerby_command(
        "verify", small_model, "--data", tiny_root, "--replicates", 10, "--chart", file
    )
    assert done.code == 0, done.err
    ElementTree.parse(file)


def test_it_needs_a_verification() -> None:
    with pytest.raises(ValueError, match="has no series"):
        roc_chart({})
