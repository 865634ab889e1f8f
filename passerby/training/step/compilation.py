"""What stands for the network in a step: itself, its compiled form, or joint batch norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import nn

from passerby.config import Computation
from passerby.models.features import Features
from passerby.models.system import System


def network_for(
    model: System, how: Computation, device: torch.device
) -> tuple[Callable[..., Features], str]:
    """The model, or its compiled form where asked for, and a remark when that does not work here.

    The model keeps its parameters' names: what is compiled stands beside it. Raises ValueError for
    choices that do not go together.
    """
    if not how.compile:
        return model, ""
    if how.recompute:
        raise ValueError(
            "computation.compile and computation.recompute do not go together: the compiler "
            "decides itself what is computed again; choose one"
        )
    try:
        # A small trial: what is missing shows only when something is compiled.
        torch.compile(_trial)(torch.ones(8, device=device))
    except Exception as error:  # compilers and backends fail with errors of their own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return model, (
            f"computation.compile is left out: torch.compile does not work here ({reason[:200]}); "
            "it needs a C++ compiler for CPUs and Triton for GPUs"
        )
    return torch.compile(model), ""


def with_joint_statistics(model: System, device: torch.device) -> System:
    """The model with batch norms over all processes.

    Written for GPUs and not run on any so far. Raises ValueError on another device.
    """
    if device.type != "cuda":
        raise ValueError(
            "computation.sync_batch_norm needs GPUs, which torch's SyncBatchNorm is written for; "
            f"on {device.type} set it to false"
        )
    return cast(System, nn.SyncBatchNorm.convert_sync_batchnorm(model))


def _trial(numbers: torch.Tensor) -> torch.Tensor:
    return (numbers * 2 + 1).relu()
