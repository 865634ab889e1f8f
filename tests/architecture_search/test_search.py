"""search_architecture(): what it writes, that it goes on as if never stopped, what it refuses."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from passerby.architecture_search.halves import halves
from passerby.architecture_search.search import FOUND, Search, search_architecture
from passerby.architecture_search.searcher import Searcher
from passerby.config import Computation, Network, Phase, Recipe, open_recipe
from passerby.models.cells.genotype import Genotype
from passerby.models.system import build_model
from passerby.process.interruption import Stopped
from passerby.tables.records import Split
from passerby.training.input.persons import train_persons
from passerby.training.record.logbook import read_metrics

SHORT = Search(epochs=2, nodes=2, width=4)


@pytest.fixture
def small(recipe: Recipe) -> Recipe:
    return replace(
        recipe,
        network=Network("auto_reid(width=6, stages=(1, 1))"),
        origins=("expected on market1501, rank-1 99: somebody", "cells: others", "the rest: ours"),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search") / "whole"


def test_a_search_leaves_a_recipe_that_is_trained(
    small: Recipe, tiny: Split, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = search_architecture(small, tiny, whole, SHORT)
    printed = capsys.readouterr().out
    assert "weights by 6 persons of synthetic, cells by 6 others" in printed
    assert "of 8 edges of the cells are others than before" in printed
    assert open_recipe(str(whole / FOUND)) == found
    assert found.origins == (
        "cells: passerby search-architecture, 2 epochs on 12 persons, width 4, seed 0",
        "the rest: ours",
    )
    assert replace(found, name="", network=small.network, origins=()) == replace(
        small, name="", origins=()
    )
    assert found.network.backbone.startswith("auto_reid(width=6, stages=(1, 1), cells='")
    model = build_model(found.network, persons=3)
    assert model.dimensions == 24
    genotype = Genotype.parse(found.network.backbone.split("'")[1])
    record = json.loads((whole / "search.json").read_text())
    for cell, nodes in (("normal", genotype.normal), ("reduction", genotype.reduction)):
        assert len(record["shares"][cell]) == 5
        for row in record["shares"][cell]:
            shares = {n: v for n, v in row.items() if n not in ("node", "from")}
            assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
        for number, node in enumerate(nodes, 2):
            for operation, source in node:
                (row,) = (
                    r for r in record["shares"][cell] if (r["node"], r["from"]) == (number, source)
                )
                assert row[operation] == max(
                    v for n, v in row.items() if n not in ("node", "from", "none")
                )
    assert [row["epoch"] for row in read_metrics(whole / "metrics.jsonl")] == [1, 2]
    assert not (whole / "state.pt").exists()


def test_images_that_cannot_be_read_are_named_in_both_halves(
    small: Recipe, tiny: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of every person the first image is broken."""
    records, seen = [], set()
    for record in tiny.train:
        broken = tmp_path / f"broken_{record.person}.jpg"
        broken.write_bytes(b"no image")
        first = record.person not in seen
        seen.add(record.person)
        records.append(replace(record, image=str(broken)) if first else record)
    split = replace(tiny, train=tuple(records))
    search_architecture(small, split, tmp_path / "out", replace(SHORT, epochs=1))
    printed = capsys.readouterr().out
    for half in halves(train_persons(small, split, 0, labelled=True), seed=0):
        persons = {record.person for record in half.records}
        assert any(f"broken_{person}.jpg: " in printed for person in persons)


@pytest.mark.skipif(os.name == "nt", reason="os.kill ends a process on Windows")
def test_it_goes_on_as_if_never_stopped(
    small: Recipe, tiny: Split, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not whole.exists():
        search_architecture(small, tiny, whole, SHORT)
    step, made = Searcher.step, []

    def stepped(*arguments: object) -> dict[str, float]:
        made.append(1)
        if len(made) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Searcher, "step", stepped)
    cut = tmp_path / "cut"
    with pytest.raises(Stopped, match="so does search-architecture"):
        search_architecture(small, tiny, cut, SHORT)
    assert not (cut / FOUND).exists()
    search_architecture(small, tiny, cut, SHORT, resume=True)
    for name in (FOUND, "search.json"):
        assert (cut / name).read_bytes() == (whole / name).read_bytes()


def test_a_finished_search_is_not_repeated(
    small: Recipe, tiny: Split, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not whole.exists():
        search_architecture(small, tiny, whole, SHORT)
    monkeypatch.setattr(Searcher, "step", None)
    found = search_architecture(small, tiny, whole, SHORT, resume=True)
    assert found == open_recipe(str(whole / FOUND))
    with pytest.raises(ValueError, match="a finished search of another recipe, data or seed"):
        search_architecture(small, tiny, whole, SHORT, resume=True, seed=1)
    with pytest.raises(ValueError, match="already holds a run: add --resume"):
        search_architecture(small, tiny, whole, SHORT)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"phases": (Phase("all", 2),)}, "a search has no phases"),
        ({"computation": Computation(accumulate=2)}, "leave all of computation at its defaults"),
        ({"network": Network("resnet18")}, "whose backbone is auto_reid"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    small: Recipe, tiny: Split, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        search_architecture(replace(small, **changes), tiny, tmp_path / "new")  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("field", ["epochs", "nodes", "width", "rate"])
def test_numbers_out_of_range_are_named(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be at least"):
        Search(**{field: 0})


def test_the_command_finds_cells_that_another_trains(
    passerby_command: Callable[..., Any], tiny_root: Path, tmp_path: Path
) -> None:
    sized = ("--set", "input.height=64", "--set", "input.width=32", "--set", "sampling.persons=4")
    done = passerby_command(
        *("search-architecture", "auto_reid(scale=compact)", "--data", tiny_root),
        *("--out", tmp_path / "cells", "--epochs", 1, "--nodes", 1, "--width", 4, *sized),
        *("--set", "network.backbone.stages=(1, 1)"),
    )
    assert (done.code, done.err) == (0, "")
    recipe = tmp_path / "cells" / FOUND
    last = f"train what was found: passerby train {recipe} --data {tiny_root} --out ..."
    assert done.out.splitlines()[-1] == last
    done = passerby_command(
        *("train", recipe, "--data", tiny_root, "--out", tmp_path / "run", "--set", "epochs=1")
    )
    assert (done.code, done.err) == (0, "")
    assert "with cells of its own: 72 images of 12 persons" in done.out
    again = passerby_command(
        *("search-architecture", "resnet18", "--data", tiny_root, "--out", tmp_path / "cells")
    )
    assert again.code == 2
    assert "no recipe is named 'resnet18'" in again.err
