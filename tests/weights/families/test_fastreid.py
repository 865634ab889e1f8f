"""FastReID's weights: its own code on random ones, and its names on ours."""

import pytest
import torch

from passerby.models.checkpoint import load_model, read_card
from passerby.models.convert import convert_weights
from passerby.registry import BACKBONES
from passerby.weights.families.fastreid import fastreid

BOT = {"MODEL.HEADS.WITH_BNNECK": True}
SBS = BOT | {
    "MODEL.BACKBONE.WITH_NL": True,
    "MODEL.HEADS.POOL_LAYER": "GeneralizedMeanPoolingP",
    "MODEL.HEADS.CLS_LAYER": "CircleSoftmax",
    "MODEL.HEADS.SCALE": 64,
    "MODEL.HEADS.MARGIN": 0.35,
}
# FastReID's AGW pools by a fixed power, which leaves no trace in the weights.
AGW = BOT | {
    "MODEL.BACKBONE.WITH_NL": True,
    "MODEL.HEADS.POOL_LAYER": "GeneralizedMeanPooling",
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
    "agw": (AGW, "resnet50(last_stride=1, ceil_pool=True)", "non_local_dot"),
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


def configured(settings, peer_code):
    config = peer_code("fast-reid", "fastreid.config").get_cfg()
    given = {"MODEL.DEVICE": "cpu", "MODEL.HEADS.NUM_CLASSES": 5} | settings
    config.merge_from_list([item for pair in given.items() for item in pair])
    return config


def embedding_of(peer, config):
    """FastReID normalises in the network, ours before it."""
    mean = torch.tensor(config.MODEL.PIXEL_MEAN)[:, None, None]
    std = torch.tensor(config.MODEL.PIXEL_STD)[:, None, None]
    return lambda images: peer(images * std + mean)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SYSTEMS)
def test_against_fastreids_code(name, peer_code, randomised, check_same):
    settings, backbone, attention = SYSTEMS[name]
    config = configured(settings, peer_code)
    peer = peer_code("fast-reid", "fastreid.modeling").build_model(config)
    for module in peer.modules():
        if type(module).__name__ == "GeneralizedMeanPoolingP":
            torch.nn.init.constant_(module.p, 2.6)
    embed = embedding_of(peer, config)
    randomised(peer, (128, 64), embed)
    checkpoint = {"model": peer.state_dict(), "iteration": 17999, "epoch": 59}
    done = check_same(checkpoint, embed, size=(128, 64))
    assert done.family == "fastreid"
    assert done.dropped == ("heads.weight",)
    recipe = read_card(done.out).recipe
    assert (recipe.network.backbone, recipe.network.attention) == (backbone, attention)
    assert recipe.network.pooling == ("average" if attention != "non_local_dot" else "gem")
    assert recipe.input.height == (384 if "sbs" in name else 256)
    assert [255 * value for value in recipe.input.mean] == pytest.approx(config.MODEL.PIXEL_MEAN)
    assert [255 * value for value in recipe.input.std] == pytest.approx(config.MODEL.PIXEL_STD)
    assert recipe.input.filter == "bicubic"


OSNETS = {
    "osnet_x1_0": ("x1_0", 512, "osnet(width=1, variant=plain)"),
    "osnet_x0_25": ("x0_25", 128, "osnet(width=0.25, variant=plain)"),
    "osnet_ibn_x1_0": ("x1_0", 512, "osnet(width=1, variant=ibn)"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OSNETS)
def test_osnet_against_fastreids_code(name, peer_code, randomised, check_same):
    depth, channels, backbone = OSNETS[name]
    config = configured(
        BOT
        | {
            "MODEL.BACKBONE.NAME": "build_osnet_backbone",
            "MODEL.BACKBONE.DEPTH": depth,
            "MODEL.BACKBONE.WITH_IBN": "ibn" in name,
            "MODEL.BACKBONE.FEAT_DIM": channels,
        },
        peer_code,
    )
    peer = peer_code("fast-reid", "fastreid.modeling").build_model(config)
    embed = embedding_of(peer, config)
    randomised(peer, (128, 64), embed)
    done = check_same({"model": peer.state_dict()}, embed, size=(128, 64))
    assert (done.family, done.architecture) == ("fastreid", name)
    network = read_card(done.out).recipe.network
    assert (network.backbone, network.neck) == (backbone, "batch_norm")


MGNS = {
    "learned_power": ({"MODEL.HEADS.POOL_LAYER": "GeneralizedMeanPoolingP"}, "gem"),
    "maximum": ({"MODEL.HEADS.POOL_LAYER": "GlobalMaxPool"}, "max"),
    "published": (  # configs/Market1501/mgn_R50-ibn.yml
        IBN | {"MODEL.HEADS.POOL_LAYER": "GeneralizedMeanPoolingP"},
        "gem",
    ),
    "se": (
        {"MODEL.BACKBONE.WITH_SE": True, "MODEL.HEADS.POOL_LAYER": "GlobalMaxPool"},
        "max",
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MGNS)
def test_mgn_against_fastreids_code(name, peer_code, randomised, check_same):
    architecture = peer_code("fast-reid", "fastreid.modeling.meta_arch.mgn").MGN
    settings, pooling = MGNS[name]
    reduced = {"MODEL.HEADS.EMBEDDING_DIM": 256, "MODEL.BACKBONE.PRETRAIN": False}
    config = configured(BOT | reduced | settings, peer_code)
    peer = architecture(config)
    for number, (key, tensor) in enumerate(peer.state_dict().items()):
        if key.endswith("pool_layer.p"):
            tensor.fill_(2 + number % 7 / 3)
    embed = embedding_of(peer, config)
    randomised(peer, (192, 64), embed)
    done = check_same({"model": peer.state_dict()}, embed, size=(192, 64))
    assert (done.family, done.architecture, done.dimensions) == ("fastreid", "mgn", 2048)
    assert done.dropped == tuple(f"b{part}_head.weight" for part in (1, 2, 3, 21, 22, 31, 32, 33))
    recipe = read_card(done.out).recipe
    assert recipe.network.system == f"mgn(global_stride=1, relu=False, pooling={pooling})"
    assert recipe.network.backbone.startswith("resnet50(")
    assert recipe.input.height == 384


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
    assert "images of 256×128" in notes
    assert "--set network.pooling=" in notes


@pytest.mark.parametrize("pooling", ["max", "gem(power=3.5)"])
def test_a_pooling_that_learns_nothing_can_be_set(pooling, tmp_path):
    head = {f"bottleneck.0.{name}": tensor for name, tensor in norm(512).items()}
    torch.save(published(head), tmp_path / "bot.pth")
    settings = [f"network.pooling={pooling}"]
    convert_weights(tmp_path / "bot.pth", tmp_path / "model", settings=settings)
    model, _ = load_model(tmp_path / "model")
    if "gem" in pooling:
        assert model.pooling.power.item() == 3.5


def test_a_power_that_was_learnt_is_kept_and_needs_its_pooling(tmp_path):
    head = {f"bottleneck.0.{name}": tensor for name, tensor in norm(512).items()}
    torch.save(published(head | {"pool_layer.p": torch.tensor([2.5])}), tmp_path / "sbs.pth")
    done = convert_weights(tmp_path / "sbs.pth", tmp_path / "model")
    assert "images of 384×128, as in its SBS" in str(done)
    assert load_model(tmp_path / "model")[0].pooling.power.item() == 2.5
    with pytest.raises(ValueError, match=r"1 unexpected \(pooling\.power\)"):
        convert_weights(
            tmp_path / "sbs.pth", tmp_path / "other", settings=["network.pooling=average"]
        )


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
