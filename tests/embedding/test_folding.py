"""Folded batch norms and packed convolutions compute what the network computed, in every system."""

import importlib.util
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.calls import Call
from passerby.embedding.folding import fold_batch_norms
from passerby.embedding.packing import pack_convolutions
from passerby.models.features import Features, Part
from passerby.models.system import System
from passerby.registry import SYSTEMS

_spec = importlib.util.spec_from_file_location(
    "small_networks", Path(__file__).with_name("networks.py")
)
networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)

# Batch norms that have no layer right before them: of the neck, of halves of maps (IBN-a), before
# the convolution (DenseNet), between pooling and ReLU (IANet's).
STAY = {"ibn": 14, "densenet": 63, "ianet": 5, "dare": 4, "transreid": 5, "clip_reid": 2}
STAY |= {"part_tokens": 4}


def test_every_system_is_tried():
    tried = {Call.parse(network.system).name for network in networks.NETWORKS.values()}
    assert sorted(tried) == SYSTEMS.names()


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_the_vectors_stay(name):
    network = networks.small_network(name).to(memory_format=torch.channels_last)
    images = torch.randn(3, 3, networks.HEIGHT, networks.WIDTH)
    images = images.contiguous(memory_format=torch.channels_last)
    norms = sum(isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d) for one in network.modules())
    with torch.inference_mode():
        expected = network(images)
        folded = fold_batch_norms(network, images[:1])
        after_folding = network(images)
        packed = pack_convolutions(network, images)
        after_packing = network(images)
    assert norms - folded <= STAY.get(name, 1)
    assert packed > 0
    for features in (after_folding, after_packing):
        for made, was in (
            (features.embedding, expected.embedding),
            (features.before_neck, expected.before_neck),
            (features.local, expected.local),
        ):
            assert (made is None) == (was is None)
            if was is not None:
                assert torch.allclose(made, was, atol=1e-5 * float(was.abs().max()), rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 7, 32])
def test_packed_for_one_size_it_takes_others(count):
    network = networks.small_network("osnet").to(memory_format=torch.channels_last)
    images = torch.randn(count, 3, networks.HEIGHT + 16, networks.WIDTH)
    with torch.inference_mode():
        expected = network(images).embedding
        pack_convolutions(network, torch.zeros(8, 3, networks.HEIGHT, networks.WIDTH))
        assert torch.allclose(network(images).embedding, expected, atol=1e-5, rtol=1e-5)


class Twisted(System):
    """What forbids folding: a result that is used twice, shared layers, one that is returned."""

    dimensions = 4

    def __init__(self) -> None:
        super().__init__()
        for name in ("twice", "shared", "looked"):
            self.add_module(name, nn.Conv2d(3, 4, 1))
        self.last = nn.Linear(4, 4)
        for number in range(4):
            self.add_module(f"norm{number}", nn.BatchNorm2d(4))
        self.neck = nn.BatchNorm1d(4)

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        twice = self.twice(images)
        maps = self.norm0(twice) + F.relu(twice)
        maps = maps + self.norm1(self.shared(images)) + self.norm2(self.shared(images))
        looked = self.looked(images)
        assert looked.shape[1] == 4
        maps = maps + self.norm3(looked)
        before = self.last(maps.mean((2, 3)))
        after = self.neck(before)
        return Features(after, (Part("all", before, after),))


def test_only_what_nothing_else_sees_is_folded():
    torch.manual_seed(0)
    network = Twisted().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_()
    images = torch.randn(2, 3, 6, 6)
    with torch.inference_mode():
        expected = network(images)
        assert fold_batch_norms(network, images) == 1  # a shape that is looked at is no use
        assert torch.allclose(network(images).embedding, expected.embedding, atol=1e-6)
        assert torch.allclose(network(images).before_neck, expected.before_neck, atol=1e-6)
    assert isinstance(network.norm3, nn.Identity)
