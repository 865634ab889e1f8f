"""Trackers: each takes a run's scalars and goes on in the same run; services stand in, or are real.

Weights & Biases (offline) and MLflow (a folder) themselves are asked where they are installed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from passerby.registry import TRACKERS
from passerby.training.record.curves import Curves

RECIPE = json.dumps({"name": "small", "optimizer": {"rate": 0.1}, "losses": [{"loss": "triplet"}]})


class Service(ModuleType):
    """Stands in for wandb and mlflow: notes what it is told."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.told: list[tuple[str, Any]] = []
        self.run = SimpleNamespace(
            id="number",
            info=SimpleNamespace(run_id="number"),
            define_metric=lambda *a, **b: None,
            log=lambda values: self.told.append(("log", values)),
            finish=lambda: self.told.append(("end", None)),
        )

    def init(self, **given: Any) -> SimpleNamespace:
        self.told.append(("begin", given))
        return self.run

    def set_experiment(self, name: str) -> None:
        self.told.append(("experiment", name))

    def start_run(self, **given: Any) -> SimpleNamespace:
        self.told.append(("begin", given))
        return self.run

    def log_params(self, values: dict[str, str]) -> None:
        self.told.append(("params", values))

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        self.told.append(("log", {"step": step, **values}))

    def end_run(self) -> None:
        self.told.append(("end", None))


def track(out: Path, call: str, first: int) -> None:
    """An epoch of ten steps, tracked."""
    curves = Curves(out, RECIPE, [call])
    curves.open(first)
    for number in range(1, 11):
        curves.step(first + number / 10, {"triplet": 2.0})
    row = {"epoch": first + 1, "losses": {"triplet": 2.0}, "rate": 0.1, "images_per_second": 5.0}
    curves.epoch(row)
    curves.close()


@pytest.mark.parametrize(
    ("call", "at"), [("wandb(project=reid)", "epoch"), ("mlflow(experiment=reid)", "step")]
)
def test_a_service_hears_the_recipe_the_steps_and_the_epoch(
    call: str, at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(call.partition("(")[0])
    monkeypatch.setitem(sys.modules, service.__name__, service)
    track(tmp_path, call, 0)
    told = json.dumps(service.told)
    assert "reid" in told
    assert "0.1" in told
    logged = [values for kind, values in service.told if kind == "log"]
    scale = 1 if at == "epoch" else 1000
    assert logged[0] == {at: 1.0 * scale, "step/triplet": 2.0}
    assert logged[1] == {
        at: 1 * scale, "rate": 0.1, "images_per_second": 5.0, "loss/triplet": 2.0
    }  # fmt: skip
    assert service.told[-1] == ("end", None)


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_resumed_run_goes_on_in_the_same_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(name)
    monkeypatch.setitem(sys.modules, name, service)
    track(tmp_path, name, 0)
    track(tmp_path, name, 1)
    begun = [given for kind, given in service.told if kind == "begin"]
    assert "number" not in begun[0].values()
    assert "number" in begun[1].values()


@pytest.mark.parametrize("name", ["wandb", "mlflow", "torch.utils.tensorboard"])
def test_without_its_package_the_extra_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    call = name.rpartition(".")[2]
    with pytest.raises(ValueError, match=rf'pip install "passerby\[{call}\]"'):
        TRACKERS.build(call)


def test_wandb_itself_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    track(tmp_path, "wandb", 0)
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))


def test_mlflow_itself_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database needs the larger package
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    track(tmp_path, "mlflow", 0)
    track(tmp_path, "mlflow", 1)
    number = (tmp_path / "mlflow.id").read_text("utf-8")
    found = mlflow.MlflowClient().get_run(number)
    assert found.data.params["optimizer.rate"] == "0.1"
    history = mlflow.MlflowClient().get_metric_history(number, "loss/triplet")
    assert [point.step for point in history] == [1000, 2000]
