"""Networks of timm against its own forward pass; what does not fit is refused with a reason."""

import sys

import pytest
import timm as library
import torch
import torch.nn.functional as F

from passerby.config import Network
from passerby.models.systems.plain import Plain
from passerby.registry import BACKBONES
from passerby.weights.timm_networks import timm_state

TIGHT = {"rtol": 0, "atol": 1e-5}
TOKEN, MEAN, ATTENTION = "test_vit", "test_vit2", "test_vit3"  # how timm pools each
ROTARY = "eva02_tiny_patch14_224"  # beside a learned embedding


def backbone_of(name, tokens, size, state):
    """Ours for images of a size, with a published state dict."""
    call = f"timm(name={name}, tokens={tokens}, height={size[0]}, width={size[1]})"
    backbone = BACKBONES.build(call, start="none", attention="none").eval()
    wanted = timm_state(backbone.network, state)
    missing, unexpected = backbone.network.load_state_dict(wanted, strict=False)
    assert not missing
    assert all(key.startswith(("attn_pool.", "head.")) for key in unexpected)
    return backbone


@pytest.fixture
def made():
    """Networks of timm with random weights, all of them: none stands at zero."""

    def make(name, **options):
        torch.manual_seed(0)
        peer = library.create_model(name, **options).eval()
        for parameter in peer.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
        return peer

    return make


@pytest.mark.parametrize("name", [TOKEN, MEAN, ATTENTION, "test_convnext"])
def test_at_the_native_size_timm_gives_the_same(made, name):
    peer = made(name)
    backbone = backbone_of(name, "own", (160, 160), peer.state_dict())
    peer.reset_classifier(0)
    images = torch.randn(2, 3, 160, 160)
    with torch.no_grad():
        ours, wanted = backbone(images), peer(images)
    assert ours.shape == (2, backbone.channels, 1, 1)
    torch.testing.assert_close(ours[:, :, 0, 0], wanted, **TIGHT)


@pytest.mark.parametrize(("name", "size"), [(ATTENTION, (256, 128)), (ROTARY, (252, 126))])
def test_positions_are_resampled_as_timm_does(made, name, size):
    """Its networks of free size resample in each forward pass, ours once, with the weights."""
    peer = made(name, dynamic_img_size=True, num_classes=0)
    backbone = backbone_of(name, "own", size, peer.state_dict())
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        torch.testing.assert_close(backbone(images)[:, :, 0, 0], peer(images), **TIGHT)


def test_positions_are_resampled_as_pictures_are(made):
    peer = made(TOKEN, num_classes=0)
    backbone = backbone_of(TOKEN, "class_token", (256, 128), peer.state_dict())
    old, new = peer.pos_embed, backbone.network.pos_embed
    first = old.shape[1] - 100  # 10 × 10 patches, perhaps with a place for the class token
    maps = old[:, first:].transpose(1, 2).unflatten(2, (10, 10))
    wanted = F.interpolate(maps, (16, 8), mode="bicubic", antialias=True).flatten(2)
    torch.testing.assert_close(new[:, first:], wanted.transpose(1, 2), **TIGHT)
    torch.testing.assert_close(new[:, :first], old[:, :first], **TIGHT)


@pytest.mark.parametrize("name", [TOKEN, ATTENTION])
def test_what_becomes_of_the_tokens(made, name):
    peer = made(name, num_classes=0, img_size=(64, 48))
    images = torch.randn(2, 3, 64, 48)
    with torch.no_grad():
        wanted = peer.forward_features(images)
        maps, token, both = (
            backbone_of(name, tokens, (64, 48), peer.state_dict())(images)
            for tokens in ("patches", "class_token", "class_and_mean")
        )
    width = wanted.shape[2]
    assert maps.shape == (2, width, 4, 3)
    torch.testing.assert_close(maps[:, :, 3, 1], wanted[:, 1 + 3 * 3 + 1], **TIGHT)
    torch.testing.assert_close(token[:, :, 0, 0], wanted[:, 0], **TIGHT)
    torch.testing.assert_close(both[:, :width], token, **TIGHT)
    torch.testing.assert_close(both[:, width:, 0, 0], wanted[:, 1:].mean(dim=1), **TIGHT)


def test_maps_of_networks_that_have_the_channels_last(made):
    name = "swin_tiny_patch4_window7_224"
    peer = made(name, img_size=(64, 32), num_classes=0)
    images = torch.randn(1, 3, 64, 32)
    backbone = backbone_of(name, "patches", (64, 32), peer.state_dict())
    with torch.no_grad():
        ours, wanted = backbone(images), peer.forward_features(images)
    torch.testing.assert_close(ours, wanted.permute(0, 3, 1, 2), **TIGHT)


def test_sides_are_taken_to_the_nearest_multiples_of_the_patches():
    call = f"timm(name={ROTARY}, tokens=class_token)"
    backbone = BACKBONES.build(call, start="none", attention="none").eval()
    assert backbone.size == (252, 126)
    message = r"for images of 252×126 and got 256×128: set height and width of timm\(...\) and inp"
    with pytest.raises(ValueError, match=message):
        backbone(torch.zeros(1, 3, 256, 128))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("timm(name=levit_128s)", r"levit_128s gives \[1, 8, 384\] .*tokens=own takes the vector"),
        ("timm(name=resnet10t, tokens=class_token)", "resnet10t has no class token: choose"),
        ("timm(name=resnet10t, tokens=first)", "tokens must be patches, own, class_token or"),
    ],
)
def test_tokens_that_a_network_has_not(call, message):
    with pytest.raises(ValueError, match=message):
        BACKBONES.build(call, start="none", attention="none")


def test_without_a_connection_the_message_says_the_way(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    place = "hub:timm/vit_small_patch14_dinov2.lvd142m/model.safetensors"
    name = "vit_small_patch14_dinov2.lvd142m"
    message = rf"connection once.*passerby pull {place} .*--from timm --architecture {name}"
    with pytest.raises(ValueError, match=message):
        BACKBONES.build(f"timm(name={name!r})", start="imagenet", attention="none")


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
