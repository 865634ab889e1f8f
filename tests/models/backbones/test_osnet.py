"""OSNet against its authors' figures and against torchreid, and slips.

What the authors' trained weights give stands in tests/weights/families/test_torchreid.py.
"""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from passerby.config import Network
from passerby.models.backbones.osnet import WIDTHS, Gate, OmniScale
from passerby.models.systems.plain import Plain
from passerby.registry import BACKBONES

HEAD = "linear_norm_relu(width=512)"

# Table 5 of the paper (a model's size in millions, mult-adds in millions, at 256×128).
PAPER = {1.0: (2.2, 978.9), 0.75: (1.3, 571.8), 0.5: (0.6, 272.9), 0.25: (0.2, 82.3)}


def osnet(width=1.0, variant="plain"):
    call = f"osnet(width={width}, variant={variant})"
    return Plain(Network(call, projection=HEAD, neck="none"), persons=0).eval()


@pytest.mark.parametrize("width", WIDTHS)
def test_size_and_cost_are_the_papers(width):
    millions, adds = PAPER[width]
    with torch.device("meta"):
        model = osnet(width)
        with FlopCounterMode(display=False) as counter:
            embedding = model(torch.empty(1, 3, 256, 128)).embedding
    assert embedding.shape == (1, 512)
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == millions
    assert counter.get_total_flops() / 2e6 == pytest.approx(adds, rel=0.01)


@pytest.mark.parametrize(
    ("width", "variant", "parameters"),
    [  # counted in torchreid 0.2.5, its classifier left out
        (1.0, "plain", 2_169_508),
        (0.75, "plain", 1_285_754),
        (0.5, "plain", 630_034),
        (0.25, "plain", 201_864),
        (1.0, "ibn", 2_170_532),
        (1.0, "ain", 2_169_508),
        (0.25, "ain", 201_864),
    ],
)
def test_parameters_are_as_many_as_torchreids(width, variant, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in osnet(width, variant).parameters()) == parameters


@pytest.mark.parametrize("variant", ["plain", "ibn", "ain"])
@pytest.mark.parametrize("width", [1.0, 0.25])
def test_maps_have_a_sixteenth_of_the_resolution(width, variant):
    backbone = BACKBONES.build(
        f"osnet(width={width}, variant={variant})", start="none", attention="none"
    )
    maps = backbone(torch.randn(2, 3, 64, 32))
    assert maps.shape == (2, backbone.channels, 4, 2)
    assert backbone.channels == 512 * width
    assert maps.min() >= 0


def test_a_block_by_its_formulas():
    """Zhou et al. 2019, eq. 2-4: y = x̃ + x, x̃ = Σ_t G(F^t(x)) ⊙ F^t(x), one G for all t."""
    torch.manual_seed(0)
    block = OmniScale(32, 64).eval()
    maps = torch.randn(2, 32, 5, 3)
    with torch.no_grad():
        reduced = torch.relu(block.reduce.norm(block.reduce.conv(maps)))
        added = torch.zeros_like(reduced)
        for depth, stream in enumerate(block.streams, 1):
            assert len(stream) == depth
            seen = reduced
            for light in stream:
                seen = torch.relu(light.norm(light.depthwise(light.pointwise(seen))))
            gate = block.gate
            squeezed = torch.relu(
                gate.squeeze.weight[:, :, 0, 0] @ seen.mean(dim=(2, 3)).T
                + gate.squeeze.bias[:, None]
            )
            weights = gate.excite.weight[:, :, 0, 0] @ squeezed + gate.excite.bias[:, None]
            added += seen / (1 + torch.exp(-weights.T))[:, :, None, None]
        expected = torch.relu(
            block.expand.norm(block.expand.conv(added))
            + block.shortcut.norm(block.shortcut.conv(maps))
        )
        torch.testing.assert_close(block(maps), expected)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_a_stream_sees_so_many_positions(depth):
    block = OmniScale(16, 64).eval()
    stream = block.streams[depth - 1]
    for parameter in stream.parameters():
        torch.nn.init.ones_(parameter)
    maps = torch.zeros(1, 16, 21, 21)
    maps[:, :, 10, 10] = 1
    normalised = stream(maps) - stream(torch.zeros_like(maps))
    assert int((normalised[0, 0, 10] > 0).sum()) == 2 * depth + 1


def test_every_parameter_gets_a_gradient():
    model = osnet(0.25, "ain").train()
    model(torch.randn(4, 3, 64, 32)).embedding.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_the_gate_is_shared_by_the_streams():
    gates = [m for m in BACKBONES.build("osnet", start="none", attention="none").modules()]
    assert sum(isinstance(module, Gate) for module in gates) == 6


@pytest.mark.parametrize(
    ("call", "attention", "message"),
    [
        ("osnet(width=0.3)", "none", r"width must be one of 0.25, 0.5, 0.75, 1.0, got 0.3"),
        ("osnet(variant=inn)", "none", "variant must be plain, ibn or ain, got 'inn'"),
        ("osnet", "cbam", "attention 'cbam' goes into the blocks of a ResNet and osnet has none"),
        ("osnet(depth=2)", "none", "has no option 'depth'"),
    ],
)
def test_slips_are_named(call, attention, message):
    with pytest.raises(ValueError, match=message):
        BACKBONES.build(call, start="none", attention=attention)


def test_imagenet_weights_are_asked_for_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="passerby pull osnet_x0_5_imagenet fetches them"):
        BACKBONES.build("osnet(width=0.5)", start="imagenet", attention="none")
