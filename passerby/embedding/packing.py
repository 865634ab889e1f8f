"""Convolutions whose weights lie as the CPU's kernels want them, once and not in every call.

PyTorch's own convolution brings its weights into oneDNN's layout in each call, and in one thread
computes 1×1 convolutions of fewer than 16 images as a plain matrix product.
What `torch.compile` freezes a network into is used here without the compiler: oneDNN's convolution
on packed weights. It gives the same numbers within rounding (see docs/results/inference.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

import torch
from torch import Tensor, nn

from passerby.models.system import System


@torch.inference_mode()
def pack_convolutions(network: System, images: Tensor) -> int:
    """Pack in place the float32 convolutions of a network on the CPU; how many that were.

    images [B, 3, H, W]: of the size and about the number that it will get, which the layout is
    chosen by; others are computed too. A convolution that this image does not reach stays.
    """
    shapes: dict[nn.Conv2d, list[int]] = {}
    convolutions = [one for one in network.modules() if _is_plain(one)]
    for one in convolutions:
        one._conv_forward = _watched(one, shapes)  # type: ignore[method-assign, assignment]
    network(images)
    for one in convolutions:
        del one._conv_forward
        if one in shapes:
            one._conv_forward = _packed(one, shapes[one])  # type: ignore[method-assign, assignment]
            one.weight = nn.Parameter(one.weight.new_empty(0), requires_grad=False)
    return len(shapes)


def can_pack() -> bool:
    """Whether this PyTorch has oneDNN, which its builds for some processors lack."""
    return torch.backends.mkldnn.is_available()


_Forward = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def _is_plain(module: nn.Module) -> TypeGuard[nn.Conv2d]:
    return (
        isinstance(module, nn.Conv2d)
        and module.padding_mode == "zeros"
        and not isinstance(module.padding, str)
        and module.weight.dtype == torch.float32
        and module.weight.device.type == "cpu"
    )


def _watched(layer: nn.Conv2d, shapes: dict[nn.Conv2d, list[int]]) -> _Forward:
    """The layer's own convolution, which notes the shape of what it gets, margins and all."""

    def forward(maps: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        shapes[layer] = list(maps.shape)
        return nn.Conv2d._conv_forward(layer, maps, weight, bias)

    return forward


def _packed(layer: nn.Conv2d, shape: list[int]) -> _Forward:
    how = [list(layer.padding), list(layer.stride), list(layer.dilation), layer.groups]
    weight = layer.weight.detach().to_mkldnn()
    weight = torch.ops.aten.mkldnn_reorder_conv2d_weight(weight, *how, shape)
    bias = layer.bias

    def forward(maps: Tensor, _weight: Tensor, _bias: Tensor | None) -> Tensor:
        made: Tensor = torch.ops.mkldnn._convolution_pointwise(
            maps, weight, bias, *how, "none", [], ""
        )
        return made

    return forward
