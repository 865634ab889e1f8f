"""Optimizer and learning rate scheduler of a recipe."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from passerby.config import LossTerm, Optimizer, Schedule
from passerby.training.step.layer_decay import layers_of


def build_optimizer(
    named: Mapping[str, nn.Parameter], settings: Optimizer
) -> torch.optim.Optimizer:
    """The update rule over those of the parameters that train, by name; its memory is empty.

    Weight decay applies to every parameter, as in BoT and FastReID's base configurations, unless
    the settings say less. Parameters of equal rate and decay form a group (see `set_rate`).

    Raises:
        ValueError: rates are to decay by layers, and the names show none.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    layers = layers_of(named, settings.layer_unit) if settings.layer_decay < 1 else {}
    top = max(layers.values(), default=0)
    for name, parameter in named.items():
        if parameter.requires_grad:
            rate, decay = _factors(name, parameter, settings)
            rate *= settings.layer_decay ** (top - layers.get(name, top))
            groups.setdefault((rate, decay), []).append(parameter)
    listed: list[dict[str, Any]] = [
        {"params": group, "factor": rate, "weight_decay": settings.weight_decay * decay}
        for (rate, decay), group in groups.items()
    ]
    if settings.name == "sgd":
        nesterov = settings.momentum > 0
        return torch.optim.SGD(listed, settings.rate, settings.momentum, nesterov=nesterov)
    rule = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
    return rule(listed, settings.rate)


def own_rates(terms: Sequence[tuple[LossTerm, nn.Module]]) -> list[dict[str, Any]]:
    """Groups for plain gradient descent: parameters of those losses that have their own rate.

    The gradient holds the term's weight, which the learning rate takes off again, as BoT does: a
    small weight must not keep the centres from following. Without momentum there is no memory.
    Raises ValueError where there are no parameters, or no weight to be taken off.
    """
    groups: list[dict[str, Any]] = []
    for term, loss in terms:
        parameters = list(loss.parameters())
        if term.rate and not (parameters and term.weight > 0):
            raise ValueError(
                f"the loss {term.loss} has a rate of its own ({term.rate}): that needs a weight "
                f"above 0, got {term.weight}, and parameters, of which it has {len(parameters)}"
            )
        if term.rate:
            groups.append({"params": parameters, "lr": term.rate / term.weight})
    return groups


def _factors(name: str, parameter: nn.Parameter, settings: Optimizer) -> tuple[float, float]:
    """What a parameter's rate and weight decay are multiplied by."""
    own = [choice for choice in settings.rates if matches(name, [choice.of])]
    spared = settings.decays == "matrices" and parameter.ndim < 2
    decay = 0.0 if spared else math.prod(choice.weight_decay for choice in own)
    return math.prod(choice.rate for choice in own), decay


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name fits one of the patterns; ``*`` stands for any text, dots included.

    >>> matches("backbone.layer4.0.conv1.weight", ["classifier*", "backbone.layer4.*"])
    True
    """
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give each group the learning rate times its factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]


def rate_factor(epoch: float, epochs: int, schedule: Schedule) -> float:
    """The learning rate at a point of the run, as a factor of the recipe's rate.

    epoch: epochs done, with a fraction within an epoch, which counts where the rate changes with
    every step; warm-up, then the schedule's kind. The one cycle is that of Smith and Topin (2019)
    with cosines, momentum left as it is.

    >>> schedule = Schedule("step", warm_up=10, warm_up_start=0.01, steps=(40, 70), factor=0.1)
    >>> [round(rate_factor(e, 120, schedule), 4) for e in (0, 5, 10, 39.9, 40, 70)]
    [0.01, 0.505, 1.0, 1.0, 0.1, 0.01]
    """
    if schedule.changes == "epoch":
        epoch = math.floor(epoch)
    epoch += schedule.first_epoch
    if epoch < schedule.warm_up:
        done = epoch / schedule.warm_up
        if schedule.kind == "one_cycle":
            return _cosine(schedule.warm_up_start, 1.0, done)
        return schedule.warm_up_start + (1 - schedule.warm_up_start) * done
    if schedule.kind == "step":
        return schedule.factor ** sum(epoch >= step for step in schedule.steps)
    if schedule.kind in ("cosine", "one_cycle"):
        begin = schedule.warm_up if schedule.cosine_from == "warm_up" else 0
        done = (epoch - begin) / max(epochs - begin, 1e-9)
        return _cosine(1.0, schedule.floor, min(done, 1))
    return 1.0


def _cosine(first: float, last: float, done: float) -> float:
    """From the first value to the last along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * done)) / 2
