"""PASS's weights: its own code on random ones, and its names on ours."""

import pytest
import torch

from passerby.config import Network
from passerby.models.checkpoint import read_card
from passerby.models.system import build_model
from passerby.weights.families.pass_reid import pass_reid
from passerby.weights.families.transreid import transreid
from tests.weights.families.test_transreid import configured

# The authors' configurations for Market-1501, what is changed in them, and our options.
NETWORKS = {
    "vit_base": ({}, "fusion=side_by_side, necks=four"),
    "vit_small": ({}, "fusion=side_by_side, necks=four"),
    "vit_small one neck": ({"MODEL.MULTI_NECK": False}, "fusion=side_by_side, necks=one"),
    "vit_small mean": (
        {"MODEL.MULTI_NECK": False, "MODEL.FEAT_FUSION": "mean"},
        "fusion=mean, necks=one",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NETWORKS)
def test_against_passs_code(name, peer_code, randomised, check_exact, old_libraries):
    pytest.importorskip("yacs", reason="yacs, which PASS needs, is not installed")
    settings, options = NETWORKS[name]
    home, file = "PASS-reID/PASS_transreid", name.partition(" ")[0]
    config = configured(peer_code(home, "config"), f"market/{file}.yml", settings)
    make_model = peer_code(home, "model.make_model").make_model
    peer = make_model(config, num_class=7, camera_num=0, view_num=0)
    size = tuple(config.INPUT.SIZE_TEST)
    torch.manual_seed(1)
    for key, parameter in peer.base.named_parameters():
        if "pos" in key or "token" in key:  # which begin at nought, or alike
            parameter.data.copy_(0.5 * torch.randn_like(parameter))
    randomised(peer, size)
    done = check_exact(peer.state_dict(), peer, size)
    assert (done.family, done.architecture) == ("pass_reid", file)
    assert set(done.dropped) == {"classifier.weight", "base.fc.weight", "base.fc.bias"}
    recipe = read_card(done.out).recipe
    assert options in recipe.network.system
    assert list(recipe.input.mean) == config.INPUT.PIXEL_MEAN
    if name == "vit_small":  # before fine-tuning, as the authors give it and as it was stored
        trunk = {n: t for n, t in peer.base.state_dict().items() if not n.startswith("fc.")}
        teacher = {f"backbone.{n}": t for n, t in trunk.items()} | {
            "head.last.weight": torch.zeros(1)
        }
        for content in (trunk, {"teacher": teacher, "student": {}, "epoch": 3}):
            done = check_exact(content, peer, size)
            assert "the batch norms begin anew" in str(done)


def published():
    """A small one of ours by PASS's names: two layers."""
    torch.manual_seed(0)
    ours = build_model(Network(system="part_tokens(variant=tiny, depth=2)"), persons=0)
    state = {
        f"base.{name}": tensor
        for name, tensor in ours.state_dict().items()
        if not name.startswith(("neck.", "tokens", "pos_embed"))
    }
    for number, name in enumerate(("cls", "part1", "part2", "part3")):
        token = "cls_token" if number == 0 else f"part_token{number}"
        state[f"base.{token}"] = ours.tokens.data[:, number : number + 1]
        state[f"base.{name}_pos"] = ours.pos_embed.data[:, number : number + 1]
    state["base.pos_embed"] = ours.pos_embed.data[:, 4:]
    return state, ours


def test_names():
    state, ours = published()
    norms = {
        f"bottleneck{f'_{number}' * (number > 0)}.{name}": tensor
        for number, norm in enumerate(ours.neck)
        for name, tensor in norm.state_dict().items()
    }
    converted = pass_reid(state | norms | {"classifier.weight": torch.zeros(3, 384)}, None)
    assert converted.dropped == ("classifier.weight",)
    assert converted.state.keys() == ours.state_dict().keys()
    for name, tensor in ours.state_dict().items():
        assert torch.equal(converted.state[name], tensor)
    assert "necks=four" in converted.network.system
    assert transreid(state, None) is None
    assert pass_reid({"base.cls_token": torch.zeros(1, 1, 192)}, None) is None
    with pytest.raises(ValueError, match=r"vit_base: the pass_reid weights .* are vit_tiny's"):
        pass_reid(state, "vit_base")
