"""Roll-out against explicit products, layer by layer, of attention computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from passerby.explanation.rollout import rolled_out, rollout
from passerby.models.systems.transreid import Transreid
from tests.explanation.networks import noise, small_transreid


def tokens_into(network: Transreid, images: Tensor) -> list[np.ndarray]:
    """What goes into each layer [N, width], of one image."""
    seen: list[np.ndarray] = []
    layers = [*network.blocks, network.whole[0]]
    handles = [
        layer.register_forward_hook(lambda m, given, out: seen.append(given[0][0].numpy()))
        for layer in layers
    ]
    with torch.inference_mode():
        network(images)
    for handle in handles:
        handle.remove()
    return seen


def test_it_is_the_product_of_half_attention_and_half_identity() -> None:
    network, images = small_transreid(), noise(1)
    product = None
    for attention, tokens in zip(
        network.self_attentions(), tokens_into(network, images), strict=True
    ):
        layer = next(one for one in network.modules() if getattr(one, "attn", 0) is attention)
        mean, variance = tokens.mean(1, keepdims=True), tokens.var(1, keepdims=True)
        norm = layer.norm1
        normed = (tokens - mean) / np.sqrt(variance + 1e-6) * norm.weight.numpy()
        normed += norm.bias.numpy()
        queries, keys, _ = np.split(
            normed @ attention.qkv.weight.numpy().T + attention.qkv.bias.numpy(), 3, axis=1
        )
        heads = []
        for head in range(attention.heads):
            own = slice(64 * head, 64 * (head + 1))
            scores = np.exp(queries[:, own] @ keys[:, own].T / np.sqrt(64))
            heads.append(scores / scores.sum(1, keepdims=True))
        half = (np.mean(heads, axis=0) + np.eye(len(tokens))) / 2
        product = half if product is None else half @ product
    assert product is not None
    found = rollout(network, images)
    assert found.shape == (1, 4, 2)
    np.testing.assert_allclose(found[0].flatten(), product[0, 1:], atol=1e-5)
    assert np.ptp(product[0, 1:]) > 1e-3  # not even


def test_weights_are_those_that_the_forward_uses() -> None:
    network = small_transreid()
    attention = network.self_attentions()[1]
    tokens = torch.randn(2, 9, 192)
    value = attention.qkv(tokens).view(2, 9, 3, attention.heads, 64).permute(2, 0, 3, 1, 4)[2]
    mixed = (attention.weights(tokens) @ value).transpose(1, 2).reshape(2, 9, 192)
    torch.testing.assert_close(attention.proj(mixed), attention(tokens), atol=1e-4, rtol=1e-4)


def test_the_shares_of_all_tokens_sum_to_one() -> None:
    layers = [torch.rand(2, 5, 5).softmax(dim=-1) for _ in range(4)]
    torch.testing.assert_close(rolled_out(layers).sum(dim=-1), torch.ones(2, 5))


def test_a_patch_that_alone_is_attended_to_has_it_all() -> None:
    layer = torch.zeros(1, 4, 4)
    layer[:, :, 2] = 1  # all look at token 2
    found = rolled_out([layer])
    assert found[0, 0].tolist() == [0.5, 0, 0.5, 0]


@pytest.mark.parametrize("size", [(64, 32), (96, 48)])
def test_other_sizes_have_their_own_grid(size: tuple[int, int]) -> None:
    assert rollout(small_transreid(), noise(2, *size)).shape == (2, size[0] // 16, size[1] // 16)
