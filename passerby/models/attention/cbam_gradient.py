"""CBAM's gates on maps, and their gradient, in few passes over the maps.

The gates are small and the maps are large: what the module costs is how often the maps are read and
written. Here they are worked on a few images at a time, which stay in the processor's cache, and
nothing is kept for the backward pass but the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.autograd.graph import saved_tensors_hooks

Gate = Callable[[Tensor], Tensor]

# Numbers of a block of maps. Of 2¹⁶ to 2²¹, 2¹⁸ (1 MB in float32) was the fastest.
_BLOCK = 1 << 18


class Gated(torch.autograd.Function):
    """`Cbam.attended` and its gradient, block by block.

    The gated maps x · g are computed again wherever they are needed. Every sum is taken in the
    order in which autograd takes it for the plain form: with a gradient in the maps' layout,
    results are equal bit for bit.
    """

    @staticmethod
    def forward(
        ctx: Any,
        maps: Tensor,
        channel_gate: Gate,
        position_gate: Gate,
        *parameters: nn.Parameter,
    ) -> Tensor:
        batch, channels, height, width = maps.shape
        pooled = maps.new_empty(2, batch, channels, 1, 1)
        for block in _blocks(maps):
            pooled[0, block] = maps[block].mean(dim=(2, 3), keepdim=True)
            pooled[1, block] = maps[block].amax(dim=(2, 3), keepdim=True)
        by_channel = _GateGraph(channel_gate, pooled)
        pooled = maps.new_empty(batch, 2, height, width)
        for block, gated in _products(maps, by_channel.gate):
            pooled[block, :1] = gated.mean(1, keepdim=True)
            pooled[block, 1:] = gated.amax(1, keepdim=True)
        by_position = _GateGraph(position_gate, pooled)
        attended = torch.empty_like(maps)
        for block, gated in _products(maps, by_channel.gate):
            torch.mul(gated, by_position.gate[block], out=attended[block])
        ctx.save_for_backward(maps)
        ctx.gates = by_channel, by_position, parameters
        return attended

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (maps,) = ctx.saved_tensors
        by_channel, by_position, parameters = ctx.gates
        of_gate = torch.empty_like(by_position.gate)
        for block, gated in _products(maps, by_channel.gate):
            of_gate[block] = gated.mul_(gradient[block]).sum(1, keepdim=True)
        of_pooled, late = by_position.gradients(of_gate, parameters)

        of_gate, of_maps = torch.empty_like(by_channel.gate), torch.empty_like(maps)
        for block, gated in _products(maps, by_channel.gate):
            part = gradient[block] * by_position.gate[block]
            highest = gated.eq_(by_position.pooled[block, 1:])
            _add_pooled(part, highest, of_pooled[block, :1], of_pooled[block, 1:], (1,))
            torch.mul(part, by_channel.gate[block], out=of_maps[block])
            of_gate[block] = part.mul_(maps[block]).sum(dim=(2, 3), keepdim=True)
        of_pooled, early = by_channel.gradients(of_gate, parameters)

        highest = torch.empty_like(maps[next(_blocks(maps))])
        for block in _blocks(maps):
            part = of_maps[block]
            highest = torch.eq(maps[block], by_channel.pooled[1, block], out=highest[: len(part)])
            _add_pooled(part, highest, of_pooled[0, block], of_pooled[1, block], (2, 3))
        pairs = zip(late, early, strict=True)  # a parameter belongs to one of the gates
        return of_maps, None, None, *(one if two is None else two for one, two in pairs)


class _GateGraph:
    """A gate of pooled maps, with the graph from one to the other."""

    def __init__(self, of: Gate, pooled: Tensor) -> None:
        # What this graph keeps is small, and is kept as it is: hooks that drop what is kept, and
        # compute it again when it is asked for, would have to do so for each graph apart.
        with torch.enable_grad(), saved_tensors_hooks(_itself, _itself):
            self._gate = of(pooled.requires_grad_())
        self.gate, self.pooled = self._gate.detach(), pooled.detach()
        self._source = pooled

    def gradients(
        self, of_gate: Tensor, parameters: Sequence[nn.Parameter]
    ) -> tuple[Tensor, list[Tensor | None]]:
        """The gradients of the pooled maps and of the parameters, None where there is none."""
        trained = [one for one in parameters if one.requires_grad]
        found = torch.autograd.grad(
            self._gate,
            [self._source, *trained],
            of_gate,
            retain_graph=True,  # the graph around it may be gone through again
            allow_unused=True,
        )
        rest = iter(found[1:])
        return found[0], [next(rest) if one.requires_grad else None for one in parameters]


def _add_pooled(
    part: Tensor, highest: Tensor, of_mean: Tensor, of_maximum: Tensor, over: tuple[int, ...]
) -> None:
    """Add to a gradient what comes through the maximum, shared where equal, and the mean."""
    count = highest.sum(over, keepdim=True)
    part.addcmul_(highest, of_maximum / count).add_(of_mean / (part.numel() // count.numel()))


def _blocks(maps: Tensor) -> Iterator[slice]:
    """Slices of a few images that stay in a CPU's cache; on other devices one of all."""
    step = max(_BLOCK // maps[0].numel(), 1) if maps.device.type == "cpu" else len(maps)
    for start in range(0, len(maps), step):
        yield slice(start, start + step)


def _products(maps: Tensor, gate: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """maps · gate of each block, in one buffer that may be overwritten."""
    buffer = torch.empty_like(maps[next(_blocks(maps))])
    for block in _blocks(maps):
        part = maps[block]
        yield block, torch.mul(part, gate[block], out=buffer[: len(part)])


def _itself(tensor: Tensor) -> Tensor:
    return tensor
