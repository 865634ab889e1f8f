"""torchreid's weights: its own code on random ones, and the authors' trained ones from ONNX."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch

from passerby.data.images import decode
from passerby.data.reading.reader import read_split
from passerby.embedding.preprocessing import normalised, resized
from passerby.evaluation.evaluate import evaluate
from passerby.models.checkpoint import load_model, read_card
from passerby.models.convert import convert_weights
from passerby.models.systems.plain import Plain
from passerby.registry import BACKBONES
from passerby.weights.families.torchreid import osnet_name, torchreid

TRAINED = (
    Path(__file__).resolve().parents[4] / "shared" / "data" / "weights" / "osnet_x0_25_msmt17.onnx"
)
NETWORKS = {
    "osnet_x1_0": "osnet(width=1, variant=plain)",
    "osnet_x0_75": "osnet(width=0.75, variant=plain)",
    "osnet_x0_5": "osnet(width=0.5, variant=plain)",
    "osnet_x0_25": "osnet(width=0.25, variant=plain)",
    "osnet_ibn_x1_0": "osnet(width=1, variant=ibn)",
    "osnet_ain_x1_0": "osnet(width=1, variant=ain)",
    "osnet_ain_x0_75": "osnet(width=0.75, variant=ain)",
    "osnet_ain_x0_5": "osnet(width=0.5, variant=ain)",
    "osnet_ain_x0_25": "osnet(width=0.25, variant=ain)",
    "resnet18": "resnet18(last_stride=2)",
    "resnet50": "resnet50(last_stride=2)",
    "resnet50_fc512": "resnet50(last_stride=1)",
    "resnet50_ibn_a": "resnet50(last_stride=2, ibn=True)",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NETWORKS)
def test_against_torchreids_code(name, peer_code, randomised, check_same):
    models = peer_code("deep-person-reid", "torchreid.models")
    peer = randomised(models.build_model(name, num_classes=5, pretrained=False), (128, 64))
    # As its trainer stores it, from several GPUs.
    state = OrderedDict((f"module.{key}", tensor) for key, tensor in peer.state_dict().items())
    optimizer = torch.optim.Adam(peer.parameters(), amsgrad=True)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [20, 40])
    checkpoint = {
        "state_dict": state,
        "epoch": 60,
        "rank1": np.float64(0.95),
        "optimizer": optimizer.state_dict(),
        "scheduler": schedule.state_dict(),
    }
    done = check_same(checkpoint, peer, size=(128, 64))
    assert (done.family, done.architecture) == ("torchreid", name)
    assert done.dropped == ("classifier.weight", "classifier.bias")
    card = read_card(done.out)
    assert card.recipe.network.backbone == NETWORKS[name]
    ours = Plain(card.recipe.network, persons=0)
    theirs = [p.numel() for k, p in peer.named_parameters() if not k.startswith("classifier.")]
    assert sum(p.numel() for p in ours.parameters()) == sum(theirs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("stripes", [4, 6])
def test_pcb_against_torchreids_code(stripes, peer_code, randomised, tmp_path):
    models = peer_code("deep-person-reid", "torchreid.models")
    peer = models.build_model(f"pcb_p{stripes}", num_classes=5, pretrained=False)
    peer = randomised(peer, (192, 64))
    torch.save(peer.state_dict(), tmp_path / "pcb.pth")
    done = convert_weights(tmp_path / "pcb.pth", tmp_path / "model")
    assert (done.architecture, done.dimensions) == (f"pcb_p{stripes}", stripes * 256)
    assert len(done.dropped) == 2 * stripes
    model, card = load_model(tmp_path / "model")
    assert (card.recipe.input.height, card.recipe.input.width) == (384, 128)
    images = torch.randn(2, 3, 192, 64)
    with torch.inference_mode():
        # Theirs stands channel by channel, ours stripe by stripe.
        wanted = peer(images).view(2, 2048, stripes).transpose(1, 2).flatten(1)
        ours = model(images).before_neck
    torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4 * wanted.abs().max().item())


@pytest.mark.filterwarnings("ignore")
def test_hacnn_against_torchreids_code(peer_code, randomised, check_same):
    models = peer_code("deep-person-reid", "torchreid.models")
    peer = models.build_model("hacnn", num_classes=5, pretrained=False, use_gpu=False)
    for level in (peer.ha1, peer.ha2, peer.ha3):  # regions that depend on the image
        torch.nn.init.normal_(level.hard_attn.fc.weight, std=0.3)
    peer = randomised(peer, (160, 64))
    done = check_same({"state_dict": peer.state_dict()}, peer, size=(160, 64))
    assert (done.family, done.architecture, done.dimensions) == ("torchreid", "hacnn", 1024)
    assert len(done.dropped) == 4
    assert all(name.startswith(("classifier_g", "classifier_l")) for name in done.dropped)
    card = read_card(done.out)
    assert (card.recipe.input.height, card.recipe.input.width) == (160, 64)


def test_hacnn_without_its_local_branch_is_refused():
    state = {"ha1.hard_attn.fc.weight": torch.zeros(8, 128), "fc_global.0.weight": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"HA-CNN without its local branch \(learn_region=False\)"):
        torchreid(state, None)


@pytest.fixture
def trained() -> Path:
    """OSNet x0.25 trained on MSMT17 by its authors; skips where it is absent."""
    if not TRAINED.is_file():
        pytest.skip(f"the trained weights are not at {TRAINED}")
    return TRAINED


def test_the_trained_network_is_onnxruntimes(trained, people, embedder_of):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    session = runtime.InferenceSession(trained, providers=["CPUExecutionProvider"])
    embedder = embedder_of(trained)
    assert embedder.dimensions == 512
    files = sorted((people / "query").glob("*.jpg"))[:: 267 // 64][:64]
    assert len(files) == 64
    ours = embedder(files)
    images = torch.stack([resized(decode(file), embedder.input) for file in files])
    (theirs,) = session.run(None, {"input": normalised(images, embedder.input).numpy()})
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosines.min() > 0.9999
    np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max())


def test_the_trained_network_finds_what_an_independent_evaluator_said(trained, people, embedder_of):
    """Rank-1 36.7, rank-10 60.2, mAP 34.1, mINP 24.3 with onnxruntime and another evaluator."""
    embedder = embedder_of(trained)
    split = read_split(f"market1501={people}")
    query, gallery = (embedder.embed(part).embeddings for part in (split.query, split.gallery))
    report = evaluate(query, gallery)
    assert report.rank1 == pytest.approx(36.7, abs=0.5)
    assert report.mean_average_precision == pytest.approx(34.1, abs=0.5)
    assert report.minp == pytest.approx(24.3, abs=0.5)


def test_what_onnx_folded_is_said(trained, tmp_path):
    done = convert_weights(trained, tmp_path / "model")
    assert "for embedding, not for training" in done.notes[0]
    assert "batch norm was folded" in str(done)


def foreign_osnet(width=0.25, variant="plain"):
    """Our network in torchreid's names, by the inverse of what the converter does."""
    backbone = BACKBONES.build(
        f"osnet(width={width}, variant={variant})", start="none", attention="none"
    )
    names = {
        "reduce.": "conv1.",
        "expand.": "conv3.",
        "shortcut.": "downsample.",
        "gate.squeeze": "gate.fc1",
        "gate.excite": "gate.fc2",
        "pointwise": "conv1",
        "depthwise": "conv2",
        "norm.": "bn.",
        "halve2.0": "conv2.2.0",
        "halve3.0": "conv3.2.0",
        "streams.0.0": "conv2a",
        "streams.1.": "conv2b.",
        "streams.2.": "conv2c.",
        "streams.3.": "conv2d.",
    }
    state = {}
    for name, tensor in backbone.state_dict().items():
        foreign = name
        for ours, theirs in names.items():
            foreign = foreign.replace(ours, theirs)
        state[foreign] = tensor
    return backbone, state


