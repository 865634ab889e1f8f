"""Phases: what is trained and what is frozen in which epochs, with which losses and optimizer.

Parameters are chosen by patterns of their names: ``classifier*``, ``backbone.layer4.*``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from passerby.config import LossTerm, Optimizer, Phase, Schedule, term_names
from passerby.training.step.optimizer import matches, rate_factor

_Settings = TypeVar("_Settings", Optimizer, Schedule)


@dataclass(frozen=True)
class Stage:
    """A phase with nothing left open; ``first`` is the number of epochs before it.

    A recipe without phases is one stage without a name.
    """

    name: str
    first: int
    epochs: int
    trains: tuple[str, ...]
    losses: tuple[LossTerm, ...]
    optimizer: Optimizer
    schedule: Schedule

    def __post_init__(self) -> None:
        names = term_names(self.losses)
        for name in names:
            if names.count(name) > 1:
                loss = name.partition("[")[0]
                raise ValueError(f"the recipe has the loss {loss!r} twice: weigh one instead")

    def rate(self, done: float) -> float:
        """The learning rate after so many epochs of the run, with a fraction within an epoch."""
        return self.optimizer.rate * rate_factor(done - self.first, self.epochs, self.schedule)


def cut(whole: Stage, phases: Sequence[Phase]) -> tuple[Stage, ...]:
    """The stages of a run: the whole of it, or its phases, which take from it what they leave open.

    Raises ValueError for phases that do not add up to the epochs of the whole, and for names that
    are missing or given twice.
    """
    if not phases:
        return (whole,)
    names, lengths = [phase.name for phase in phases], [phase.epochs for phase in phases]
    if "" in names or len(set(names)) < len(names):
        raise ValueError(f"each phase needs a name of its own, got {', '.join(map(repr, names))}")
    if sum(lengths) != whole.epochs:
        raise ValueError(
            f"the phases have {' + '.join(map(str, lengths))} epochs, the recipe {whole.epochs}: "
            f"it must have their sum (--set epochs={sum(lengths)})"
        )
    firsts = [sum(lengths[:number]) for number in range(len(phases))]
    return tuple(
        replace(
            whole,
            name=phase.name,
            first=first,
            epochs=phase.epochs,
            trains=phase.trains,
            losses=phase.losses or whole.losses,
            optimizer=_optimizer(phase, whole.optimizer),
            schedule=_given_or_default(
                phase.schedule, whole.schedule, f"phase {phase.name!r}: schedule"
            ),
        )
        for phase, first in zip(phases, firsts, strict=True)
    )


def stage_number(stages: Sequence[Stage], epoch: int) -> int:
    """Which stage an epoch (from 0) belongs to."""
    return sum(stage.first <= epoch for stage in stages) - 1


def freeze(parameters: Mapping[str, nn.Parameter], trains: Sequence[str]) -> None:
    """Let those parameters train whose names fit a pattern; a gradient left over is dropped."""
    for name, parameter in parameters.items():
        parameter.requires_grad_(matches(name, trains))
        parameter.grad = None


def frozen_batch_norms(model: nn.Module, trains: Sequence[str]) -> list[nn.Module]:
    """Batch norms that no pattern names by a parameter or a statistic.

    They stay in evaluation mode: a frozen layer whose statistics moved would not be frozen.
    """
    found: list[nn.Module] = []
    for path, module in model.named_modules():
        if isinstance(module, _NormBase):
            own = [f"{path}.{name}" for name in (*module._parameters, *module._buffers)]
            if not any(matches(name, trains) for name in own):
                found.append(module)
    return found


def require_pattern_matches(patterns: Iterable[str], names: Sequence[str], place: str) -> None:
    """Raise ValueError for a pattern that fits no name: a slip would change what is trained.

    place: where the pattern stands, for the message, which lists the names.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            known = ", ".join(outline(names))
            raise ValueError(f"{place}: no parameter is named {pattern!r} (there are {known})")


def outline(names: Iterable[str]) -> list[str]:
    """Names with all below their second level taken together, to be read by a person.

    >>> outline(["backbone.layer1.0.bn1.weight", "backbone.layer1.0.bn1.bias", "neck.weight"])
    ['backbone.layer1.*', 'neck.weight']
    """
    cut = [name.split(".") for name in names]
    return list(dict.fromkeys(".".join(p[:2]) + ".*" * (len(p) > 2) for p in cut))


def _optimizer(phase: Phase, otherwise: Optimizer) -> Optimizer:
    chosen = _given_or_default(phase.optimizer, otherwise, f"phase {phase.name!r}: optimizer")
    return replace(chosen, rate=phase.rate) if phase.rate else chosen


def _given_or_default(given: tuple[_Settings, ...], otherwise: _Settings, place: str) -> _Settings:
    """The one that is given, or else the other."""
    if len(given) > 1:
        raise ValueError(f"{place} must be one, or none for the recipe's, got {len(given)}")
    return given[0] if given else otherwise
