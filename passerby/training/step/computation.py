"""Precision, torch.compile, activation checkpointing, gradient accumulation.

How a step is computed, as `config.Computation` chooses: it changes time and memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from passerby.config import Computation
from passerby.data.batch import Batch
from passerby.models.features import Features
from passerby.models.system import System


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """features: of the whole batch; backward: from a loss of them to the network's gradients."""

    features: Features
    backward: Callable[[Tensor], None]


class Forward:
    """A network's forward pass, computed as a recipe asks.

    Raises ValueError for choices that do not go together, or not with this network.
    """

    def __init__(self, model: System, how: Computation, device: torch.device) -> None:
        self._model, self._parts = model, how.accumulate
        self.precision = Precision(how.precision, device)
        self._stages = stages_of(model) if how.recompute else []
        self._compiled = compiled(model, how, device)
        self.remark = self._compiled.remark

    def __call__(self, batch: Batch) -> ForwardPass:
        """The features of normalised images, at least in float32 for the losses."""
        if self._parts == 1:
            return ForwardPass(self._features(batch.images, batch.cameras), torch.Tensor.backward)
        again = partial(statistics_kept, self._model)
        return in_parts(self._features, batch, self._parts, again)

    def _features(self, images: Tensor, cameras: Tensor) -> Features:
        with self.precision.autocast(), recomputed(self._stages):
            features = self._compiled.network(images, cameras)
        return mapped(features, _float32_at_least)


# Precision ----------------------------------------------------------------------------------------


class Precision:
    """What the network computes in; its weights, the losses and the optimizer stay in float32.

    Small gradients vanish in float16: the loss is multiplied by a factor that grows until a
    gradient overflows; the step of an overflow is left out and the factor halved (Micikevicius et
    al. 2018, "Mixed precision training", sec. 3.2). bfloat16 has the range of float32.
    """

    def __init__(self, name: str, device: torch.device) -> None:
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


def _float32_at_least(tensor: Tensor) -> Tensor:
    """Half precision as float32, anything else as it is."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name != "auto":
        dtype: torch.dtype = getattr(torch, name)
        return dtype
    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float16


# The network: compiled, or with joint batch norms -------------------------------------------------


@dataclass(frozen=True)
class Compiled:
    """network: what a step calls, with the model's parameters; remark: why it is not compiled."""

    network: Callable[..., Features]
    remark: str = ""


def compiled(model: System, how: Computation, device: torch.device) -> Compiled:
    """The model, or its compiled form where asked for and where that works.

    Raises ValueError for choices that do not go together.
    """
    if not how.compile:
        return Compiled(model)
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
        return Compiled(
            model,
            f"computation.compile is left out: torch.compile does not work here ({reason[:200]}); "
            "it needs a C++ compiler for CPUs and Triton for GPUs",
        )
    return Compiled(torch.compile(model))


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


# Activation checkpointing -------------------------------------------------------------------------


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


# Gradient accumulation ----------------------------------------------------------------------------
#
# Summing the gradients of the parts' own losses would be another objective: hard examples and pairs
# across parts would be missing. Instead (Gao et al. 2021, "Scaling deep contrastive learning batch
# size under memory limited setup", sec. 3) the parts pass without a graph; the loss of the joint
# features gives a gradient to each; and the parts pass again, one graph at a time, to take it back.


def in_parts(
    forward: Callable[[Tensor, Tensor], Features],
    batch: Batch,
    parts: int,
    again: Callable[[], AbstractContextManager[None]],
) -> ForwardPass:
    """The batch in parts; ``again`` is the context of their second pass.

    Batch norm takes its statistics from each part. The second pass draws the same random numbers
    as the first. Raises ValueError when a part would hold fewer than two images.
    """
    if len(batch.images) < 2 * parts:
        raise ValueError(
            f"computation.accumulate={parts} leaves fewer than two images a part of a batch of "
            f"{len(batch.images)}: set it to {max(len(batch.images) // 2, 1)} or less"
        )
    rows = torch.arange(len(batch.images)).tensor_split(parts)
    slices = [slice(int(some[0]), int(some[-1]) + 1) for some in rows]
    randoms, once = [], []
    with torch.no_grad():
        for part in slices:
            randoms.append(_random_state(batch.images.device))
            once.append(forward(batch.images[part], batch.cameras[part]))
    columns = zip(*(tensors_of(features) for features in once), strict=True)
    joint = [torch.cat(column).requires_grad_() for column in columns]

    def backward(loss: Tensor) -> None:
        loss.backward()
        with torch.random.fork_rng(_cuda(batch.images.device)), again():
            for part, random in zip(slices, randoms, strict=True):
                _set_random_state(random, batch.images.device)
                own = tensors_of(forward(batch.images[part], batch.cameras[part]))
                pairs = [
                    (tensor, whole.grad[part])
                    for tensor, whole in zip(own, joint, strict=True)
                    if whole.grad is not None and tensor.requires_grad
                ]
                torch.autograd.backward(
                    [tensor for tensor, _ in pairs], [gradient for _, gradient in pairs]
                )

    rest = iter(joint)
    return ForwardPass(mapped(once[0], lambda _: next(rest)), backward)


def mapped(features: Features, change: Callable[[Tensor], Tensor]) -> Features:
    """The features with every tensor [B, ...] changed."""
    parts = tuple(
        replace(
            part,
            before_neck=change(part.before_neck),
            after_neck=change(part.after_neck),
            similarities=None if part.similarities is None else change(part.similarities),
            local=None if part.local is None else change(part.local),
        )
        for part in features.parts
    )
    maps = None if features.maps is None else change(features.maps)
    return Features(change(features.embedding), parts, maps)


def tensors_of(features: Features) -> list[Tensor]:
    """Every tensor of the features, in the order of `mapped`."""
    tensors: list[Tensor] = []

    def noted(tensor: Tensor) -> Tensor:
        tensors.append(tensor)
        return tensor

    mapped(features, noted)
    return tensors


def _cuda(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []


def _random_state(device: torch.device) -> tuple[Tensor, ...]:
    """Of the CPU and, where that is another, of the device."""
    return (torch.get_rng_state(), *(torch.cuda.get_rng_state(one) for one in _cuda(device)))


def _set_random_state(state: tuple[Tensor, ...], device: torch.device) -> None:
    torch.set_rng_state(state[0])
    for part, one in zip(state[1:], _cuda(device), strict=True):
        torch.cuda.set_rng_state(part, one)
