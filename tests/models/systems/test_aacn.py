"""AACN: the composition against a slow version, part by part and cell by cell."""

import pytest
import torch
import torch.nn.functional as F

from passerby.body_parts import JOINTS, PARTS
from passerby.config import Network
from passerby.models.system import build_model
from passerby.models.systems.aacn import PartAttention, pooled_parts
from tests.models.systems.test_pcb import randomised

SYSTEM = "aacn(width=8, attention_width=4, halvings=2)"


def build(system=SYSTEM, persons=5, backbone="resnet18(last_stride=1)"):
    torch.manual_seed(0)
    return build_model(Network(backbone, system=system), persons)


def slow_pooled(features, attention):
    """Of one image: features [C, h, w], attention [P, n · h, n · w]; vectors [P, C] as lists."""
    channels, height, width = features.shape
    times = attention.shape[1] // height
    vectors = []
    for part in attention:
        weights = {}
        for row in range(height):
            for column in range(width):
                block = part[row * times : (row + 1) * times, column * times : (column + 1) * times]
                weights[row, column] = sum(block.flatten().tolist()) / times**2
        total = sum(weights.values())
        vectors.append(
            [
                sum(w * features[c, row, column].item() for (row, column), w in weights.items())
                / max(total, 1e-6)
                for c in range(channels)
            ]
        )
    return vectors


def test_pooling_against_cells():
    torch.manual_seed(0)
    features, attention = torch.randn(2, 5, 4, 2), torch.rand(2, 3, 8, 4)
    attention[1, 2] = 0  # nowhere
    found = pooled_parts(features, attention)
    for image in range(2):
        expected = torch.tensor(slow_pooled(features[image], attention[image]))
        torch.testing.assert_close(found[image], expected)
    assert not found[1, 2].any()
    same = pooled_parts(features, torch.ones(2, 1, 4, 2))
    torch.testing.assert_close(same[:, 0], features.mean(dim=(2, 3)))


@torch.no_grad()
def test_the_composition_against_parts():
    system = randomised(build())
    images = torch.randn(3, 3, 64, 32)
    features = system(images)
    maps, assert_close = features.maps, torch.testing.assert_close
    assert maps.shape == (3, 2, 28, 16, 8)
    for image in range(3):
        own = system.backbone(images)[image]  # [512, 4, 2]
        pieces = [system.reductions[0](own.mean(dim=(1, 2))[None])[0]]
        for number, name in enumerate(PARTS):
            map_ = maps[image, 1, len(JOINTS) + PARTS.index(name)]
            positive = torch.tensor([[max(v, 0.0) for v in row] for row in map_.tolist()])
            visibility = min(max(positive.flatten().tolist()), 1.0)
            vector = torch.tensor(slow_pooled(own, positive[None])[0])
            pieces.append(visibility * system.reductions[1 + number](vector[None])[0])
        composed = torch.cat(pieces)
        assert_close(features.parts[0].before_neck[image], composed, atol=1e-4, rtol=1e-4)
        neck = system.neck
        normed = (composed - neck.running_mean) / (neck.running_var + neck.eps).sqrt()
        normed = normed * neck.weight + neck.bias
        assert_close(features.embedding[image], normed, atol=1e-4, rtol=1e-4)
        scores = system.classifier["composed"].weight @ normed
        assert_close(features.parts[0].similarities[image], scores, atol=1e-3, rtol=1e-3)
        whole = system.classifier["global"].weight @ pieces[0]
        assert_close(features.parts[1].similarities[image], whole, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_what_is_not_seen_does_not_count():
    """With a part's maps below zero its share of the vector before the neck is zero."""
    system = randomised(build())
    last = system.part_attention.stages[-1][1][-1]  # the rigid parts' maps
    last.weight[1] = 0
    last.bias[1] = -1
    composed = system(torch.randn(2, 3, 64, 32)).parts[0].before_neck.view(2, 12, 8)
    assert not composed[:, 1 + 1].any()
    assert composed[:, 1].any()


@torch.no_grad()
def test_the_second_stage_sees_the_maps_of_the_first():
    torch.manual_seed(0)
    attention = PartAttention(4, 2, 2).eval()
    images = torch.randn(1, 3, 32, 16)
    before = attention(images)
    attention.stages[0][0][-1].bias[3] += 5  # of one joint, in the first stage
    after = attention(images)
    torch.testing.assert_close(after[:, 0, 3], before[:, 0, 3] + 5)
    assert torch.equal(after[:, 0, 4:], before[:, 0, 4:])
    assert not torch.allclose(after[:, 1], before[:, 1])


def test_the_convolutions_are_the_first_ten_of_a_vgg():
    widths = [
        module.out_channels
        for module in PartAttention(64, 3, 1).trunk.modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    assert widths == [64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 128]
    assert PartAttention(4, 3, 1)(torch.randn(2, 3, 64, 32)).shape == (2, 1, 28, 8, 4)


def test_maps_begin_near_nothing():
    """As most of every true map is: begun larger they ended worse than the mean true map."""
    torch.manual_seed(0)
    maps = PartAttention(8, 2, 2)(torch.randn(4, 3, 96, 32))
    assert 0 < maps.abs().max() < 0.02


def test_persons_teach_the_attention_too():
    system = build().train()
    features = system(torch.randn(4, 3, 64, 32))
    loss = sum(F.cross_entropy(p.similarities, torch.arange(4)) for p in features.parts)
    loss.backward()
    trunk = system.part_attention.trunk[0][0].weight
    assert trunk.grad.abs().sum() > 0


def test_refusals():
    for options in ("halvings=0", "halvings=4", "stages=0"):
        with pytest.raises(ValueError, match="1 to 3 halvings and at least one stage"):
            build(f"aacn({options})")
    with pytest.raises(ValueError, match=r"does not read network\.pooling"):
        build_model(Network("resnet18", system="aacn", pooling="max"), 0)
