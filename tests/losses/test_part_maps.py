"""The loss of maps against sums written out; images without joints count for nothing."""

from types import SimpleNamespace

import pytest
import torch

from passerby.body_parts import body_maps
from passerby.losses.part_maps import PartMaps


def loss_of(maps, joints):
    return PartMaps()(SimpleNamespace(maps=maps, parts=()), SimpleNamespace(joints=joints))


@pytest.fixture
def joints():
    """Of three images; of the second they are not known."""
    torch.manual_seed(1)
    given = torch.rand(3, 17, 3)
    given[:, :, 2] = 2
    given[1] = 0
    return given


def test_against_sums(joints):
    maps = torch.rand(3, 2, 28, 6, 4, requires_grad=True)
    wanted = body_maps(joints, (6, 4))
    expected = 0.0
    for image in (0, 2):
        for stage in range(2):
            for number in range(28):
                error = maps[image, stage, number] - wanted[image, number]
                expected += sum(value**2 for value in error.flatten().tolist()) / (2 * 28)
    found = loss_of(maps, joints)
    assert found.item() == pytest.approx(expected / 2, rel=1e-5)
    found.backward()
    assert maps.grad[0].any()
    assert not maps.grad[1].any()


@pytest.mark.parametrize("known", [True, False])
def test_without_joints_nothing_is_learnt(joints, known):
    maps = torch.rand(3, 1, 28, 6, 4, requires_grad=True)
    found = loss_of(maps, joints * 0 if known else None)
    found.backward()
    assert found.item() == 0
    assert not maps.grad.any()


def test_a_network_without_maps_is_named():
    features = SimpleNamespace(maps=None, parts=())
    with pytest.raises(ValueError, match=r"network\.system=aacn"):
        PartMaps().prepare(features, 4)
