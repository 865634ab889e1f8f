"""Vision transformers' weights: TransReID's and PersonViT's own code on random ones."""

import argparse
from pathlib import Path

import pytest
import torch

from passerby.config import Network
from passerby.models.checkpoint import load_model, read_card
from passerby.models.convert import convert_weights
from passerby.models.starting import build_started
from passerby.models.system import build_model
from passerby.recipes.personvit import personvit as personvit_recipe
from passerby.weights.families.personvit import personvit
from passerby.weights.families.transreid import transreid

SMALL = {"MODEL.TRANSFORMER_TYPE": "deit_small_patch16_224_TransReID"}
CAMERAS = "cameras=(1, 2, 3, 4, 5, 6), sie=3"

# The authors' configuration for Market-1501, what is changed in it, and the options of our system.
NETWORKS = {
    "vit_base": (SMALL, "stride=16, height=256, width=128, jigsaw=false"),
    "vit_sie": (SMALL, f"stride=16, height=256, width=128, {CAMERAS}, jigsaw=false"),
    "vit_transreid_384": ({}, f"stride=16, height=384, width=128, {CAMERAS}, jigsaw=true"),
    "vit_transreid_stride": ({}, f"stride=12, height=256, width=128, {CAMERAS}, jigsaw=true"),
}


def configured(module, file, settings):
    config = module.cfg.clone()
    config.merge_from_file(Path(module.__file__).parents[1] / "configs" / file)
    changed = {"MODEL.PRETRAIN_CHOICE": "none"} | settings
    config.merge_from_list([item for pair in changed.items() for item in pair])
    return config


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NETWORKS)
def test_against_transreids_code(name, peer_code, randomised, check_exact, old_libraries):
    pytest.importorskip("yacs", reason="yacs, which TransReID needs, is not installed")
    settings, options = NETWORKS[name]
    cameras = "cameras" in options
    config = configured(peer_code("TransReID", "config"), f"Market/{name}.yml", settings)
    make_model = peer_code("TransReID", "model.make_model").make_model
    peer = make_model(config, num_class=7, camera_num=6, view_num=1)
    seen = torch.tensor([0, 5, 2, 2, 4, 1]) if cameras else None

    def embed(images):
        labels = torch.arange(len(images)) % 6 if seen is None or len(images) > 6 else seen
        return peer(images, cam_label=labels, view_label=torch.zeros_like(labels))

    size = tuple(config.INPUT.SIZE_TRAIN)
    randomised(peer, size, embed)
    state = {f"module.{name}": tensor for name, tensor in peer.state_dict().items()}
    done = check_exact(state, embed, size, None if seen is None else seen + 1)
    assert done.family == "transreid"
    assert all("classifier" in name or name.startswith("base.") for name in done.dropped)
    assert ("base.blocks.11.mlp.fc2.bias" in done.dropped) is ("jigsaw=true" in options)
    recipe = read_card(done.out).recipe
    assert options in recipe.network.system
    assert (recipe.input.height, recipe.input.width) == size
    assert recipe.input.mean == tuple(config.INPUT.PIXEL_MEAN) == (0.5, 0.5, 0.5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("size", ["small", "base"])
def test_against_personvits_code(size, peer_code, randomised, check_exact, old_libraries):
    pytest.importorskip("yacs", reason="yacs, which PersonViT needs, is not installed")
    config = configured(
        peer_code("PersonViT/transreid_pytorch", "config"), f"market/vit_{size}.yml", {}
    )
    code = peer_code("PersonViT/transreid_pytorch", "model.make_model")
    peer = code.make_model(config, num_class=7, camera_num=0, view_num=0)
    randomised(peer, (256, 128))
    done = check_exact(peer.state_dict(), peer, (256, 128))
    assert (done.family, done.architecture) == ("transreid", f"vit_{size}")
    # Before fine-tuning: what iBOT stores, of which PersonViT's code reads the teacher.
    trunk = {name: t for name, t in peer.base.state_dict().items() if not name.startswith("fc.")}
    head = {"head.last_layer.weight_g": torch.ones(8192, 1)}
    teacher = {f"backbone.{name}": tensor for name, tensor in trunk.items()} | head
    student = {f"module.{name}": torch.zeros_like(tensor) for name, tensor in teacher.items()}
    options = argparse.Namespace(arch=f"vit_{size}", lr=0.0005, local_crops_scale=(0.05, 0.4))
    content = {"student": student, "teacher": teacher, "optimizer": {}, "epoch": 9, "args": options}
    done = check_exact(content, peer, (256, 128))
    assert (done.family, done.architecture) == ("personvit", f"vit_{size}")
    assert done.dropped == tuple(head)


def published():
    """A PersonViT before fine-tuning with the names of ours, small: two layers."""
    torch.manual_seed(0)
    call = "transreid(variant=tiny, depth=2, stride=16, jigsaw=false, height=64, width=32)"
    ours = build_model(Network(system=call), persons=0).state_dict()
    places = torch.randn(1, 129, 192)
    names = {"whole.0.": "blocks.1.", "whole.1.": "norm."}
    state = {"backbone.pos_embed": places}
    for name, tensor in ours.items():
        moved = name
        for own, theirs in names.items():
            moved = moved.replace(own, theirs)
        if not name.startswith(("neck.", "pos_embed")):
            state[f"backbone.{moved}"] = tensor
    return state


def test_a_pretrained_file_starts_a_training(tmp_path):
    torch.save({"teacher": published()}, tmp_path / "checkpoint.pth")
    done = convert_weights(tmp_path / "checkpoint.pth", tmp_path / "model")
    assert "the batch norm before a classifier begins anew" in str(done)
    model, card = load_model(tmp_path / "model")
    assert model.grid == (16, 8)
    network = card.recipe.network
    started, start = build_started(
        Network(system=network.system, start=str(tmp_path / "model")), persons=3
    )
    assert torch.equal(started.pos_embed, model.pos_embed)
    assert "new: classifiers" in start.said[0]
    assert personvit_recipe().network.system.startswith("transreid(variant=small, stride=16")


def test_foreign_and_unknown_transformers_are_named():
    state = published()
    assert transreid(state, None) is None
    assert personvit({"cls_token": torch.zeros(1)}, None) is None
    with pytest.raises(ValueError, match="17 patches are those of no known size and stride"):
        personvit(state | {"backbone.pos_embed": torch.zeros(1, 18, 192)}, None)
    with pytest.raises(ValueError, match="convolutional stem"):
        personvit(state | {"backbone.patch_embed.conv.0.weight": torch.zeros(1)}, None)
    with pytest.raises(ValueError, match=r"vit_base: the personvit weights .* are vit_tiny's"):
        personvit(state, "vit_base")
    lacking = {name: t for name, t in state.items() if "qkv.bias" not in name}
    with pytest.raises(ValueError, match="without biases in its attention, is none"):
        personvit(lacking, None)
