"""Mutual learning: two networks side by side in training, the first alone when stored."""

from dataclasses import replace

import pytest
import torch

from passerby.config import Network, Recipe
from passerby.models.cost import cost_of
from passerby.models.system import build_model
from passerby.models.systems.plain import Plain
from tests.models.systems.test_pcb import randomised

NETWORK = Network("resnet18(last_stride=2)", system="mutual", neck="none")


def build(persons=5, system="mutual"):
    torch.manual_seed(0)
    return build_model(replace(NETWORK, system=system), persons)


def test_one_network_is_tested():
    recipe = Recipe("x", network=Network("resnet50(last_stride=2)", system="mutual"))
    alone = replace(recipe, network=replace(recipe.network, system="aligned"))
    assert cost_of(recipe) == cost_of(alone)
    trained = sum(own.numel() for own in build().parameters())
    kept = sum(own.numel() for own in build(persons=0).parameters())
    assert trained == 2 * (kept + 5 * 512)


@torch.no_grad()
def test_each_network_gives_what_it_gives_alone():
    system = randomised(build())
    images = torch.randn(2, 3, 64, 32)
    features = system(images)
    networks = [system.network, *system.classifier["peers"]]
    for number, (part, network) in enumerate(zip(features.parts, networks, strict=True), 1):
        (own,) = network(images).parts
        assert part.name == f"network_{number}"
        assert torch.equal(part.before_neck, own.before_neck)
        assert torch.equal(part.local, own.local)
        weights = system.classifier[f"network_{number}"].weight
        torch.testing.assert_close(part.similarities, own.after_neck @ weights.T)
    assert torch.equal(features.embedding, features.parts[0].after_neck)
    assert torch.equal(features.local, features.parts[0].local)
    assert not torch.equal(features.parts[0].before_neck, features.parts[1].before_neck)


def test_three_plain_networks():
    system = build(system="mutual(system=plain, networks=3)")
    assert len(system(torch.randn(2, 3, 64, 32)).parts) == 3
    assert type(system.network) is Plain


def test_refusals():
    with pytest.raises(ValueError, match="at least 2 networks, got 1"):
        build(system="mutual(networks=1)")
    with pytest.raises(ValueError, match="got 'hacnn'"):
        build_model(Network(system="mutual(system=hacnn)"), 0)
