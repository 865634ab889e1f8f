"""The input that a backbone of timm was trained with takes the place of a recipe's."""

import pytest
import timm

from passerby.config import Input, Network
from passerby.models.backbones.timm import TimmBackbone
from passerby.registry import BACKBONES
from passerby.weights.fitted_input import fitted_input


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("vit_small_patch14_dinov2.lvd142m", (256, 128), (252, 126)),
        ("vit_small_patch14_dinov2.lvd142m", (384, 128), (378, 126)),
        ("vit_small_patch16_dinov3.lvd1689m", (256, 128), (256, 128)),
        ("vit_base_patch16_siglip_224.webli", (250, 120), (256, 128)),
        ("convnextv2_nano.fcmae", (250, 120), (250, 120)),
    ],
)
def test_size_mean_and_deviation_are_the_network_s(name, given, wanted):
    size = Input(height=given[0], width=given[1], mean=(0.1, 0.2, 0.3))
    fitted = fitted_input(Network(f"timm(name={name!r})"), size)
    config = timm.get_pretrained_cfg(name)
    assert (fitted.size.height, fitted.size.width) == wanted
    assert (fitted.size.mean, fitted.size.std) == (config.mean, config.std)
    assert fitted.size.filter == config.interpolation == "bicubic"
    assert f"input as {name} was trained" in fitted.said
    assert f"mean {config.mean} in place of (0.1, 0.2, 0.3)" in fitted.said
    assert ("height" in fitted.said) == (given != wanted)
    again = fitted_input(fitted.network, fitted.size)
    assert (again.network, again.size, again.said) == (fitted.network, fitted.size, "")


def test_the_network_is_made_for_the_recipe_s_size():
    fitted = fitted_input(Network("timm(name=test_vit, tokens=own)"), Input(height=72, width=40))
    backbone = BACKBONES.build(fitted.network.backbone, start="none", attention="none")
    assert isinstance(backbone, TimmBackbone)
    assert backbone.size == (fitted.size.height, fitted.size.width) == (64, 32)


def test_other_backbones_stay():
    size = Input(mean=(0.5, 0.5, 0.5))
    network = Network("resnet18")
    fitted = fitted_input(network, size)
    assert (fitted.network, fitted.size, fitted.said) == (network, size, "")
