"""MGN against its written formulas; FastReID's stands in tests/weights/families."""

import pytest
import torch

from passerby.config import Network
from passerby.models.system import build_model
from tests.models.systems.test_pcb import randomised

GLOBAL = ["global_1", "global_2", "global_3"]
STRIPES = ["half_1", "half_2", "third_1", "third_2", "third_3"]


def build(system="mgn", persons=5, backbone="resnet18"):
    torch.manual_seed(0)
    return build_model(Network(backbone, system=system), persons)


def test_the_papers_sizes():
    system = build(persons=751, backbone="resnet50")
    whole = build_model(Network("resnet50"), 0).backbone
    count = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    rest = count(whole.layer3) - count(whole.layer3[0]) + count(whole.layer4)
    heads = 8 * (2048 * 256 + 2 * 256) + 751 * (3 * 2048 + 5 * 256)
    assert count(system) == count(whole) + 2 * rest + heads
    assert system.dimensions == 2048
    with torch.device("meta"):
        shared = system.stem.to("meta")(torch.zeros(1, 3, 384, 128))
        shapes = [tuple(branch.to("meta")(shared).shape) for branch in system.branches]
    assert shapes == [(1, 2048, 12, 4), (1, 2048, 24, 8), (1, 2048, 24, 8)]


@torch.no_grad()
def test_parts_are_the_maxima_of_what_they_see():
    system = randomised(build())
    images = torch.randn(2, 3, 192, 64)
    features = system(images)
    assert [part.name for part in features.parts] == GLOBAL + STRIPES
    maps = [branch(system.stem(images)) for branch in system.branches]
    seen = [*maps, maps[1][:, :, :6], maps[1][:, :, 6:]]
    seen += [maps[2][:, :, 4 * number : 4 * number + 4] for number in range(3)]
    for part, region in zip(features.parts, seen, strict=True):
        pooled = region.amax(dim=(2, 3))
        reduced = system.reduction[part.name](pooled)
        torch.testing.assert_close(part.before_neck, reduced)
        own = system.classifier[part.name]
        expected = (pooled if part.name in GLOBAL else reduced) @ own.weight.T
        torch.testing.assert_close(part.similarities, expected)
    torch.testing.assert_close(features.embedding, features.before_neck)


def test_branches_begin_alike_and_learn_apart():
    system = build("mgn(global_stride=1)")
    first, second, _ = system.branches
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
        assert one is not other


def test_refusals():
    with pytest.raises(ValueError, match="cuts a ResNet in its third stage, got 'efficientnet"):
        build(backbone="efficientnet_lite0")
    with pytest.raises(ValueError, match="global_stride must be 1 or 2, got 3"):
        build("mgn(global_stride=3)")
    with pytest.raises(ValueError, match="maps of 8 rows by two and by three"):
        build()(torch.zeros(2, 3, 128, 64))
