"""Swin transformers against timm's, and SOLIDER's control."""

import re

import pytest
import torch
import torch.nn.functional as F

from passerby.models.backbones import swin
from passerby.registry import BACKBONES


def build(options="variant=tiny"):
    torch.manual_seed(0)
    return BACKBONES.build(f"swin({options})", start="none", attention="none")


@pytest.mark.parametrize(
    ("variant", "parameters", "channels"),
    [("tiny", 27_519_354, 768), ("small", 48_837_258, 768), ("base", 86_743_224, 1024)],
)
def test_the_papers_sizes(variant, parameters, channels):
    """28, 50 and 88 million in the paper's Table 1, with a classifier of 1000 on top of these."""
    with torch.device("meta"):
        network = build(f"variant={variant}")
    assert sum(one.numel() for one in network.parameters()) == parameters
    assert network.channels == channels


def in_our_names(state):
    """timm's, whose merging takes neighbours column by column, and channels last of all."""
    ours = {}
    for name, tensor in state.items():
        renamed = re.sub(r"layers\.(\d)\.blocks", r"stages.\1.blocks", name)
        found = re.match(r"layers\.(\d)\.downsample\.(.+)", name)
        if found:
            renamed = f"merges.{int(found[1]) - 1}.{found[2]}"
            grouped = tensor.unflatten(-1, (2, 2, -1))  # across, down, channels
            tensor = grouped.movedim(-1, -3).transpose(-1, -2).flatten(-3)  # noqa: PLW2901
        ours[renamed] = tensor
    return ours


@torch.no_grad()
def test_timm_gives_the_same():
    """But for the last shift: over a map of one window timm's does not shift, SOLIDER's does."""
    timm = pytest.importorskip("timm", reason="timm is not installed")
    torch.manual_seed(0)
    name, depths = "swin_tiny_patch4_window7_224", (2, 2, 2, 1)
    theirs = timm.create_model(name, num_classes=0, depths=depths).eval()
    for parameter in theirs.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))
    ours = swin.Swin(96, depths, drop=0.1, semantic=None).eval()
    ours.load_state_dict(in_our_names(theirs.state_dict()))
    images = torch.randn(1, 3, 224, 224)
    expected = theirs.forward_features(images).permute(0, 3, 1, 2)
    torch.testing.assert_close(ours(images), expected, rtol=0, atol=1e-5 * float(expected.max()))


def test_a_shift_keeps_apart_what_was_not_side_by_side():
    """Against a slow walk: two positions of a window belong together if no edge came between."""
    height, width = 14, 7
    found = swin._apart(height, width, torch.zeros(1))
    moved = torch.arange(height * width).view(1, height, width, 1).roll((-3, -3), dims=(1, 2))
    windows = swin._windows(moved)[0, :, :, 0]
    for window, places in enumerate(windows):
        for one in range(0, 49, 5):
            for other in range(49):
                rows = abs(int(places[one]) // width - int(places[other]) // width)
                columns = abs(int(places[one]) % width - int(places[other]) % width)
                together = max(rows, columns) < 7 and same_side(places, one, other, width)
                assert bool(found[window, 0, one, other] == 0) is together


def same_side(places, one, other, width):
    """Whether the walk from one to the other crosses no edge of the image."""
    step_down = other // 7 - one // 7
    step_across = other % 7 - one % 7
    down = int(places[other]) // width - int(places[one]) // width
    across = int(places[other]) % width - int(places[one]) % width
    return (down, across) == (step_down, step_across)


@torch.no_grad()
def test_the_control_scales_and_shifts():
    network = build("variant=tiny, semantic=0.2").eval()
    control = network.controls[0]
    maps = torch.randn(2, 3, 2, 192)
    weights = torch.tensor([0.2, 0.8])
    scale = F.softplus(control.scale.weight @ weights + control.scale.bias)
    shift = control.shift.weight @ weights + control.shift.bias
    torch.testing.assert_close(control(maps, 0.2), maps * scale + shift)
    assert not any(one.requires_grad for one in network.controls.parameters())
    images = torch.randn(1, 3, 70, 30)
    looks = network(images)
    network.semantic = 1.0
    assert looks.shape == (1, 768, 3, 1)
    assert float((network(images) - looks).abs().max()) > 1e-3


def test_refusals():
    for options, message in (
        ("variant=huge", "variant must be micro, tiny, small or base, got 'huge'"),
        ("semantic=1.5", "semantic must be from 0 to 1, or none, got 1.5"),
    ):
        with pytest.raises(ValueError, match=message):
            build(options)
    with pytest.raises(ValueError, match="attention 'se' goes into the blocks of a ResNet"):
        BACKBONES.build("swin", start="none", attention="se")
    with pytest.raises(ValueError, match="swin has no ImageNet weights here: convert a file"):
        BACKBONES.build("swin", start="imagenet", attention="none")
