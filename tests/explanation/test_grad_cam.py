"""Grad-CAM against finite differences, and where the right answer is known."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from passerby.config import Network
from passerby.explanation.grad_cam import grad_cam
from passerby.models.system import build_model
from passerby.models.systems.plain import Plain
from tests.explanation.networks import Known, noise, plain


@pytest.mark.parametrize("compared", [False, True])
@pytest.mark.parametrize("pooling", ["average", "gem"])
def test_it_is_what_finite_differences_say(pooling: str, compared: bool) -> None:
    """At position p stands the score's derivative when all positions grow by what p holds / N."""
    network = plain(pooling=pooling, attention="none").double()
    assert isinstance(network, Plain)
    images = noise(1).double()
    maps, own = network.backbone(images), network(images).embedding
    other = noise(1, 1, 512).mean(dim=1)[:, 0].double() if compared else own
    aim = F.normalize(other)

    def score(changed: torch.Tensor) -> float:
        vector = network.of_maps(changed).embedding
        return float(((F.normalize(vector) if compared else vector) * aim).sum())

    expected, step = torch.zeros(4, 2, dtype=torch.float64), 1e-6
    for y in range(4):
        for x in range(2):
            grown = maps[:, :, y, x, None, None].expand_as(maps) / 8
            slope = score(maps + step * grown) - score(maps - step * grown)
            expected[y, x] = max(slope / (2 * step), 0)
    found = grad_cam(network, images, other if compared else None)
    assert float(expected.max()) > 0
    torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-7)


def test_the_map_lies_where_the_vector_comes_from() -> None:
    images = torch.zeros(1, 3, 64, 32)
    images[:, :, 40:48, 8:16] = 1  # one bright block: row 5, column 1
    found = grad_cam(Known((1, 1, 1, 0)), images)[0]
    assert found.shape == (8, 4)
    assert torch.nonzero(found > 0).tolist() == [[5, 1]]


@pytest.mark.parametrize(
    ("system", "grid"),
    [
        ("aligned", (16, 8)), ("dare", (16, 8)), ("dpfl", (16, 8)), ("hacnn", (16, 8)),
        ("ianet", (16, 8)), ("mgn", (16, 8)), ("mutual", (16, 8)), ("pcb", (16, 8)),
        ("svdnet(width=64)", (16, 8)), ("transreid(variant=tiny,depth=2,stride=16)", (16, 8)),
    ],
)  # fmt: skip
def test_every_system_has_one(system: str, grid: tuple[int, int]) -> None:
    backbone = {} if system.startswith(("hacnn", "transreid")) else {"backbone": "resnet18"}
    torch.manual_seed(0)
    network = build_model(Network(system=system, start="none", **backbone), persons=0).eval()
    height = 288 if system == "mgn" else 256
    found = grad_cam(network.requires_grad_(False), noise(1, height, 128))
    assert found.ndim == 3
    print(system, found.shape)
    assert bool(torch.isfinite(found).all())
