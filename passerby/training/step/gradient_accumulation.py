"""Accumulation: a batch goes through the network in parts, and the losses see all of it.

Summing the gradients of the parts' own losses would be another objective: hard examples and pairs
across parts would be missing. Instead (Gao et al. 2021, "Scaling deep contrastive learning batch
size under memory limited setup", sec. 3) the parts pass without a graph; the loss of the joint
features gives a gradient to each; and the parts pass again, one graph at a time, to carry it back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from passerby.data.batch import Batch
from passerby.models.features import Features

Forward = Callable[[Tensor, Tensor], Features]


@dataclass(frozen=True, eq=False)
class JointPass:
    """features: of the whole batch; backward: from a loss of them to the network's gradients."""

    features: Features
    backward: Callable[[Tensor], None]


def whole(forward: Forward, batch: Batch) -> JointPass:
    """The batch at once, as ever."""
    return JointPass(forward(batch.images, batch.cameras), torch.Tensor.backward)


def in_parts(
    forward: Forward,
    batch: Batch,
    parts: int,
    again: Callable[[], AbstractContextManager[None]],
) -> JointPass:
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
    return JointPass(mapped(once[0], lambda _: next(rest)), backward)


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
    return Features(change(features.embedding), parts)


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
