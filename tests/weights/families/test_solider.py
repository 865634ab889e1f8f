"""SOLIDER's weights: its own code on random ones, and its names on ours."""

import pytest
import torch

from passerby.models.checkpoint import read_card
from passerby.registry import BACKBONES
from passerby.weights.families.solider import solider
from tests.weights.families.test_transreid import configured

NETWORKS = {
    "swin_tiny": "swin(variant=tiny, semantic=0.2)",
    "swin_base": "swin(variant=base, semantic=0.2)",
}


@pytest.fixture
def uncopied(old_libraries, monkeypatch):
    """Authors' code that would move its tensors to a GPU."""
    monkeypatch.setattr(torch.Tensor, "cuda", lambda tensor: tensor)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*NETWORKS, "swin_tiny reduced"])
def test_against_soliders_code(name, peer_code, randomised, check_exact, uncopied):
    pytest.importorskip("yacs", reason="yacs, which SOLIDER needs, is not installed")
    name, _, reduced = name.partition(" ")
    settings = {"MODEL.REDUCE_FEAT_DIM": bool(reduced), "MODEL.PRETRAIN_PATH": ""}
    config = configured(peer_code("SOLIDER-REID", "config"), f"market/{name}.yml", settings)
    code = peer_code("SOLIDER-REID", "model.make_model")
    peer = code.make_model(config, 7, camera_num=6, view_num=1, semantic_weight=0.2)
    # What a network without weights would begin with alike everywhere is made to differ.
    torch.manual_seed(1)
    for parameter in peer.base.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    size = (384, 128)
    randomised(peer, size)
    done = check_exact(peer.state_dict(), lambda images: peer(images)[0], size)
    assert (done.family, done.architecture) == ("solider", name)
    assert "classifier.weight" in done.dropped
    recipe = read_card(done.out).recipe
    assert recipe.network.backbone == NETWORKS[name]
    assert (recipe.network.projection != "none") is bool(reduced)
    assert (recipe.input.height, recipe.input.width) == tuple(config.INPUT.SIZE_TEST)
    assert list(recipe.input.mean) == config.INPUT.PIXEL_MEAN
    if not reduced:
        teacher = {f"backbone.{key}": value for key, value in peer.base.state_dict().items()}
        head = {"head.mlp.0.weight": torch.ones(2, 2)}
        done = check_exact({"teacher": teacher | head}, lambda images: peer.base(images)[0], size)
        assert "the batch norm begins anew" in str(done)


def published():
    """A Swin-T of ours by SOLIDER's names."""
    ours = BACKBONES.build("swin(variant=tiny, semantic=0.2)", start="none", attention="none")
    names = {
        "patch_embed.proj.": "patch_embed.projection.",
        ".attn.": ".attn.w_msa.",
        ".mlp.fc1.": ".ffn.layers.0.0.",
        ".mlp.fc2.": ".ffn.layers.1.",
    }
    state = {}
    for name, tensor in ours.state_dict().items():
        moved = f"norm3.{name[5:]}" if name.startswith("norm.") else name
        for own, theirs in names.items():
            moved = moved.replace(own, theirs)
        if name.startswith("merges."):
            moved = f"stages.{name[7]}.downsample{name[8:]}"
        if name.startswith("controls."):
            moved = moved.replace("controls.", "semantic_embed_").replace("shift.", "")
            number = name[9]
            kind = "w" if "scale" in name else "b"
            moved = f"semantic_embed_{kind}.{number}.{name.rpartition('.')[2]}"
        state[f"base.{moved}"] = tensor
    return state, ours.state_dict()


def test_names():
    state, ours = published()
    more = {"base.norm0.weight": torch.ones(96), "classifier.weight": torch.ones(3, 768)}
    converted = solider(state | more, None)
    assert converted.dropped == ("classifier.weight", "base.norm0.weight")
    assert converted.state.keys() == {f"backbone.{name}" for name in ours}
    assert all(torch.equal(converted.state[f"backbone.{name}"], ours[name]) for name in ours)
    assert converted.network.system == "plain(embedding=before_neck)"
    assert "semantic weight 0.2" in " ".join(converted.notes)


def test_foreign_and_unknown_ones_are_named():
    state, _ = published()
    assert solider({"base.cls_token": torch.zeros(1)}, None) is None
    with pytest.raises(ValueError, match="swin_base: the solider weights in the file are swin_tin"):
        solider(state, "swin_base")
    state["base.patch_embed.norm.weight"] = torch.ones(192)
    with pytest.raises(ValueError, match="width 192 with 6 blocks in its third stage is none of"):
        solider(state, None)
