"""passerby show and passerby report: recipes and finished runs, without training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from passerby.config import Recipe, open_recipe
from passerby.evaluation.evaluate import evaluate
from passerby.tables.embeddings import Embeddings


def run_of(folder: Path, noise: float) -> Path:
    """A finished run, the worse the more noise there is."""
    persons, cameras = np.repeat(np.arange(40), 2), np.tile([1, 2], 40)
    centres = np.random.default_rng(0).normal(size=(40, 16))[persons]
    vectors = centres + noise * np.random.default_rng(1).normal(size=(80, 16))
    part = Embeddings(vectors, persons, cameras, sources=["made"] * 80)
    folder.mkdir(parents=True)
    evaluate(part, part).to_json(folder / "report.json")
    return folder


def test_a_recipe_is_shown_with_its_settings_and_origins(passerby_command: Callable) -> None:
    done = passerby_command("show", "table1_ours", "--set", "losses.triplet.margin=0.2")
    assert done.code == 0
    assert "network.attention            cbam" in done.out
    assert "losses.triplet               triplet(margin=0.2)" in done.out
    assert "losses.triplet.weight        1.0" in done.out
    assert "origins:" in done.out


def test_every_path_shown_is_one_that_set_takes(passerby_command: Callable) -> None:
    for name in ("table1_ours", "pcb_rpp", "mgn", "transreid"):
        lines = passerby_command("show", name).out.split("\n\norigins")[0].splitlines()[1:]
        recipe = open_recipe(name)
        for line in lines:
            path, value = line.split(maxsplit=1)
            if value.startswith("(") or (path.count(".") == 1 and path.startswith("losses")):
                continue  # a whole tuple or loss is set by its parts
            assert recipe.with_setting(path, value) == recipe, path


def test_json_is_a_recipe_again(passerby_command: Callable) -> None:
    done = passerby_command("show", "table1_ours(scale=compact)", "--json")
    assert Recipe.from_json(done.out) == open_recipe("table1_ours(scale=compact)")


def test_runs_are_set_side_by_side(passerby_command: Callable, tmp_path: Path) -> None:
    first, second = run_of(tmp_path / "plain", 1.5), run_of(tmp_path / "ours", 0.4)
    files = [
        tmp_path / "out" / f"runs{ending}" for ending in (".md", ".csv", ".tex", ".svg", ".html")
    ]
    given = [word for file in files for word in ("--out", file)]
    done = passerby_command("report", first, second, "--published", "market1501", *given)
    assert done.code == 0, done.err
    assert "ours" in done.out
    assert "PCB, published" in done.out
    figure = f"{json.loads((second / 'report.json').read_text('utf-8'))['rank1']:.2f}"
    for file in files[:3]:
        assert figure in file.read_text("utf-8")
    assert "1: plain" in files[3].read_text("utf-8")
    page = files[4].read_text("utf-8")
    assert "ours, less plain: rank-1" in page
    assert "PCB" in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "none"], "none holds no report"),
        (["report", "run", "--out", "table.pdf"], "expected a file ending in .txt, .md"),
        (["show", "table1_our"], "did you mean 'table1_ours'"),
    ],
)
def test_slips_are_named(
    arguments: list[str],
    message: str,
    passerby_command: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run_of(tmp_path / "run", 1.0)
    done = passerby_command(*arguments)
    assert done.code != 0
    assert message in " ".join(done.err.split())
