"""Curves for TensorBoard: what is written, no point twice after resuming, an error without it."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from passerby.config import Recipe
from passerby.tables.records import Split
from passerby.training.loop import train
from passerby.training.record import state_saving as keeping
from passerby.training.record.curves import Curves
from passerby.training.record.logbook import read_metrics


def points(out: Path) -> dict[str, list[tuple[int, float]]]:
    """(step, value) of each curve, as TensorBoard itself reads them."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(out / "tensorboard"))
    found.Reload()
    return {
        tag: [(event.step, event.value) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }


def row(epoch: int, loss: float) -> dict[str, object]:
    return {"epoch": epoch, "losses": {"triplet": loss}, "rate": 0.1, "images_per_second": 5.0}


def write(out: Path, first: int, last: int, steps: int = 25, loss: float = 1.0) -> None:
    """Epochs from one to another; the run breaks off after some steps of the next."""
    curves = Curves(out, "{}", ["tensorboard"])
    curves.open(first)
    for epoch in range(first, last + 1):
        for number in range(25 if epoch < last else steps):
            curves.step(epoch + number / 25, {"triplet": loss})
        if epoch < last:
            curves.epoch(row(epoch + 1, loss))
    curves.close()


def test_a_resumed_run_has_no_point_twice(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    write(tmp_path, 0, 2, steps=20, loss=1.0)
    write(tmp_path, 1, 3, steps=0, loss=2.0)  # its state was that after the first epoch
    found = points(tmp_path)
    assert found["loss/triplet"] == [(1000, 1.0), (2000, 2.0), (3000, 2.0)]
    ticks = [epoch * 1000 + number * 40 for epoch in range(3) for number in (9, 19)]
    assert found["step/triplet"] == [(tick, 1.0 if tick < 1000 else 2.0) for tick in ticks]
    assert [step for step, _ in found["rate"]] == [1000, 2000, 3000]


def test_a_run_writes_the_figures_of_its_metrics(
    recipe: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    recipe = replace(recipe, validation_persons=4, validate_every=1)
    train_only = Split(tiny.source, train=tiny.train)
    save = keeping.save_state

    def killed(*arguments: object) -> None:
        save(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(keeping, "save_state", killed)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, train_only, tmp_path, tensorboard=True)
    monkeypatch.setattr(keeping, "save_state", save)
    train(recipe, train_only, tmp_path, tensorboard=True, resume=True)
    rows, found = read_metrics(tmp_path / "metrics.jsonl"), points(tmp_path)
    assert [step for step, _ in found["loss/triplet"]] == [1000, 2000]
    for tag, values in {
        "loss/triplet": [row["losses"]["triplet"] for row in rows],
        "rate": [row["rate"] for row in rows],
        "images_per_second": [row["images_per_second"] for row in rows],
        "validation/mean_average_precision": [
            row["validation"]["mean_average_precision"] for row in rows
        ],
    }.items():
        assert [value for _, value in found[tag]] == pytest.approx(values, rel=1e-5)


def test_unasked_nothing_is_written(tmp_path: Path) -> None:
    curves = Curves(tmp_path, "{}", [])
    curves.open(0)
    curves.step(0.5, {"triplet": 1.0})
    curves.epoch(row(1, 1.0))
    curves.close()
    assert list(tmp_path.iterdir()) == []


def test_only_the_first_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passerby.process.distributed.rank", lambda: 1)
    curves = Curves(tmp_path, "{}", ["tensorboard"])
    curves.open(0)
    curves.close()
    assert list(tmp_path.iterdir()) == []


def test_without_tensorboard_the_extra_is_named(
    recipe: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is written."""
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r'pip install "passerby\[tensorboard\]"'):
        train(recipe, tiny, tmp_path / "run", tensorboard=True)
    assert list(tmp_path.iterdir()) == []
