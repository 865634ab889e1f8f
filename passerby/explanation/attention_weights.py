"""The weights of any attention that goes through torch's ``scaled_dot_product_attention``.

Networks of our own, CLIP's and timm's all call it, and none keeps its weights: they are computed a
second time from what it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


def attention_weights(
    query: Tensor,
    key: Tensor,
    mask: Tensor | None = None,
    *,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """How much each query [..., L, D] takes of each key [..., S, D]: [..., L, S], rows sum to 1.

    mask: what may be looked at (true), or what is added before the softmax. Raises ValueError for
    causal attention, which no network of images has.
    """
    if is_causal:
        raise ValueError("weights of causal attention are not computed: images have no order")
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, -torch.inf)
    elif mask is not None:
        scores = scores + mask
    return scores.softmax(dim=-1)


class WatchedAttention(TorchFunctionMode):
    """While entered, ``weights`` gathers the mean over heads [B, ..., L, S] of each attention."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is F.scaled_dot_product_attention:
            self.weights.append(_mean_over_heads(*args, **(kwargs or {})))
        return func(*args, **(kwargs or {}))


def _mean_over_heads(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Arguments as torch names them; the weights leave values and dropout out."""
    del value, dropout_p
    weights = attention_weights(query, key, attn_mask, is_causal=is_causal, scale=scale)
    return weights.mean(dim=-3)
