"""IANet's modules against loops over positions and channels."""

import math

import pytest
import torch

from passerby.config import Network
from passerby.models.system import build_model
from passerby.models.systems.ianet import (
    InteractionAggregation,
    channels_aggregated,
    place_weights,
    spatially_aggregated,
)


def softmax(values):
    largest = max(values)
    exponentials = [math.exp(value - largest) for value in values]
    total = sum(exponentials)
    return [value / total for value in exponentials]


@pytest.fixture
def maps_of():
    torch.manual_seed(5)
    return lambda *shape: torch.randn(*shape, dtype=torch.float64)


def slow_places(height, width, sigma_y, sigma_x):
    """For each place the softmax of minus its squared distances in units of two variances."""
    places = [(y, x) for y in range(height) for x in range(width)]
    return [
        softmax(
            [
                -((y - v) ** 2) / (2 * sigma_y**2) - (x - u) ** 2 / (2 * sigma_x**2)
                for v, u in places
            ]
        )
        for y, x in places
    ]


def test_places_of_the_authors_sizes():
    """σ 20 × 10 on 32 × 16 positions, as in their code."""
    expected = torch.tensor(slow_places(32, 16, 20, 10))
    torch.testing.assert_close(place_weights(32, 16, 0.625), expected, rtol=1e-5, atol=1e-8)


def test_spatial_module_against_loops(maps_of):
    maps = maps_of(1, 3, 4, 2)
    vectors = maps[0].flatten(1).T.tolist()
    near = slow_places(4, 2, 2.0, 1.0)
    expected = []
    for anchor, places in zip(vectors, near, strict=True):
        products = [sum(a * b for a, b in zip(anchor, other, strict=True)) for other in vectors]
        alike = softmax([product / math.sqrt(3) for product in products])
        weights = softmax([a * b for a, b in zip(alike, places, strict=True)])
        expected.append(
            [sum(w * v[c] for w, v in zip(weights, vectors, strict=True)) for c in range(3)]
        )
    found = spatially_aggregated(maps, spread=0.5)
    torch.testing.assert_close(
        found[0].flatten(1).T, torch.tensor(expected).double(), rtol=1e-6, atol=1e-6
    )


def test_channel_module_against_loops(maps_of):
    maps = maps_of(1, 4, 3, 2)
    rows = maps[0].flatten(1).tolist()
    expected = []
    for anchor in rows:
        weights = softmax([sum(a * b for a, b in zip(anchor, o, strict=True)) for o in rows])
        expected.append(
            [sum(w * row[i] for w, row in zip(weights, rows, strict=True)) for i in range(6)]
        )
    found = channels_aggregated(maps)
    torch.testing.assert_close(
        found[0].flatten(1), torch.tensor(expected).double(), rtol=1e-6, atol=1e-6
    )


def test_the_block_begins_as_the_identity_and_chains_both(maps_of):
    maps = maps_of(2, 3, 4, 2)
    assert torch.equal(InteractionAggregation(3).double()(maps), maps)
    block = InteractionAggregation(3).double().eval()
    torch.nn.init.constant_(block.spatial_norm.weight, 0.7)
    torch.nn.init.constant_(block.channel_norm.weight, -0.4)
    scale = (1 + block.spatial_norm.eps) ** -0.5
    middle = maps + 0.7 * scale * spatially_aggregated(maps, 0.625)
    expected = middle - 0.4 * scale * channels_aggregated(middle)
    torch.testing.assert_close(block(maps), expected)


def test_gradients_of_the_block(maps_of):
    block = InteractionAggregation(3).double().eval()
    torch.nn.init.constant_(block.spatial_norm.weight, 0.7)
    torch.nn.init.constant_(block.channel_norm.weight, -0.4)
    assert torch.autograd.gradcheck(block, (maps_of(2, 3, 3, 2).requires_grad_(),))


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_blocks_stand_behind_layer2_and_layer3():
    with torch.device("meta"):
        system = build_model(Network("resnet50", system="ianet"), persons=751)
        plain = build_model(Network("resnet50"), persons=751)
    names = [n for n, m in system.named_modules() if isinstance(m, InteractionAggregation)]
    assert names == ["backbone.layer2.4", "backbone.layer3.6"]
    assert count(system) == count(plain) + 4 * 512 + 4 * 1024


@torch.no_grad()
def test_it_begins_as_the_plain_network():
    torch.manual_seed(0)
    system = build_model(Network("resnet18", system="ianet"), persons=0).eval()
    plain = build_model(Network("resnet18"), persons=0).eval()
    plain.load_state_dict(system.state_dict(), strict=False)
    images = torch.randn(2, 3, 64, 32)
    assert torch.equal(system(images).embedding, plain(images).embedding)


def test_refusals():
    with pytest.raises(ValueError, match="stages of a ResNet, got 'efficientnet_lite0'"):
        build_model(Network("efficientnet_lite0", system="ianet"), persons=0)
    with pytest.raises(ValueError, match="spread must be above 0, got 0"):
        build_model(Network("resnet18", system="ianet(spread=0)"), persons=0)