@pytest.mark.parametrize("width", [0.25, 0.5])
def test_names_of_osnet(width):
    backbone, state = foreign_osnet(width)
    state |= {"classifier.weight": torch.zeros(7, 512), "classifier.bias": torch.zeros(7)}
    converted = torchreid(state, None)
    assert converted.architecture == osnet_name(width, "plain")
    assert converted.network.projection == "none"
    ours = {f"backbone.{name}": tensor for name, tensor in backbone.state_dict().items()}
    assert converted.state.keys() == ours.keys()
    assert all(torch.equal(converted.state[name], tensor) for name, tensor in ours.items())


@pytest.mark.parametrize(
    ("width", "variant", "name"),
    [
        (1.0, "plain", "osnet_x1_0"),
        (0.75, "plain", "osnet_x0_75"),
        (0.5, "ain", "osnet_ain_x0_5"),
        (0.25, "ibn", "osnet_ibn_x0_25"),
    ],
)
def test_names_of_networks(width, variant, name):
    assert osnet_name(width, variant) == name


def test_another_architecture_is_refused():
    with pytest.raises(ValueError, match=r"osnet_x1_0: the torchreid weights .* osnet_x0_25's"):
        torchreid(foreign_osnet()[1], "osnet_x1_0")


def test_imagenet_weights_start_a_backbone(tmp_path, monkeypatch):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    backbone, state = foreign_osnet()
    folder = tmp_path / "weights" / "osnet_x0_25_imagenet"
    folder.mkdir(parents=True)
    torch.save(state | {"fc.0.weight": torch.zeros(512, 128)}, folder / "osnet_x0_25_imagenet.pth")
    started = BACKBONES.build("osnet(width=0.25)", start="imagenet", attention="none")
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(started.state_dict()[name], tensor)
