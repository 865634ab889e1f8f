"""Optimizer and learning rate schedule of a recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import nn

from passerby.config import Optimizer, Schedule


def build_optimizer(
    named: Mapping[str, nn.Parameter], settings: Optimizer
) -> torch.optim.Optimizer:
    """The update rule over those of the parameters that train, by name; its memory is empty.

    Weight decay applies to every parameter, as in BoT and FastReID's base configurations.
    """
    parameters = [parameter for parameter in named.values() if parameter.requires_grad]
    if settings.name == "sgd":
        return torch.optim.SGD(
            parameters,
            settings.rate,
            settings.momentum,
            weight_decay=settings.weight_decay,
            nesterov=settings.momentum > 0,
        )
    rule = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
    return rule(parameters, settings.rate, weight_decay=settings.weight_decay)


def rate_factor(epoch: float, epochs: int, schedule: Schedule) -> float:
    """The learning rate at a point of the run, as a factor of the recipe's rate.

    epoch: epochs done, with a fraction within an epoch; linear warm-up, then the schedule's kind.

    >>> schedule = Schedule("step", warm_up=10, warm_up_start=0.01, steps=(40, 70), factor=0.1)
    >>> [round(rate_factor(e, 120, schedule), 4) for e in (0, 5, 10, 39.9, 40, 70)]
    [0.01, 0.505, 1.0, 1.0, 0.1, 0.01]
    """
    if epoch < schedule.warm_up:
        return schedule.warm_up_start + (1 - schedule.warm_up_start) * epoch / schedule.warm_up
    if schedule.kind == "step":
        return schedule.factor ** sum(epoch >= step for step in schedule.steps)
    if schedule.kind == "cosine":
        done = (epoch - schedule.warm_up) / max(epochs - schedule.warm_up, 1e-9)
        return schedule.floor + (1 - schedule.floor) * (1 + math.cos(math.pi * min(done, 1))) / 2
    return 1.0
