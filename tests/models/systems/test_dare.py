"""DaRe against its formulas, on both families of networks."""

import pytest
import torch

from passerby.config import Network
from passerby.models.system import build_model
from tests.models.systems.test_pcb import randomised


def build(backbone="resnet18(last_stride=2)", system="dare(hidden=16, width=8)"):
    torch.manual_seed(0)
    return build_model(Network(backbone, system=system), persons=3)


def parameters(backbone):
    with torch.device("meta"):
        system = build(backbone, "dare")
    return sum(p.numel() for p in system.parameters())


def reduction(channels, hidden=1024, width=128):
    return channels * hidden + hidden + 2 * hidden + hidden * width + width


def test_the_authors_sizes():
    widths = (256, 512, 1024, 2048)
    assert parameters("resnet50(last_stride=2)") == 23_508_032 + 4 + sum(map(reduction, widths))
    widths = (256, 512, 1792, 1920)
    norms = 2 * sum(widths[:3])
    expected = 18_092_928 + norms + 4 + sum(map(reduction, widths))
    assert parameters("densenet201(last_stride=2)") == expected


@torch.no_grad()
def test_each_stage_is_pooled_and_reduced():
    system = randomised(build())
    system.fusion.copy_(torch.tensor([0.1, -0.2, 0.3, 0.4]))
    images = torch.randn(2, 3, 64, 32)
    features = system(images)
    backbone = system.backbone
    maps = backbone.maxpool(backbone.bn1(backbone.conv1(images)).relu())
    fused = torch.zeros(2, 8)
    for number in range(4):
        maps = getattr(backbone, f"layer{number + 1}")(maps)
        first, norm, _, second = system.reduction[number]
        pooled = maps.flatten(2).mean(dim=2)
        hidden = pooled @ first.weight.T + first.bias
        hidden = (hidden - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        hidden = (hidden * norm.weight + norm.bias).clamp(min=0)
        vector = hidden @ second.weight.T + second.bias
        torch.testing.assert_close(features.parts[number].before_neck, vector)
        fused += system.fusion[number] * vector
    torch.testing.assert_close(features.embedding, fused)
    assert [p.name for p in features.parts] == ["stage_1", "stage_2", "stage_3", "stage_4", "fused"]
    assert torch.equal(maps, backbone(images))


@torch.no_grad()
def test_maps_of_a_densenet_are_rectified_before_the_mean():
    system = randomised(build("densenet121(last_stride=2)"))
    images = torch.randn(2, 3, 64, 32)
    stages = system.backbone.stage_maps(images)
    assert stages[0].amin() < 0 <= stages[3].amin()
    for number in range(4):
        maps = stages[number]
        if number < 3:
            maps = system.rectification[number][0](maps).clamp(min=0)
        vector = system.reduction[number](maps.mean(dim=(2, 3)))
        torch.testing.assert_close(system(images).parts[number].before_neck, vector)


def test_all_parts_begin_with_the_same_say():
    assert build().fusion.tolist() == [0.25] * 4


def test_refusals():
    with pytest.raises(ValueError, match="ResNet or a DenseNet, got 'efficientnet_lite0'"):
        build("efficientnet_lite0")
    with pytest.raises(ValueError, match=r"does not read network\.pooling"):
        build_model(Network("resnet18", system="dare", pooling="max"), persons=0)
