"""Learning rate over a run, and what the optimizer takes."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from passerby.config import Optimizer, Schedule
from passerby.training.optimizer import build_optimizer, rate_factor


def test_warm_up_rises_linearly_then_steps_fall() -> None:
    schedule = Schedule("step", warm_up=10, warm_up_start=0.01, steps=(40, 70), factor=0.1)
    factors = [rate_factor(e / 10, 120, schedule) for e in range(100)]
    assert factors[0] == pytest.approx(0.01)
    rises = [b - a for a, b in pairwise(factors)]
    assert max(rises) == pytest.approx(min(rises))
    assert [rate_factor(e, 120, schedule) for e in (10, 39, 40, 69, 70, 119)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )


def test_cosine_is_torchs_after_the_warm_up() -> None:
    schedule = Schedule("cosine", warm_up=2, floor=0.1)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10, eta_min=0.1)
    for epoch in range(10):
        assert rate_factor(2 + epoch, 12, schedule) == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()


def test_only_parameters_that_train_are_taken() -> None:
    frozen = nn.Linear(2, 2)
    frozen.bias.requires_grad_(False)
    for name, kind in (("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD")):
        both = nn.Sequential(frozen, nn.Linear(2, 1))
        optimizer = build_optimizer(dict(both.named_parameters()), Optimizer(name))  # type: ignore[arg-type]
        assert type(optimizer).__name__ == kind
        assert sum(len(group["params"]) for group in optimizer.param_groups) == 3
