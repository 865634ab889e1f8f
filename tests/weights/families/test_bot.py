"""Weights of bag of tricks and of AGW: their authors' code, or its likeness."""

import pytest
import torch
from torch import nn
from torchvision import models

from passerby.models.checkpoint import read_card

PLAIN = "{}(last_stride=1, stem_relu=False)"

# Name in its code, name in ours, our backbone.
BAGS = {
    "resnet18": PLAIN.format("resnet18"),
    "resnet34": PLAIN.format("resnet34"),
    "resnet50": PLAIN.format("resnet50"),
    "resnet101": PLAIN.format("resnet101"),
    "resnet50_ibn_a": "resnet50(last_stride=1, ibn=True)",
}


class Likeness(nn.Module):
    """The names and the steps of reid-strong-baseline's network, of a ResNet of torchvision.

    Its `ResNet.forward` goes from the stem's batch norm to the pooling without a ReLU.
    """

    def __init__(self, name="resnet50"):
        super().__init__()
        self.base = models.get_model(name, weights=None)
        block = self.base.layer4[0]
        strided = block.conv2 if name == "resnet50" else block.conv1
        strided.stride = block.downsample[0].stride = (1, 1)
        width = self.base.fc.in_features
        self.base.fc = self.base.relu = nn.Identity()
        self.bottleneck = nn.BatchNorm1d(width)
        self.classifier = nn.Linear(width, 7, bias=False)

    def forward(self, images):
        return self.bottleneck(self.base(images))


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_no_relu_behind_the_stem(name, randomised, check_same):
    peer = randomised(Likeness(name))
    done = check_same(peer.state_dict(), peer)
    assert (done.family, done.architecture) == ("bot", name)
    assert done.dropped == ("classifier.weight",)
    assert read_card(done.out).recipe.network.backbone == BAGS[name]
    assert "last stride 1, no ReLU behind the stem" in str(done)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BAGS)
def test_against_the_code_of_bag_of_tricks(name, peer_code, randomised, check_same):
    baseline = peer_code("reid-strong-baseline", "modeling.baseline").Baseline
    peer = randomised(baseline(7, 1, "", "bnneck", "after", name, "self"), size=(128, 64))
    done = check_same(peer.state_dict(), peer, size=(128, 64))
    dropped = done.dropped
    if "ibn" in name:  # its backbone keeps ImageNet's classifier
        assert {"base.fc.weight", "base.fc.bias"} < set(dropped)
    assert (done.family, done.architecture, "classifier.weight" in dropped) == ("bot", name, True)
    assert read_card(done.out).recipe.network.backbone == BAGS[name]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("pool", ["on", "off"])
@pytest.mark.parametrize("name", ["resnet50_nl", "resnet50", "resnet50_ibn_a"])
def test_against_the_code_of_agw(name, pool, peer_code, randomised, check_same):
    baseline = peer_code("ReID-Survey", "modeling.baseline").Baseline
    peer = baseline(7, 1, "", name, pool, "self")
    if pool == "on":
        nn.init.constant_(peer.global_pool.p, 2.6)
    peer = randomised(peer, size=(128, 64))
    done = check_same(peer.state_dict(), peer, size=(128, 64))
    network = read_card(done.out).recipe.network
    assert done.family == "bot"
    assert network.backbone == BAGS[name.removesuffix("_nl")]
    assert network.pooling == ("gem" if pool == "on" else "average")
    assert network.attention == ("non_local_dot" if "nl" in name else "none")


def test_what_it_does_not_know_is_refused(check_same):
    state = Likeness("resnet18").state_dict() | {"gate.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"1 unexpected \(gate\.weight\)"):
        check_same(state, None)
