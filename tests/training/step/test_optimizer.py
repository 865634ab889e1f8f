"""Learning rate over a run, and what the optimizer takes."""

from dataclasses import replace
from itertools import pairwise
from typing import Literal

import pytest
import torch
from torch import nn

from passerby.config import Optimizer, Rate, Recipe, Schedule
from passerby.models.systems.plain import Plain
from passerby.training.step.learner import Learner
from passerby.training.step.optimizer import build_optimizer, rate_factor, set_rate


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


def test_steps_are_torchs() -> None:
    schedule = Schedule("step", warm_up=0, steps=(3, 7), factor=0.2)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 7], gamma=0.2)
    for epoch in range(10):
        assert rate_factor(epoch, 10, schedule) == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()


def test_one_cycle_is_torchs() -> None:
    """Torch counts steps: its peak is at step 0.3 · 100 − 1 and its end at step 99."""
    schedule = Schedule("one_cycle", warm_up=29, warm_up_start=1 / 25, floor=1 / 25e4)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, total_steps=100, pct_start=0.3, cycle_momentum=False
    )
    for step in range(100):
        assert rate_factor(step, 99, schedule) == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        if step < 99:
            reference.step()


def _net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))


RATES = (Rate("0.*", rate=0.1), Rate("*.weight", rate=2.0, weight_decay=3.0))


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_rates_and_decays_are_torchs_groups(name: Literal["adam", "adamw", "sgd"]) -> None:
    """Against torch's own rule and scheduler over groups that are written out by hand."""
    settings = Optimizer(name, rate=0.05, weight_decay=0.01, decays="matrices", rates=RATES)
    ours, theirs = _net(), _net()
    optimizer = build_optimizer(dict(ours.named_parameters()), settings)
    own = dict(theirs.named_parameters())
    groups = [
        {"params": [own["0.weight"]], "lr": 0.05 * 0.1 * 2, "weight_decay": 0.03},
        {"params": [own["0.bias"]], "lr": 0.05 * 0.1, "weight_decay": 0.0},
        {"params": [own["1.weight"]], "lr": 0.05 * 2, "weight_decay": 0.0},
        {"params": [own["1.bias"], own["3.bias"]], "lr": 0.05, "weight_decay": 0.0},
        {"params": [own["3.weight"]], "lr": 0.05 * 2, "weight_decay": 0.03},
    ]
    reference: torch.optim.Optimizer
    if name == "sgd":
        reference = torch.optim.SGD(groups, momentum=0.9, nesterov=True)
    else:
        reference = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name](groups)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(reference, 10)
    schedule = Schedule("cosine", warm_up=0)
    for step in range(10):
        images = torch.randn(8, 4)
        set_rate(optimizer, settings.rate * rate_factor(step, 10, schedule))
        for net, rule in ((ours, optimizer), (theirs, reference)):
            rule.zero_grad()
            net(images).square().mean().backward()
            rule.step()
        scheduler.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert not torch.equal(ours[0].weight, _net()[0].weight)


def test_without_rates_all_parameters_are_one_group() -> None:
    for name in ("adam", "adamw", "sgd"):
        settings = Optimizer(name, weight_decay=0.02)  # type: ignore[arg-type]
        (group,) = build_optimizer(dict(_net().named_parameters()), settings).param_groups
        assert (group["weight_decay"], len(group["params"])) == (0.02, 6)


def test_a_rate_of_no_parameter_is_refused(recipe: Recipe) -> None:
    slow = replace(recipe.optimizer, rates=(Rate("backbone.layer9.*", rate=0.1),))
    model = Plain(recipe.network, persons=4)
    with pytest.raises(ValueError, match=r"optimizer\.rates: no parameter is named 'backbone"):
        Learner(replace(recipe, optimizer=slow), model, torch.device("cpu"))


def test_rates_survive_json_and_settings(recipe: Recipe) -> None:
    changed = recipe.with_setting("optimizer.rates", "[{'of': 'backbone.*', 'rate': 0.1}]")
    assert changed.optimizer.rates == (Rate("backbone.*", rate=0.1),)
    assert Recipe.from_json(changed.to_json()) == changed


def test_only_parameters_that_train_are_taken() -> None:
    frozen = nn.Linear(2, 2)
    frozen.bias.requires_grad_(False)
    for name, kind in (("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD")):
        both = nn.Sequential(frozen, nn.Linear(2, 1))
        optimizer = build_optimizer(dict(both.named_parameters()), Optimizer(name))  # type: ignore[arg-type]
        assert type(optimizer).__name__ == kind
        assert sum(len(group["params"]) for group in optimizer.param_groups) == 3
