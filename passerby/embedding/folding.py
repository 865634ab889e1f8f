"""Batch norms folded into the layers before them: the same function in less time.

In evaluation a batch norm is y = x · s + t by fixed numbers of each channel (Ioffe & Szegedy 2015),
which a layer before it takes into its weights: W' = s · W, b' = s · b + t. Where this holds is not
guessed from names: one image goes through the network, and what becomes of each result is recorded.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from passerby.models.system import System

Layer = nn.Conv2d | nn.Linear
Norm = nn.BatchNorm1d | nn.BatchNorm2d

_FACTS = (int, bool, str, torch.Size, torch.dtype, torch.device, torch.layout, type(None))


@torch.inference_mode()
def fold_batch_norms(network: System, images: Tensor) -> int:
    """Fold in place what can be folded; how many batch norms that were.

    A batch norm is folded when its layer's results go into it and nowhere else, in every call, and
    are no results of the network themselves. images [B, 3, H, W]: any, of a size that it takes.
    """
    record = _Record()
    with record, record.hooks(network):
        results = network(images)
    returned = {id(tensor) for tensor in _tensors(results)}
    pairs = [*record.pairs(returned)]
    for layer, norm in pairs:
        _fold(layer, norm)
    folded = {norm for _, norm in pairs}
    for parent in [*network.modules()]:
        for name, child in [*parent.named_children()]:
            if child in folded:
                setattr(parent, name, nn.Identity())
    return len(folded)


class _Record(TorchFunctionMode):
    """Which results of layers go where."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: Counter[int] = Counter()
        self.kept: list[object] = []  # alive, so that no other tensor gets the same id
        self.layer_of: dict[int, Layer] = {}
        self.norms: list[tuple[int, Norm]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not isinstance(result, _FACTS):  # a shape that is looked at is no use
            self.uses.update({id(tensor) for tensor in _tensors((args, kwargs))})
            self.kept.append((args, kwargs, result))
        return result

    @contextmanager
    def hooks(self, network: nn.Module) -> Iterator[None]:
        handles = [
            module.register_forward_hook(self._layer)
            for module in network.modules()
            if isinstance(module, Layer)
        ]
        handles += [
            module.register_forward_hook(self._norm)
            for module in network.modules()
            if isinstance(module, Norm)
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _layer(self, module: nn.Module, inputs: Any, result: Tensor) -> None:
        assert isinstance(module, Layer)
        self.layer_of[id(result)] = module

    def _norm(self, module: nn.Module, inputs: tuple[Tensor], result: Tensor) -> None:
        assert isinstance(module, Norm)
        self.norms.append((id(inputs[0]), module))

    def pairs(self, returned: set[int]) -> Iterator[tuple[Layer, Norm]]:
        """Each layer with the batch norm that all its results go into, and that takes no others."""
        sources: dict[Norm, set[Layer | None]] = defaultdict(set)
        goals: dict[Layer, set[Norm]] = defaultdict(set)
        for result, norm in self.norms:
            layer = self.layer_of.get(result)
            alone = self.uses[result] == 1 and result not in returned
            sources[norm].add(layer if alone else None)
            if layer is not None:
                goals[layer].add(norm)
        into_norms = {result for result, _ in self.norms}
        elsewhere = {one for result, one in self.layer_of.items() if result not in into_norms}
        for norm, layers in sources.items():
            layer = next(iter(layers))
            if len(layers) != 1 or layer is None or layer in elsewhere:
                continue
            if goals[layer] == {norm} and norm.running_mean is not None:
                yield layer, norm


def _fold(layer: Layer, norm: Norm) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = norm.running_mean.double(), norm.running_var.double()
    scale = (variance + norm.eps).rsqrt()
    scale = scale if norm.weight is None else scale * norm.weight.double()
    shift = -mean * scale if norm.bias is None else norm.bias.double() - mean * scale
    bias = shift if layer.bias is None else shift + layer.bias.double() * scale
    weight = layer.weight.double() * scale.view(-1, *[1] * (layer.weight.ndim - 1))
    kept = layer.weight
    layer.weight = nn.Parameter(weight.to(kept.dtype), requires_grad=False)
    layer.bias = nn.Parameter(bias.to(kept.dtype), requires_grad=False)


def _tensors(value: object) -> Iterator[Tensor]:
    """All tensors in sequences, mappings and dataclasses."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from _tensors([*value.values()])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _tensors([getattr(value, field.name) for field in fields(value)])
