"""The objective: the losses of a recipe, weighted, and which of them count in which phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from passerby.calls import Call
from passerby.config import LossTerm, term_names
from passerby.data.batch import Batch
from passerby.losses import Loss
from passerby.models.features import Features
from passerby.registry import LOSSES


class Objective(nn.Module):
    """The losses of all phases, so that parameters of their own live as long as the run.

    terms: of all phases; equal calls on the same parts are one loss. features: of any image, by
    whose sizes losses are made. Parameters are named ``losses.NAME.*``.
    """

    def __init__(self, terms: Sequence[LossTerm], features: Features) -> None:
        super().__init__()
        self.losses = nn.ModuleDict()
        self._keys: dict[tuple[str, str], str] = {}
        self._terms: dict[str, LossTerm] = {}
        for call, parts in dict.fromkeys((term.loss, term.parts) for term in terms):
            key = _free_key(Call.parse(call).name, self.losses)
            loss: Loss = LOSSES.build(call)
            loss.prepare(features.only(parts), _persons(features))
            self._keys[call, parts], self.losses[key] = key, loss

    def enter(self, terms: Sequence[LossTerm]) -> None:
        """From now on these terms count."""
        self._terms = dict(zip(term_names(terms), terms, strict=True))

    def active(self) -> list[tuple[LossTerm, nn.Module]]:
        """The terms that count, each with its loss."""
        return [(term, self._loss(term)) for term in self._terms.values()]

    def forward(self, features: Features, batch: Batch) -> dict[str, Tensor]:
        """Each term by its name, unweighted."""
        values = {
            name: self._loss(term)(features.only(term.parts), batch)
            for name, term in self._terms.items()
        }
        for name, value in values.items():
            if not isinstance(value, Tensor) or value.dim():
                found = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
                raise ValueError(f"the loss {name} must return a scalar tensor, got {found}")
        return values

    def total(self, values: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum."""
        return torch.stack([self._terms[name].weight * v for name, v in values.items()]).sum()

    def _loss(self, term: LossTerm) -> nn.Module:
        return self.losses[self._keys[term.loss, term.parts]]


def _free_key(name: str, taken: nn.ModuleDict) -> str:
    """A loss's name; with a number where another phase has it with other options."""
    keys = [name, *(f"{name}_{number}" for number in range(2, len(taken) + 2))]
    return next(key for key in keys if key not in taken)


def _persons(features: Features) -> int:
    """The number of classes, of the first part that has a classifier."""
    return next((p.similarities.shape[1] for p in features.parts if p.similarities is not None), 0)
