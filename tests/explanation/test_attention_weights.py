"""Weights of attention are those that torch's own attention uses."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from passerby.explanation.attention_weights import WatchedAttention, attention_weights

QUERY, KEY, VALUE = torch.randn(3, 2, 4, 5, 8, generator=torch.Generator().manual_seed(0))
ADDED = torch.randn(5, 5, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("mask", [None, ADDED, ADDED > -1])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_weights_times_values_are_what_torch_says(
    mask: torch.Tensor | None, scale: float | None
) -> None:
    weights = attention_weights(QUERY, KEY, mask, scale=scale)
    expected = F.scaled_dot_product_attention(QUERY, KEY, VALUE, attn_mask=mask, scale=scale)
    torch.testing.assert_close(weights @ VALUE, expected)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 4, 5))


def test_each_attention_is_gathered_as_the_mean_of_its_heads() -> None:
    with WatchedAttention() as watched:
        first = F.scaled_dot_product_attention(QUERY, KEY, VALUE)
        F.scaled_dot_product_attention(KEY, QUERY, VALUE, attn_mask=ADDED)
    torch.testing.assert_close(first, F.scaled_dot_product_attention(QUERY, KEY, VALUE))
    expected = (
        attention_weights(QUERY, KEY).mean(dim=1),
        attention_weights(KEY, QUERY, ADDED).mean(1),
    )
    torch.testing.assert_close(watched.weights, list(expected))


def test_causal_attention_is_refused() -> None:
    with pytest.raises(ValueError, match="images have no order"):
        attention_weights(QUERY, KEY, is_causal=True)
