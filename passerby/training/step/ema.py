"""EMA and SWA: the mean of a network's weights over steps or epochs, in place of the last weights.

Exponential as in Polyak and Juditsky (1992) with forgetting (Tarvainen and Valpola 2017, "mean
teacher"); uniform over the last epochs as in Izmailov et al. (2018, SWA).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from passerby.config import Averaging
from passerby.models.system import System


class Average:
    """The mean so far, a second network in memory; none where the settings ask for none."""

    def __init__(self, model: System, settings: Averaging) -> None:
        self._settings = settings
        self._count = 0
        self._mean: System | None = None
        if settings.kind != "none":
            self._mean = copy.deepcopy(model).requires_grad_(False).eval()

    def result(self, model: System) -> System:
        """The network to validate, store and test: the mean, or the given one before there is."""
        return model if self._mean is None or self._count == 0 else self._mean

    def reset(self, model: System) -> None:
        """Forget: a phase has changed the network or what it learns."""
        self._count = 0
        if self._mean is not None:
            self._mean.load_state_dict(model.state_dict())

    def step(self, model: System) -> None:
        """After each update: mean ← d · mean + (1 − d) · weights, for the exponential kind.

        d = min(decay, (1 + n) / (10 + n)) at the n-th step: the weights at the beginning, which
        are drawn at random, are forgotten soon. Statistics of batch norm are averaged alike.
        """
        if self._settings.kind == "exponential":
            self._count += 1
            decay = min(self._settings.decay, (1 + self._count) / (10 + self._count))
            self._move(model, 1 - decay)

    def epoch(self, model: System, left: int) -> System | None:
        """After each epoch with so many left: the uniform mean over the last ``epochs``.

        Returns the mean if it was changed here: its batch norms then wait for
        `recalibrate_batch_norms`.
        """
        if self._settings.kind != "last" or left >= self._settings.epochs:
            return None
        self._count += 1
        self._move(model, 1 / self._count)
        return self._mean

    def state(self) -> dict[str, Any]:
        """All that a later `restore` needs."""
        mean = {} if self._mean is None else self._mean.state_dict()
        return {"count": self._count, "mean": mean}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned."""
        self._count = state["count"]
        if self._mean is not None:
            self._mean.load_state_dict(state["mean"])

    def _move(self, model: System, share: float) -> None:
        """Towards a network by a share of the way; counters are taken over."""
        assert self._mean is not None
        with torch.no_grad():
            means, states = self._mean.state_dict(), model.state_dict()
            for name, mean in means.items():
                if mean.is_floating_point():
                    mean.lerp_(states[name], share)
                else:
                    mean.copy_(states[name])


def recalibrate_batch_norms(
    model: System, batches: Iterable[Tensor], frozen: Iterable[torch.nn.Module]
) -> None:
    """Take batch norm's statistics anew from images [B, 3, H, W], as their uniform mean.

    A mean of weights has other activations than each of them (Izmailov et al. 2018, sec. 3.2).
    All else stays in evaluation mode. frozen: norms that keep what they have.
    """
    keep = set(frozen)
    norms = [m for m in model.modules() if isinstance(m, _NormBase) and m not in keep]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch: the cumulative mean
        norm.train()
    with torch.no_grad():
        for images in batches:
            model(images)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
