"""Precision of a step: autocast for the network, a scaled loss where float16 needs one."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor

Name = Literal["auto", "float32", "bfloat16", "float16"]


class Precision:
    """What the network computes in; its weights, the losses and the optimizer stay in float32.

    Small gradients vanish in float16: the loss is multiplied by a factor that grows until a
    gradient overflows; the step of an overflow is left out and the factor halved (Micikevicius et
    al. 2018, "Mixed precision training", sec. 3.2). bfloat16 has the range of float32.
    """

    def __init__(self, name: Name, device: torch.device) -> None:
        self.dtype = _dtype(name, device)
        self._device = device.type
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)

    @property
    def scales(self) -> bool:
        """Whether the loss is scaled, so that gradients may overflow."""
        return self._scaler.is_enabled()

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of a forward pass."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self._device, self.dtype)

    def scaled(self, loss: Tensor) -> Tensor:
        """The loss to start the backward pass from."""
        return self._scaler.scale(loss)

    def update(self, *optimizers: torch.optim.Optimizer) -> None:
        """A step of each optimizer whose parameters have gradients, none of them overflown."""
        for optimizer in optimizers:
            groups = optimizer.param_groups
            if any(p.grad is not None for group in groups for p in group["params"]):
                self._scaler.step(optimizer)
        self._scaler.update()

    def state(self) -> dict[str, Any]:
        """The factor and its history; empty without one."""
        return self._scaler.state_dict()

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned."""
        if state:
            self._scaler.load_state_dict(state)


def float32_at_least(tensor: Tensor) -> Tensor:
    """Half precision as float32, anything else as it is."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def _dtype(name: Name, device: torch.device) -> torch.dtype:
    if name != "auto":
        kinds = {
            "float32": torch.float32,
            "bfloat16": torch.bfloat16,
            "float16": torch.float16,
        }
        return kinds[name]
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float16
