"""The dot-product non-local block against its formula, and where it stands in a ResNet."""

import pytest
import torch
from torch import nn

from passerby.models.attention.non_local_dot import NonLocalDot
from passerby.registry import BACKBONES


@pytest.mark.parametrize("inner", [1, 3])
def test_forward(inner, maps_of):
    """Wang et al. 2018, eq. 1 and 4: y_i = 1/N Σ_j (θ_i · φ_j) g_j, z_i = W y_i + x_i."""
    module = NonLocalDot(6, inner).double().eval()
    for values in (module.norm.weight, module.norm.bias, module.norm.running_mean):
        nn.init.normal_(values)
    maps = maps_of(2, 6, 3, 2)
    with torch.no_grad():
        asked, keys, values = (
            conv(maps).flatten(2) for conv in (module.theta, module.phi, module.g)
        )
        attended = torch.zeros_like(values)
        for b in range(2):
            for i in range(6):
                for j in range(6):
                    attended[b, :, i] += (asked[b, :, i] @ keys[b, :, j]) * values[b, :, j] / 6
        expected = maps + module.norm(module.out(attended.unflatten(2, (3, 2))))
        torch.testing.assert_close(module(maps), expected)


def test_gradients(check_gradients):
    module = NonLocalDot(4)
    nn.init.normal_(module.norm.weight)
    check_gradients(module, channels=4)


def test_begins_as_the_identity(maps_of):
    module = NonLocalDot(8)
    maps = maps_of(2, 8, 3, 2).float()
    assert module.begin_as_constant() == 1
    assert torch.equal(module(maps), maps)


@pytest.mark.parametrize(
    ("backbone", "sites"),
    [
        ("resnet18", ["layer2.1", "layer3.1"]),
        ("resnet50", ["layer2.2", "layer2.3", "layer3.3", "layer3.4", "layer3.5"]),
        ("resnet101", ["layer2.2", "layer2.3", *(f"layer3.{i}" for i in range(14, 23))]),
    ],
)
def test_stands_after_the_last_blocks(backbone, sites):
    with torch.device("meta"):
        network = BACKBONES.build(backbone, start="none", attention="non_local_dot")
    found = [name for name, m in network.named_modules() if isinstance(m, NonLocalDot)]
    assert found == [f"{site}.1" for site in sites]
