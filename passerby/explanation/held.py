"""A network whose lengths, attention weights and gates are held as they are, for its gradients.

Where a network brings a vector to length 1, the vector does not change when all that it was made
from grows, and its gradient along itself is zero: a map of gradients times values would show what
rounding left over. As in layer-wise relevance propagation (Ali et al. 2022, "XAI for Transformers:
Better Explanations through Conservative Propagation", eq. 7 and 8, for layer norms and attention),
what divides and what weighs counts as a number that is given: what is left is linear in the values
that are passed on, and their products with the gradient sum to the output, but for biases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from passerby.explanation.attention_weights import attention_weights


class Held(TorchFunctionMode):
    """While entered, outputs are the same and gradients go through values alone."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        # Nothing is held where there is no gradient: in front of the last maps.
        held = _HELD.get(func, func) if torch.is_grad_enabled() else func
        return held(*args, **(kwargs or {}))


def _normalize(
    vectors: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: None = None
) -> Tensor:
    del out
    return vectors / vectors.detach().norm(p, dim, keepdim=True).clamp(min=eps)


def _layer_norm(
    vectors: Tensor,
    normalized_shape: tuple[int, ...],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    axes = tuple(range(-len(normalized_shape), 0))
    variance = vectors.detach().var(axes, correction=0, keepdim=True)
    scaled = (vectors - vectors.mean(axes, keepdim=True)) / (variance + eps).sqrt()
    scaled = scaled if weight is None else scaled * weight
    return scaled if bias is None else scaled + bias


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    del dropout_p
    weights = attention_weights(query, key, attn_mask, is_causal=is_causal, scale=scale)
    return weights.detach() @ value


def _softmax(
    vectors: Tensor, dim: int, dtype: torch.dtype | None = None, _stacklevel: int = 3
) -> Tensor:
    return vectors.detach().softmax(dim, dtype)


def _gelu(vectors: Tensor, approximate: str = "none") -> Tensor:
    gate = F.gelu(vectors.detach(), approximate=approximate) / vectors.detach()
    return vectors * torch.where(vectors == 0, 0.5, gate)


def _sigmoid(vectors: Tensor) -> Tensor:
    return vectors.detach().sigmoid()


_HELD: Mapping[Callable[..., Any], Callable[..., Any]] = {
    F.normalize: _normalize,
    F.layer_norm: _layer_norm,
    F.scaled_dot_product_attention: _attention,
    F.gelu: _gelu,
    Tensor.sigmoid: _sigmoid,
    torch.sigmoid: _sigmoid,
    Tensor.softmax: _softmax,
    torch.softmax: _softmax,
    F.softmax: _softmax,
}
