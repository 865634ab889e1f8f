"""Several seeds of an ablation: read from its folders, compared, and set beside the paper's."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

from passerby.config import open_recipe
from passerby.evaluation.evaluate import evaluate
from passerby.models.checkpoint import Card
from passerby.studies.ablation_seeds import added, orders, read_seeds, seeds_table
from passerby.tables.embeddings import Embeddings
from passerby.visual.svg.ablation_charts import draw_training_curves


def finished(folder: Path, name: str, seed: int, noise: float, rate: float = 0.1) -> None:
    """A run's folder, with a report that is the worse the more noise there is."""
    random = np.random.default_rng([seed, int(100 * noise)])
    persons, cameras = np.repeat(np.arange(40), 2), np.tile([1, 2], 40)
    centres = np.random.default_rng(0).normal(size=(40, 16))[persons]
    vectors = centres + noise * random.normal(size=(80, 16))
    part = Embeddings(vectors, persons, cameras, sources=["made"] * 80)
    run = folder / name
    run.mkdir(parents=True)
    evaluate(part, part).to_json(run / "report.json")
    recipe = open_recipe(f"table1_{name}(scale=compact)", [f"optimizer.rate={rate}"])
    card = Card(recipe, persons=40, seed=seed, epoch=2)
    content = {"format": 1, **dataclasses.asdict(card)}
    (run / "config.json").write_text(json.dumps(content), "utf-8")
    epochs = [{"epoch": n, "losses": {"cross_entropy": 6.0 / n}, "seconds": 30} for n in (1, 2)]
    epochs.append({"epoch": 3, "losses": {"cross_entropy": 2.0}, "seconds": 900})  # held up
    (run / "metrics.jsonl").write_text("\n".join(map(json.dumps, epochs)), "utf-8")


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / f"seed{seed}" for seed in (0, 1)]
    for seed, folder in enumerate(made):
        finished(folder, "baseline", seed, 1.5)
        finished(folder, "ours", seed, 0.3)
    finished(made[0], "eca", 0, 1.5)
    return made


def test_rows_of_all_seeds_are_set_in_one_table(folders: list[Path]) -> None:
    rows = read_seeds(folders)
    assert [(row.row.name, len(row.reports)) for row in rows] == [
        ("baseline", 2),
        ("eca", 1),
        ("ours", 2),
    ]
    baseline, _, ours = rows
    assert ours.seconds == (90, 90)
    assert ours.losses == (6.0, 3.0, 2.0)
    values = [report.mean_average_precision for report in baseline.reports]
    shown = f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"
    assert baseline.mean_and_spread("mean_average_precision") == shown
    table = seeds_table(rows).splitlines()
    assert len(table) == 5
    assert shown in table[2]
    assert " | 83.67 | 65.05 | – | – | " in table[2]
    assert "+8.73 | +14.65" in table[4]
    assert {line.count("|") for line in table} == {14}


def test_an_order_counts_only_where_the_interval_says_so(folders: list[Path]) -> None:
    text = orders(read_seeds(folders))
    assert "order by mAP holds: 1 of 3 pairs\n\n- Ours (CBAM, Tri Cir) above Baseline: " in text
    assert "is reversed" not in text  # no empty sections
    once = "holds in one seed, over persons alone: 1 of 3 pairs\n\n"
    assert f"{once}- Ours (CBAM, Tri Cir) above Baseline (+ECA): " in text
    assert "undecided: 1 of 3 pairs\n\n- Baseline (+ECA) above Baseline" in text


def test_rows_that_the_paper_lacks_are_set_beside_its_own(folders: list[Path]) -> None:
    assert added(read_seeds(folders)) == ""
    for seed, folder in enumerate(folders):
        finished(folder, "cbam", seed, 0.8)
    text = added(read_seeds(folders))
    above = r"CBAM\), not in the paper, less Baseline: \d+\.\d+ \(\d+\.\d+ to \d+\.\d+\)\n"
    assert re.search(above, text)
    assert re.search(r"less Baseline \(\+ECA\): .* in one seed, over persons alone\n", text)
    assert re.search(r"less Ours \(CBAM, Tri Cir\): -\d+", text)
    assert text.count("\n- ") == 3


def test_runs_that_do_not_belong_together_are_refused(folders: list[Path], tmp_path: Path) -> None:
    finished(tmp_path / "other", "ours", 3, 0.3, rate=0.2)
    with pytest.raises(ValueError, match="ours was run with different settings"):
        read_seeds([*folders, tmp_path / "other"])
    with pytest.raises(ValueError, match="holds no finished row"):
        read_seeds([tmp_path])


def test_curves_are_drawn(folders: list[Path], tmp_path: Path) -> None:
    path = draw_training_curves(read_seeds(folders), tmp_path / "out")
    assert path.read_text("utf-8").count("<polyline") + path.read_text("utf-8").count("<path") >= 3
