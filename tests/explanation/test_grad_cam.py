"""Grad-CAM against finite differences, and where the right answer is known."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from passerby.config import Network
from passerby.explanation.grad_cam import grad_cam
from passerby.models.system import build_model
from passerby.models.systems.plain import Plain
from tests.explanation.networks import Known, noise, plain, unlike_its_start


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


def test_stripes_of_length_one_have_a_map_of_what_makes_them_longer() -> None:
    """PCB's vector is always as long: with the lengths held, finite differences say the same."""
    torch.manual_seed(0)
    call = Network(
        system="pcb(stripes=2,width=8)", start="none", backbone="resnet18(last_stride=1)"
    )
    network = unlike_its_start(build_model(call, persons=0)).double()
    images = noise(1).double()
    maps = network.backbone(images)  # [1, 512, 4, 2]
    held = network.reduction(network._pooled(maps)[0]).norm(dim=1)
    aim = F.normalize(network(images).embedding)

    def score(changed: torch.Tensor) -> float:
        stripes = network.reduction(network._pooled(changed)[0]) / held[:, None]
        return float((stripes.flatten() * aim[0]).sum())

    expected, step = torch.zeros(4, 2, dtype=torch.float64), 1e-6
    for y in range(4):
        for x in range(2):
            grown = maps[:, :, y, x, None, None].expand_as(maps) / 8
            slope = score(maps + step * grown) - score(maps - step * grown)
            expected[y, x] = max(slope / (2 * step), 0)
    assert float(expected.max()) > 0.01
    torch.testing.assert_close(grad_cam(network, images)[0], expected, rtol=1e-4, atol=1e-7)


SMALL = "depth=2, height=64, width=32"


@pytest.mark.parametrize(
    ("system", "grid"),
    [
        ("aligned", (4, 2)), ("dare", (4, 2)), ("dpfl", (4, 2)), ("hacnn", (4, 2)),
        ("ianet", (4, 2)), ("mgn", (6, 2)), ("mutual", (4, 2)), ("pcb(stripes=2)", (4, 2)),
        ("svdnet(width=64)", (4, 2)), (f"transreid(variant=tiny, stride=16, {SMALL})", (4, 2)),
        (f"part_tokens(variant=tiny, {SMALL})", (4, 2)), (f"clip_reid({SMALL})", (4, 2)),
        ("clip_reid(image=resnet50, height=64, width=32)", (4, 2)),
    ],
)  # fmt: skip
def test_every_system_has_one_of_as_many_positions_as_its_last_maps(
    system: str, grid: tuple[int, int]
) -> None:
    alone = system.startswith(("hacnn", "transreid", "part_tokens", "clip_reid"))
    backbone = {} if alone else {"backbone": "resnet18(last_stride=1)"}
    torch.manual_seed(0)
    network = build_model(Network(system=system, start="none", **backbone), persons=0)
    found = grad_cam(unlike_its_start(network), noise(2, 96 if system == "mgn" else 64))
    assert found.shape == (2, *grid)
    assert bool(torch.isfinite(found).all())
    assert bool((found >= 0).all())
    assert float(found.max()) > 0
