"""Recomputation: a stage keeps its input alone and is computed again in the backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def stages_of(network: nn.Module) -> list[nn.Module]:
    """The outermost sequences of modules: layer1 … layer4 of a ResNet.

    Raises ValueError when a network has none.
    """
    found: list[nn.Module] = []
    waiting = [network]
    while waiting:
        for module in waiting.pop().children():
            (found if isinstance(module, nn.Sequential) else waiting).append(module)
    if not found:
        raise ValueError(
            f"{type(network).__name__} has no stages (nn.Sequential) to compute again: "
            "set computation.recompute=false, or computation.accumulate to save memory"
        )
    return found


@contextmanager
def recomputed(stages: list[nn.Module]) -> Iterator[None]:
    """Within it, a forward pass keeps what enters the stages and nothing of their inside.

    The backward pass computes them again with the same random numbers, and without counting the
    batch a second time in the running statistics of batch norm (Chen et al. 2016, "Training deep
    nets with sublinear memory cost").
    """
    for stage in stages:
        contexts = partial(_contexts, stage)
        stage.forward = partial(checkpoint, stage.forward, use_reentrant=False, context_fn=contexts)
    try:
        yield
    finally:
        for stage in stages:
            del stage.forward  # its class's again


@contextmanager
def statistics_kept(module: nn.Module) -> Iterator[None]:
    """Within it, batch norms that train use their batch's statistics and do not remember them."""
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm)]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        # New statistics have no weight. Without the buffers batch norm would keep other tensors
        # for its backward pass than it did at first, which recomputation refuses.
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count


def _contexts(stage: nn.Module) -> tuple[nullcontext[None], object]:
    """Of the first time and of the second."""
    return nullcontext(), statistics_kept(stage)
