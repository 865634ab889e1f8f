"""Two processes train as one: gradients, loss terms, features, runs and failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from passerby.training.record.logbook import read_metrics
from tests.process.distributed_worker import everything

WORKER = Path(__file__).parent / "distributed_worker.py"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Two processes of a command under torchrun on this machine's loopback, one thread each."""
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--rdzv-backend",
        "c10d",
        "--rdzv-endpoint",
        "localhost:0",
        *arguments,
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(WORKER.parents[2])}
    return subprocess.run(
        launch, capture_output=True, text=True, env=environment, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def gradients(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, torch.Tensor]]:
    """What this process computes alone, and two of a group, by loss and mode."""
    out = tmp_path_factory.mktemp("gradients") / "2.pt"
    done = _run(str(WORKER), str(out))
    assert done.returncode == 0, done.stderr[-3000:]
    return {"1": everything(), "2": torch.load(out, weights_only=True)}


LOSSES = ["cross_entropy", "triplet", "pair_circle", "triplet+cross_entropy", "centre"]


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_one_process_on_the_joint_batch(
    gradients: dict[str, dict[str, torch.Tensor]], loss: str
) -> None:
    """Batch norm frozen, float64: equal to rounding, for every parameter."""
    one, two = gradients["1"][loss], gradients["2"][loss]
    assert len(one) > 60_000
    assert float(one.abs().max()) > 0
    assert float((one - two).abs().max() / one.abs().max()) < 1e-6


def test_shares_that_pass_in_parts_have_the_gradient_of_the_joint_batch(
    gradients: dict[str, dict[str, torch.Tensor]],
) -> None:
    """Two processes, each share in two parts, its stages computed again."""
    one = gradients["1"]["triplet+cross_entropy"]
    for processes in ("1", "2"):
        other = gradients[processes]["triplet+cross_entropy, in parts"]
        assert float((one - other).abs().max() / one.abs().max()) < 1e-6


def test_a_loss_of_each_share_alone_is_another_objective(
    gradients: dict[str, dict[str, torch.Tensor]],
) -> None:
    """Why the features are gathered: averaging the shares' triplet losses is far off."""
    one, apart = gradients["1"]["triplet"], gradients["2"]["triplet, each share alone"]
    assert float((one - apart).norm() / one.norm()) > 0.05


def test_equal_embeddings_give_equal_loss_terms_in_training_mode(
    gradients: dict[str, dict[str, torch.Tensor]],
) -> None:
    for loss in LOSSES[:3]:
        name = f"{loss} of given embeddings"
        assert torch.allclose(gradients["1"][name], gradients["2"][name], rtol=1e-9)


def test_shares_of_different_size_are_gathered(
    gradients: dict[str, dict[str, torch.Tensor]],
) -> None:
    assert gradients["2"]["uneven"].tolist() == [0, 0, 0, 1, 1]


TINY = [
    "epochs=2", "input.height=64", "input.width=32", "sampling.persons=4",
    "validation_persons=4", "validate_every=1",
]  # fmt: skip


def _train(root: Path, out: Path, *more: str) -> subprocess.CompletedProcess:
    settings = [part for setting in TINY for part in ("--set", setting)]
    command = ["-m", "passerby", "train", "table1_ours(scale=compact)", "--data", str(root)]
    return _run(*command, "--out", str(out), *settings, *more)


def test_a_run_of_two_processes_trains_validates_and_tests(tiny_root: Path, tmp_path: Path) -> None:
    watched = ("--evaluate-on", f"lobby:{tiny_root}")
    done = _train(tiny_root, tmp_path / "run", *watched)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("epoch 2/2") == 1  # one process speaks
    rows = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert all(row["evaluated_on"]["lobby"]["rank1"] > 0 for row in rows)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert "rank1" in json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    again = _train(tiny_root, tmp_path / "run", "--resume")
    assert again.returncode == 0, again.stderr[-3000:]


def test_a_mistake_ends_all_processes_with_the_message(tiny_root: Path, tmp_path: Path) -> None:
    done = _train(tiny_root, tmp_path / "run", "--set", "sampling.persons=3")
    assert done.returncode != 0
    assert "do not divide over 2 processes" in done.stderr


def test_one_process_that_fails_does_not_leave_the_other_waiting(tmp_path: Path) -> None:
    done = _run(str(WORKER), str(tmp_path / "never.pt"), "--fail")
    assert done.returncode != 0
    assert "one of two fails" in done.stderr
    assert not (tmp_path / "never.pt").exists()


def test_a_failure_on_the_first_process_reaches_the_others(tmp_path: Path) -> None:
    """As when its disk is full: none waits for a result that does not come."""
    done = _run(str(WORKER), str(tmp_path / "never.pt"), "--fail-to-save")
    assert done.returncode != 0
    assert "rank 0: OSError: [Errno 28] No space left" in done.stdout
    assert "rank 1: ValueError: the first process failed: OSError: [Errno 28]" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="os.kill ends a process on Windows")
def test_two_processes_stop_together_and_go_on_to_the_same_weights(
    tiny_root: Path, tmp_path: Path
) -> None:
    """SIGTERM to one of them, in the middle of an epoch; it is torchrun's way to end them too."""
    recipe = f"{WORKER.parents[1] / 'training' / 'small_net.py'}:small"
    for name in ("whole", "cut"):
        command = [str(WORKER), recipe, str(tiny_root), str(tmp_path / name)]
        done = _run(*command, "--train", *(["--stop"] if name == "cut" else []))
        assert (done.returncode == 0) == (name == "whole"), done.stderr[-3000:]
    assert "stopped after batch 1 of epoch 2, and saved in" in done.stderr
    assert (tmp_path / "cut" / "state.pt").exists()
    done = _run(*command, "--train")
    assert done.returncode == 0, done.stderr[-3000:]
    weights = [(tmp_path / n / "model.safetensors").read_bytes() for n in ("whole", "cut")]
    assert weights[0] == weights[1]
