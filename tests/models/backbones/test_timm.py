"""Networks of timm: convolutional ones fit, others are refused with a reason."""

import sys

import pytest
import torch

from passerby.config import Network
from passerby.models.systems.plain import Plain
from passerby.registry import BACKBONES


@pytest.mark.parametrize(
    ("name", "channels"), [("resnet10t", 512), ("mobilenetv3_small_050", 1024)]
)
def test_a_convolutional_network(name, channels):
    backbone = BACKBONES.build(f"timm(name={name})", start="none", attention="none")
    assert backbone.training
    assert backbone.channels == channels
    assert backbone(torch.zeros(2, 3, 64, 32)).shape == (2, channels, 2, 1)


def test_inside_a_model():
    model = Plain(Network("timm(name=resnet10t)", classifier="circle"), persons=5).eval()
    features = model(torch.zeros(2, 3, 64, 32))
    assert features.embedding.shape == (2, model.dimensions) == (2, 512)
    assert features.parts[0].similarities.shape == (2, 5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vit_tiny_patch16_224", "vit_tiny_patch16_224 .*256×128"),
        ("swin_tiny_patch4_window7_224", "swin_tiny_patch4_window7_224 .*256×128"),
        ("swinv2_cr_tiny_ns_224", "swinv2_cr_tiny_ns_224 .*256×128"),
        ("resnet5000", "timm could not make 'resnet5000'.*timm.list_models"),
        ("", r"the name of an architecture .*, got ''"),
        ("hf-hub:timm/resnet18.a1_in1k", "got 'hf-hub:timm.*opened without a network"),
        ("local-dir:/tmp", "got 'local-dir:/tmp'"),
    ],
)
def test_what_does_not_fit_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        BACKBONES.build(f"timm(name={name!r})", start="none", attention="none")


def test_slips_are_named(monkeypatch):
    with pytest.raises(ValueError, match="backbone 'timm' needs name"):
        BACKBONES.build("timm", start="none", attention="none")
    with pytest.raises(ValueError, match="attention 'se' goes into the blocks of a ResNet"):
        BACKBONES.build("timm(name=resnet10t)", start="none", attention="se")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(
        ValueError, match=r'needs timm, not installed here: pip install "passerby\[timm\]"'
    ):
        BACKBONES.build("timm(name=resnet10t)", start="none", attention="none")
