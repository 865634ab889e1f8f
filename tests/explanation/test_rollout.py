"""Roll-out against explicit products, layer by layer, of attention computed by hand; of Swin,
against what each patch would bring to the last maps on its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from passerby.config import Network
from passerby.explanation.attention_weights import WatchedAttention
from passerby.explanation.rollout import rolled_out, rollout
from passerby.models.system import build_model
from passerby.models.systems.transreid import Transreid
from passerby.models.transformers.tokens import Tokens, read_patches
from tests.explanation.networks import Known, noise, small_transreid


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
    layers = [*network.blocks, network.whole[0]]
    for layer, tokens in zip(layers, tokens_into(network, images), strict=True):
        attention = layer.attn
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
    assert found is not None
    assert found.shape == (1, 4, 2)
    np.testing.assert_allclose(found[0].flatten(), product[0, 1:], atol=1e-5)
    assert np.ptp(product[0, 1:]) > 1e-3  # not even


@torch.inference_mode()
def followed(weights: list[Tensor], readers: Tensor) -> Tensor:
    """The whole product of (A + I) / 2 over the layers, and the readers' rows of it."""
    product = torch.eye(len(readers))
    for layer in weights:
        product = (layer[0] + torch.eye(len(readers))) / 2 @ product
    return readers @ product


@pytest.mark.parametrize(
    ("call", "readers"),
    [
        ("part_tokens(variant=tiny, depth=3, height=64, width=32)", [1 / 2, 1 / 6, 1 / 6, 1 / 6]),
        ("clip_reid(depth=2, height=64, width=32)", [1.0]),
    ],
)
def test_each_familys_embedding_is_followed_from_the_tokens_that_it_is_made_of(
    call: str, readers: list[float]
) -> None:
    torch.manual_seed(0)
    network = build_model(Network(system=call, start="none"), persons=0).eval()
    images = noise(1)
    with torch.inference_mode(), WatchedAttention() as watched:
        network(images)
    expected = followed(watched.weights, torch.tensor([*readers, *[0.0] * 8]))
    found = rollout(network, images)
    assert found is not None
    torch.testing.assert_close(found.flatten(), expected[len(readers) :])
    assert 0.1 < float(found.sum()) < 1


@pytest.mark.parametrize(
    ("tokens", "ahead", "each"),
    [("patches", 0.0, 1 / 8), ("class_token", 1.0, 0.0), ("class_and_mean", 0.5, 1 / 16)],
)
def test_timms_are_followed_from_what_the_recipe_takes_of_them(
    tokens: str, ahead: float, each: float
) -> None:
    pytest.importorskip("timm", reason="timm is not installed")
    torch.manual_seed(0)
    call = f"timm(name=vit_tiny_patch16_224, tokens={tokens}, height=64, width=32)"
    network = build_model(Network(backbone=call, start="none"), persons=0).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=0.1)
    images = noise(1)
    with torch.inference_mode(), WatchedAttention() as watched:
        network(images)
    expected = followed(watched.weights, torch.tensor([ahead, *[each] * 8]))
    found = rollout(network, images)
    assert found is not None
    torch.testing.assert_close(found.flatten(), expected[1:])
    assert float(found.max() / found.min()) > 1.01


def test_the_shares_of_all_tokens_sum_to_one() -> None:
    layers = [torch.rand(2, 5, 5).softmax(dim=-1) for _ in range(4)]
    readers = torch.tensor([[0.5, 0.5, 0, 0, 0]]).expand(2, -1)
    found = rolled_out(layers, readers)
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(2))
    torch.testing.assert_close(found[0], followed([one[:1] for one in layers], readers[0]))


def test_a_patch_that_alone_is_attended_to_has_it_all() -> None:
    layer = torch.zeros(1, 4, 4)
    layer[:, :, 2] = 1  # all look at token 2
    found = rolled_out([layer], torch.tensor([[1.0, 0, 0, 0]]))
    assert found[0].tolist() == [0.5, 0, 0.5, 0]


@pytest.mark.parametrize("size", [(64, 32), (96, 48)])
def test_other_sizes_have_their_own_grid(size: tuple[int, int]) -> None:
    found = rollout(small_transreid(), noise(2, *size))
    assert found is not None
    assert found.shape == (2, size[0] // 16, size[1] // 16)


def test_a_network_without_tokens_has_none() -> None:
    assert rollout(Known((1, 1, 1, 0)), noise(1)) is None


def test_tokens_that_nothing_attends_to_by_torchs_attention_have_none() -> None:
    class Silent(Known):
        def patch_tokens(self, images: Tensor) -> Tokens:
            return read_patches((8, 4), 0)

    assert rollout(Silent((1, 1, 1, 0)), noise(1)) is None


def window_of(place: int, length: int, shifted: bool) -> int:
    """Which window a row (or column) of maps is in; a shift by three goes round the end."""
    whole = -(-length // 7) * 7
    return (place - 3 * shifted) % whole // 7 if shifted else place // 7


def test_swin_is_followed_through_its_windows() -> None:
    """Each patch's share by hand: one at the patch, mixed block by block, position by position."""
    torch.manual_seed(0)
    network = build_model(Network(backbone="swin(variant=micro)", start="none"), persons=0).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.normal_(module.weight, std=0.1)
    images = noise(1)
    with torch.inference_mode(), WatchedAttention() as watched:
        network(images)
    found = rollout(network, images)
    assert found is not None
    assert found.shape == (1, 16, 8)
    sizes = [(16, 8)] * 2 + [(8, 4)] * 2 + [(4, 2)] * 2 + [(2, 1)] * 2
    for patch in ((0, 0), (9, 5), (15, 7)):
        brought = np.zeros((16, 8))
        brought[patch] = 1
        for number, (size, weights) in enumerate(zip(sizes, watched.weights, strict=True)):
            if brought.shape != size:
                brought = brought.reshape(size[0], 2, size[1], 2).mean(axis=(1, 3))
            brought = mixed(brought, weights[0].numpy(), shifted=number % 2 == 1)
        assert float(found[0][patch]) == pytest.approx(brought.mean(), rel=1e-4)
    assert float(found.max() / found.min()) > 1.5


def mixed(maps: np.ndarray, weights: np.ndarray, *, shifted: bool) -> np.ndarray:
    """Half of each position, and half of what its window attends to [windows, 49, 49]."""
    rows, columns = maps.shape
    wide = -(-columns // 7)
    result = maps / 2
    for y, x in np.ndindex(rows, columns):
        for other_y, other_x in np.ndindex(rows, columns):
            window, place = [], []
            for a, b in ((y, x), (other_y, other_x)):
                down, across = window_of(a, rows, shifted), window_of(b, columns, shifted)
                window.append(down * wide + across)
                place.append((a - 3 * shifted) % 7 * 7 + (b - 3 * shifted) % 7)
            if window[0] == window[1]:
                share = weights[window[0], place[0], place[1]]
                result[y, x] += share * maps[other_y, other_x] / 2
    return result
