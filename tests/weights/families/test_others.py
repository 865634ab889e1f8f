"""Weights of torchvision, timm and IBN-Net, against their networks."""

from dataclasses import replace

import pytest
import timm as timm_library
import torch
from torch import nn
from torchvision import models

from passerby.config import Network
from passerby.models.checkpoint import read_card
from passerby.models.starting import build_started
from passerby.registry import BACKBONES, FAMILIES


class Pooled(nn.Module):
    """A ResNet of torchvision without its classifier."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        network.fc = nn.Identity()

    def forward(self, images):
        return self.network(images)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_torchvision(name, randomised, check_same):
    peer = randomised(models.get_model(name, weights=None))
    state = peer.state_dict()
    done = check_same(state, Pooled(peer), architecture=name)
    assert (done.family, done.architecture) == ("torchvision", name)
    assert done.dropped == ("fc.weight", "fc.bias")
    assert read_card(done.out).recipe.network.neck == "none"


@pytest.mark.parametrize("name", ["resnet18", "regnetx_002", "tf_efficientnet_lite0"])
def test_timm(name, randomised, check_same):
    peer = randomised(timm_library.create_model(name, pretrained=False))
    state = peer.state_dict()
    peer.reset_classifier(0)
    done = check_same(state, peer, "timm", architecture=name)
    assert all(key.startswith(("fc.", "head.fc.", "classifier.")) for key in done.dropped)
    assert len(done.dropped) == 2
    recipe = read_card(done.out).recipe
    assert recipe.input.mean == timm_library.get_pretrained_cfg(name).mean
    ours = name.startswith("resnet")
    assert recipe.network.backbone == (
        "resnet18(last_stride=2)" if ours else f"timm(name={name!r})"
    )


@pytest.mark.parametrize(
    ("name", "size"),
    [("test_vit3", (256, 128)), ("eva02_tiny_patch14_224", (252, 126)), ("test_vit4", (256, 128))],
)
def test_vision_transformers_of_timm_at_the_size_of_persons(name, size, check_same, tmp_path):
    torch.manual_seed(0)
    peer = timm_library.create_model(name, dynamic_img_size=True).eval()
    for parameter in peer.parameters():
        nn.init.normal_(parameter, std=0.05)
    state = peer.state_dict()
    peer.reset_classifier(0)
    done = check_same(state, peer, "timm", size=size, architecture=name)
    assert set(done.dropped) == {name for name in state if name.startswith("head.")}
    assert f"images of {size[0]}×{size[1]}, to which" in str(done)
    recipe = read_card(done.out).recipe
    assert (recipe.input.height, recipe.input.width) == size
    assert recipe.input.mean == timm_library.get_pretrained_cfg(name).mean
    assert recipe.network.backbone == f"timm(name={name!r}, tokens='own')"
    start = replace(
        Network(f"timm(name={name}, tokens=own)"), start=done.out, start_of="backbone.*"
    )
    assert "tensors taken" in build_started(start, persons=4)[1].said[0]


def test_timm_needs_a_name_that_it_knows(check_same):
    state = models.resnet18(weights=None).state_dict()
    with pytest.raises(ValueError, match="name the network as well: --from timm --architecture"):
        check_same(state, None, "timm")
    with pytest.raises(ValueError, match="timm has no network named 'resnet19'"):
        check_same(state, None, "timm", architecture="resnet19")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("depth", [18, 50])
def test_cbam_of_its_authors(depth, peer_code, randomised, check_same):
    resnets = peer_code("attention-module", "MODELS.model_resnet")
    peer = resnets.ResidualNet("ImageNet", depth, 10, "CBAM")
    peer.avgpool = nn.AdaptiveAvgPool2d(1)  # theirs is made for images of 224×224
    peer.fc = nn.Identity()
    randomised(peer)
    state = {f"module.{name}": tensor for name, tensor in peer.state_dict().items()}
    state |= {"module.fc.weight": torch.zeros(10, 512), "module.fc.bias": torch.zeros(10)}
    done = check_same({"state_dict": state}, peer)
    assert (done.family, done.architecture) == ("cbam", f"resnet{depth}")
    assert done.dropped == ("fc.weight", "fc.bias")
    network = read_card(done.out).recipe.network
    assert network.attention == "cbam(bias=True, spatial_batch_norm=True)"


def test_ibn_weights_of_their_authors_keep_their_names():
    """IBN-Net's files have torchvision's names with bn1.IN and bn1.BN in layer1 to layer3."""
    network = BACKBONES.build("resnet50(ibn=True)", start="none", attention="none")
    state = network.state_dict() | {"fc.weight": torch.zeros(1000, 2048)}
    converted = FAMILIES.get("torchvision")(state, None)
    assert converted.network.backbone == "resnet50(last_stride=2, ibn=True)"
    assert "backbone.layer3.5.bn1.IN.weight" in converted.state
    assert "backbone.layer4.0.bn1.weight" in converted.state


def test_a_family_takes_no_file_of_another(randomised):
    """auto asks each family in turn, so only one may answer."""
    files = {
        "torchvision": models.resnet18(weights=None).state_dict(),
        "bot": {
            f"base.{name}": tensor
            for name, tensor in models.resnet18(weights=None).state_dict().items()
            if not name.startswith("fc.")
        },
        "torchreid": models.resnet18(weights=None).state_dict()
        | {"classifier.weight": torch.zeros(7, 512), "classifier.bias": torch.zeros(7)},
    }
    gate = {"layer1.0.cbam.ChannelGate.mlp.1.weight": torch.zeros(4, 64)}
    files["cbam"] = files["torchvision"] | gate
    del files["torchreid"]["fc.weight"], files["torchreid"]["fc.bias"]
    for owner, state in files.items():
        answers = [name for name in FAMILIES.names() if FAMILIES.get(name)(state, None)]
        assert answers == [owner]


def test_a_resnet_that_we_have_not_is_named():
    state = models.resnet152(weights=None).state_dict()
    with pytest.raises(ValueError, match=r"\(3, 8, 36, 3\) blocks is none of resnet18"):
        FAMILIES.get("torchvision")(state, None)
