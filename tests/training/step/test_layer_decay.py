"""Rates that decay layer by layer: timm's own, a slow version, and one step of descent."""

import pytest
import timm
import timm.optim
import torch
from timm.models import group_parameters
from torch import nn

from passerby.config import Network, Optimizer, Rate
from passerby.models.system import build_model
from passerby.training.step.layer_decay import layers_of
from passerby.training.step.optimizer import build_optimizer, set_rate

DECAY = 0.7
TRANSFORMER, SWIN = "test_vit", "swin_tiny_patch4_window7_224"


def of_timm(name):
    """A network of timm with its classifier, without memory for its weights."""
    with torch.device("meta"):
        return timm.create_model(name, num_classes=3)


def factors(network, **options):
    """What each parameter's rate is multiplied by, by name."""
    settings = Optimizer("sgd", momentum=0, weight_decay=0.0, layer_decay=DECAY, **options)
    named = dict(network.named_parameters())
    groups = build_optimizer(named, settings).param_groups
    of = {id(p): group["factor"] for group in groups for p in group["params"]}
    return {name: of[id(parameter)] for name, parameter in named.items()}


@pytest.mark.parametrize(
    "name", [TRANSFORMER, "eva02_tiny_patch14_224", SWIN, "test_convnext", "resnet18", "resnet50"]
)
def test_blocks_are_timm_s(name):
    network = of_timm(name)
    groups = timm.optim.param_groups_layer_decay(network, layer_decay=DECAY)
    wanted = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    ours = factors(network)
    assert len(ours) == len(wanted)
    for key, parameter in network.named_parameters():
        assert ours[key] == pytest.approx(wanted[id(parameter)]), key


@pytest.mark.parametrize("name", [SWIN, "test_convnext", "resnet50"])
def test_stages_are_timm_s(name):
    network = of_timm(name)
    matcher = network.group_matcher(coarse=True)
    wanted = group_parameters(network, matcher, reverse=True)
    ours = layers_of([key for key, _ in network.named_parameters()], "stage")
    for key, number in wanted.items():
        if not key.startswith(("head.norm", "norm")):  # of the last stage here, of the head there
            assert ours[key] == number, key


@pytest.mark.parametrize(
    ("network", "layers"),
    [
        (
            Network("resnet18", attention="non_local"),
            {
                "backbone.conv1.weight": 0,
                "backbone.layer1.0.bn1.bias": 1,
                "backbone.layer2.1.1.g.weight": 4,
                "backbone.layer4.1.conv2.weight": 8,
                "neck.weight": 9,
                "classifier.weight": 9,
            },
        ),
        (
            Network("swin(semantic=0.2)"),
            {
                "backbone.patch_embed.norm.bias": 0,
                "backbone.stages.0.blocks.1.norm1.weight": 2,
                "backbone.merges.0.reduction.weight": 3,
                "backbone.stages.1.blocks.0.attn.qkv.weight": 3,
                "backbone.stages.3.blocks.1.mlp.fc2.bias": 12,
                "backbone.norm.weight": 12,
                "neck.weight": 13,
            },
        ),
        (
            Network(system="transreid(variant=tiny, depth=3, cameras=(1, 2))"),
            {
                "pos_embed": 0,
                "sie_embed": 0,
                "patch_embed.proj.weight": 0,
                "blocks.1.norm1.weight": 2,
                "whole.0.attn.qkv.weight": 3,
                "whole.1.weight": 3,
                "shared.0.norm2.bias": 3,
                "neck.global.weight": 4,
                "classifier.jigsaw_1.weight": 4,
            },
        ),
        (
            Network("timm(name=test_vit, tokens=class_token)"),
            {
                "backbone.network.cls_token": 0,
                "backbone.network.blocks.0.norm1.weight": 1,
                "backbone.network.norm.weight": 6,
                "neck.weight": 7,
            },
        ),
    ],
)
def test_our_networks(network, layers):
    names = [name for name, _ in build_model(network, persons=4).named_parameters()]
    found = layers_of([*names, "losses.centre.centres"])
    assert {name: found[name] for name in layers} == layers
    assert (
        found["losses.centre.centres"] == max(found.values()) == found["neck.weight"]
        if ("neck.weight" in found)
        else max(layers.values())
    )


def test_one_step_of_descent_is_the_slow_one():
    torch.manual_seed(0)
    network = nn.ModuleDict(
        {
            "stem": nn.Linear(2, 2),
            "blocks": nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)),
            "neck": nn.Linear(2, 1),
        }
    )
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    settings = Optimizer(
        "sgd", momentum=0, weight_decay=0.0, layer_decay=0.5, rates=(Rate("*bias", 2.0),)
    )
    optimizer = build_optimizer(dict(network.named_parameters()), settings)
    vectors = network["blocks"](network["stem"](torch.randn(4, 2)))
    network["neck"](vectors).square().mean().backward()
    set_rate(optimizer, 0.1)
    optimizer.step()
    below = {"stem": 3, "blocks.0": 2, "blocks.1": 1, "neck": 0}  # the head
    for layer, count in below.items():
        for kind, own in (("weight", 1.0), ("bias", 2.0)):
            parameter = network.get_parameter(f"{layer}.{kind}")
            rate = 0.1 * own
            for _ in range(count):
                rate *= 0.5
            moved = before[f"{layer}.{kind}"] - rate * parameter.grad
            torch.testing.assert_close(parameter.detach(), moved)


def test_a_network_without_known_layers_is_refused():
    network = build_model(Network("osnet(width=0.25)"), persons=2)
    with pytest.raises(ValueError, match=r"show no layers of one: leave it at 1"):
        factors(network)
    with pytest.raises(ValueError, match=r"optimizer.layer_decay must be above 0 and at most 1"):
        Optimizer(layer_decay=1.5)
