"""DenseNets against torchvision's, whose weights they load."""

import pytest
import torch
import torchvision

from passerby.models.backbones.densenet import DenseNet
from passerby.registry import BACKBONES
from tests.models.systems.test_pcb import randomised


@pytest.mark.parametrize(
    ("depth", "parameters", "widths"),
    [
        (121, 6_953_856, (256, 512, 1024, 1024)),
        (201, 18_092_928, (256, 512, 1792, 1920)),
    ],
)
def test_parameters_and_shapes(depth, parameters, widths):
    with torch.device("meta"):
        network = DenseNet(depth, last_stride=2)
        images = torch.zeros(2, 3, 256, 128)
        shapes = [tuple(maps.shape) for maps in network.stage_maps(images)]
        assert DenseNet(depth, last_stride=1)(images).shape == (2, widths[-1], 16, 8)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert network.stage_channels == widths
    assert network.channels == widths[-1]
    sizes = [(64, 32), (32, 16), (16, 8), (8, 4)]
    assert shapes == [(2, width, *size) for width, size in zip(widths, sizes, strict=True)]


@torch.no_grad()
@pytest.mark.parametrize("old_names", [False, True])
def test_torchvision_gives_the_same(old_names):
    torch.manual_seed(0)
    theirs = randomised(torchvision.models.densenet121(weights=None))
    state = theirs.state_dict()
    if old_names:
        for word in ("norm1", "norm2", "conv1", "conv2"):
            state = {
                key.replace(f".{word}.", f".{word[:-1]}.{word[-1]}."): value
                for key, value in state.items()
            }
        assert "features.denseblock1.denselayer1.norm.1.weight" in state
    ours = BACKBONES.build("densenet121(last_stride=2)", start="none", attention="none").eval()
    ours.load_imagenet(state)
    images = torch.randn(2, 3, 64, 32)
    torch.testing.assert_close(ours(images), theirs.features(images).relu())


def test_refusals():
    with pytest.raises(ValueError, match="not the weights of this DenseNet"):
        DenseNet(121, last_stride=1).load_imagenet({})
    with pytest.raises(ValueError, match="last_stride must be 1 or 2, got 3"):
        BACKBONES.build("densenet121(last_stride=3)", start="none", attention="none")
    with pytest.raises(ValueError, match="blocks of a ResNet and densenet121 has none"):
        BACKBONES.build("densenet121", start="none", attention="cbam")
