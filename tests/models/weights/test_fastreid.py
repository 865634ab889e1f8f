"""FastReID's weights: its own code on random ones, and its names on ours."""

import pytest
import torch

from passerby.models.checkpoint import read_card
from passerby.models.weights.fastreid import fastreid
from passerby.registry import BACKBONES

BOT = {"MODEL.HEADS.WITH_BNNECK": True}
SBS = BOT | {
    "MODEL.BACKBONE.WITH_NL": True,
    "MODEL.HEADS.POOL_LAYER": "GeneralizedMeanPoolingP",
    "MODEL.HEADS.CLS_LAYER": "CircleSoftmax",
    "MODEL.HEADS.SCALE": 64,
    "MODEL.HEADS.MARGIN": 0.35,
}
R101 = {"MODEL.BACKBONE.DEPTH": "101x"}
IBN = {"MODEL.BACKBONE.WITH_IBN": True}

# What differs from FastReID's defaults (ResNet-50, last stride 1), and our network.
SYSTEMS = {
    "bot": (BOT, "resnet50(last_stride=1, ceil_pool=True)", "none"),
    "bot_r18_ibn": (
        BOT | IBN | {"MODEL.BACKBONE.DEPTH": "18x", "MODEL.BACKBONE.FEAT_DIM": 512},
        "resnet18(last_stride=1, ibn=True, ceil_pool=True)",
        "none",
    ),
    "bot_without_neck": ({}, "resnet50(last_stride=1, ceil_pool=True)", "none"),
    "sbs": (SBS, "resnet50(last_stride=1, ceil_pool=True)", "non_local_dot"),
    "sbs_r101_ibn": (
        SBS | R101 | IBN,
        "resnet101(last_stride=1, ibn=True, ceil_pool=True)",
        "non_local_dot",
    ),
    "embedding_256": (
        BOT | {"MODEL.HEADS.EMBEDDING_DIM": 256},
        "resnet50(last_stride=1, ceil_pool=True)",
        "none",
    ),
    "se_ibn": (
        BOT | IBN | {"MODEL.BACKBONE.WITH_SE": True},
        "resnet50(last_stride=1, ibn=True, ceil_pool=True)",
        "se",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SYSTEMS)
def test_against_fastreids_code(name, randomised, check_same):
    pytest.importorskip("fastreid", reason="fastreid is not installed")
    from fastreid.config import get_cfg
    from fastreid.modeling import build_model

    settings, backbone, attention = SYSTEMS[name]
    config = get_cfg()
    config.merge_from_list(
        [
            item
            for key, value in (
                {"MODEL.DEVICE": "cpu", "MODEL.HEADS.NUM_CLASSES": 5} | settings
            ).items()
            for item in (key, value)
        ]
    )
    peer = randomised(build_model(config))
    for module in peer.modules():
        if type(module).__name__ == "GeneralizedMeanPoolingP":
            torch.nn.init.constant_(module.p, 2.6)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    # Statistics of its own maps: what a non-local block adds is their cube, and would run away.
    peer.backbone.train()(
        3 * torch.randn(8, 3, 8, 4).repeat_interleave(16, 2).repeat_interleave(16, 3)
    )
    peer.eval()
    mean = torch.tensor(config.MODEL.PIXEL_MEAN)[:, None, None]
    std = torch.tensor(config.MODEL.PIXEL_STD)[:, None, None]

    def embed(images):  # FastReID normalises in the network, ours before it
        return peer(images * std + mean)

    checkpoint = {"model": peer.state_dict(), "iteration": 17999, "epoch": 59}
    done = check_same(checkpoint, embed, size=(128, 64))
    assert done.family == "fastreid"
    assert done.dropped == ("heads.weight",)
    recipe = read_card(done.out).recipe
    assert (recipe.network.backbone, recipe.network.attention) == (backbone, attention)
    assert recipe.network.pooling == ("gem" if "sbs" in name else "average")
    assert [255 * value for value in recipe.input.mean] == pytest.approx(config.MODEL.PIXEL_MEAN)
    assert [255 * value for value in recipe.input.std] == pytest.approx(config.MODEL.PIXEL_STD)
    assert recipe.input.filter == "bicubic"


def published(head, attention="none", backbone="resnet18"):
    network = BACKBONES.build(f"{backbone}(ceil_pool=True)", start="none", attention=attention)
    state = {f"backbone.{name}": tensor for name, tensor in network.state_dict().items()}
    return state | {f"heads.{name}": tensor for name, tensor in head.items()}


def norm(channels):
    module = torch.nn.BatchNorm1d(channels)
    return module.state_dict()


def test_names_before_version_1():
    head = {f"bnneck.{name}": tensor for name, tensor in norm(512).items()}
    state = published(head | {"classifier.weight": torch.zeros(7, 512)})
    constants = {"pixel_mean": torch.zeros(1, 3, 1, 1), "pixel_std": torch.ones(1, 3, 1, 1)}
    converted = fastreid(state | constants, None)
    assert converted.dropped == ("pixel_mean", "pixel_std", "heads.classifier.weight")
    assert converted.network.neck == "batch_norm"
    assert "neck.running_mean" in converted.state


def test_what_weights_do_not_tell_is_said():
    head = {f"bottleneck.0.{name}": tensor for name, tensor in norm(512).items()}
    notes = " ".join(fastreid(published(head), None).notes)
    assert "last stride 1" in notes
    assert "--set input.height=384" in notes
    assert "--set network.pooling=" in notes


def test_other_files_are_not_its_own():
    assert fastreid({"backbone.conv1.weight": torch.zeros(1)}, None) is None
    assert (
        fastreid(BACKBONES.build("resnet18", start="none", attention="none").state_dict(), None)
        is None
    )


def test_another_architecture_is_refused():
    head = {f"bottleneck.0.{name}": tensor for name, tensor in norm(512).items()}
    with pytest.raises(ValueError, match="resnet50: the fastreid weights in the file are resnet18"):
        fastreid(published(head), "resnet50")
