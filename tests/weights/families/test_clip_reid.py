"""CLIP-ReID's weights: its own code on random ones, and its names on ours."""

from types import SimpleNamespace

import pytest
import torch

from passerby.config import Network
from passerby.models.checkpoint import read_card
from passerby.models.system import build_model
from passerby.weights.families.clip_reid import clip_reid

CAMERAS = "cameras=(1, 2, 3, 4, 5, 6), sie=1"
NETWORKS = {
    "resnet50": (16, False, "image=resnet50, stride=16, height=256, width=128"),
    "vit_base": (16, False, "image=vit_base, stride=16, height=256, width=128"),
    "vit_base with cameras": (12, True, f"stride=12, height=256, width=128, {CAMERAS}"),
}
TEXT = {
    "prompt_learner.cls_ctx": torch.zeros(7, 4, 512),
    "prompt_learner.token_prefix": torch.zeros(1, 5, 512),
    "text_encoder.transformer.resblocks.0.ln_1.weight": torch.ones(512),
}


@pytest.fixture
def peer(peer_code, monkeypatch):
    """The authors' network around a CLIP of theirs with random weights, in place of a download."""

    def make(name, stride, cameras):
        pytest.importorskip("yacs", reason="yacs, which CLIP-ReID needs, is not installed")
        for needed in ("ftfy", "regex", "timm"):
            pytest.importorskip(needed, reason=f"{needed}, which CLIP-ReID needs, is not installed")
        code = peer_code("CLIP-ReID", "model.make_model")
        clip = peer_code("CLIP-ReID", "model.clip.model")
        grid = ((256 - 16) // stride + 1, (128 - 16) // stride + 1)
        if name == "resnet50":
            visual = clip.ModifiedResNet((3, 4, 6, 3), 1024, 32, grid[0] * grid[1], 64)
        else:
            visual = clip.VisionTransformer(*grid, 16, stride, 768, 12, 12, 512)
        whole = SimpleNamespace(visual=visual, to=lambda device: None)
        monkeypatch.setattr(code, "load_clip_to_cpu", lambda *_: whole)
        config = peer_code("CLIP-ReID", "config.defaults_base")._C.clone()
        config.MODEL.NAME = "RN50" if name == "resnet50" else "ViT-B-16"
        config.MODEL.STRIDE_SIZE = [stride, stride]
        config.MODEL.SIE_CAMERA, config.MODEL.SIE_COE = cameras, 1.0
        config.INPUT.SIZE_TRAIN, config.TEST.NECK_FEAT = [256, 128], "before"
        return code.make_model(config, num_class=7, camera_num=6, view_num=1)

    return make


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NETWORKS)
def test_against_clip_reids_code(name, peer, randomised, check_exact):
    stride, cameras, options = NETWORKS[name]
    theirs = peer(name, stride, cameras)
    seen = torch.tensor([0, 5, 2, 2, 4, 1]) if cameras else None

    def embed(images):
        labels = None if seen is None else seen.repeat(2)[: len(images)]
        return theirs(images, cam_label=labels)

    randomised(theirs, (256, 128), embed)
    state = theirs.state_dict() | TEXT
    done = check_exact(state, embed, (256, 128), None if seen is None else seen + 1)
    assert (done.family, done.architecture) == ("clip_reid", name.partition(" ")[0])
    assert set(done.dropped) == {"classifier.weight", "classifier_proj.weight", *TEXT}
    recipe = read_card(done.out).recipe
    assert options in recipe.network.system
    assert (recipe.input.mean[0] == 0.5) is (name != "resnet50")


def test_foreign_ones_are_not_its_own_and_slips_are_named():
    assert clip_reid({"image_encoder.conv1.weight": torch.zeros(1)}, None) is None
    ours = build_model(Network(system="clip_reid(image=resnet50)"), persons=0).state_dict()
    state = {
        name.replace("image.", "image_encoder."): tensor
        for name, tensor in ours.items()
        if name.startswith("image.")
    }
    converted = clip_reid(state, "resnet50")
    assert converted.state.keys() == {name for name in ours if name.startswith("image.")}
    with pytest.raises(ValueError, match=r"vit_base: the clip_reid weights .* are resnet50's"):
        clip_reid(state, "vit_base")
    state["image_encoder.attnpool.positional_embedding"] = torch.zeros(18, 2048)
    with pytest.raises(ValueError, match="17 patches are those of no known size and stride"):
        clip_reid(state, None)
