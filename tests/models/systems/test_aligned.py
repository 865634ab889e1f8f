"""AlignedReID: the plain network's features, and rows beside them."""

import pytest
import torch
import torch.nn.functional as F
import torchvision

from passerby.config import Input, Network
from passerby.embedding.embedder import Embedder
from passerby.models.system import build_model
from passerby.models.systems.plain import Plain
from tests.models.systems.test_pcb import randomised


def build(**options):
    torch.manual_seed(0)
    return build_model(Network("resnet18(last_stride=2)", system="aligned", **options), 5)


def test_the_papers_sizes():
    system = build_model(Network("resnet50(last_stride=2)", system="aligned", neck="none"), 751)
    local = 2 * 2048 + 2048 * 128 + 128  # batch norm, reduction
    assert sum(p.numel() for p in system.parameters()) == 23_508_032 + local + 751 * 2048
    with torch.device("meta"):
        maps = system.backbone.to("meta")(torch.zeros(1, 3, 256, 128))
    assert maps.shape == (1, 2048, 8, 4)


@pytest.mark.parametrize("neck", ["none", "batch_norm"])
@torch.no_grad()
def test_features_are_the_plain_ones_with_rows(neck):
    system = randomised(build(neck=neck))
    plain = Plain(Network("resnet18(last_stride=2)", neck=neck), 5).eval()
    own = {key: value for key, value in system.state_dict().items() if "local" not in key}
    plain.load_state_dict(own)
    images = torch.randn(2, 3, 128, 64)
    features, expected = system(images), plain(images)
    assert torch.equal(features.embedding, expected.embedding)
    assert torch.equal(features.parts[0].similarities, expected.parts[0].similarities)
    maps = system.backbone(images)
    rows = torch.zeros(2, 4, 512)
    for image in range(2):
        for row in range(4):
            longest = torch.tensor([max(maps[image, c, row].tolist()) for c in range(512)])
            rows[image, row] = longest / longest.norm()
    torch.testing.assert_close(features.local, rows)


@torch.no_grad()
def test_rows_are_reduced_in_training():
    system = build(neck="none").train()
    images = torch.randn(2, 3, 128, 64)
    local = system(images).local
    rectified = F.relu(system.local_norm(system.backbone(images)))
    rows = [F.normalize(system.local_reduction(rectified[:, :, r].amax(dim=2))) for r in range(4)]
    torch.testing.assert_close(local, torch.stack(rows, dim=1))
    assert local.shape == (2, 4, 128)


@torch.no_grad()
def test_test_vectors_are_the_authors(peer_code, monkeypatch):
    plain = torchvision.models.resnet50
    monkeypatch.setattr("torchvision.models.resnet50", lambda pretrained: plain(weights=None))
    authors = peer_code("AlignedReID", "models.ResNet").ResNet50(5, aligned=True).eval()
    network = Network("resnet50(last_stride=2)", system="aligned", neck="none")
    system = build_model(network, 0).eval()
    names = ("conv1", "bn1", "", "", "layer1", "layer2", "layer3", "layer4")
    state = {
        f"backbone.{names[int(name.split('.')[1])]}.{name.split('.', 2)[2]}": tensor
        for name, tensor in authors.state_dict().items()
        if name.startswith("base.")
    }
    missing, unexpected = system.load_state_dict(state, strict=False)
    assert (unexpected, all("local" in name for name in missing)) == ([], True)
    images = torch.randn(3, 3, 256, 128)
    theirs, their_rows = authors(images)
    found = system(images)
    torch.testing.assert_close(found.embedding, theirs, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.local, their_rows.transpose(1, 2), rtol=1e-4, atol=1e-5)


def test_the_embedder_keeps_the_rows(tiny, tmp_path):
    embedder = Embedder(build(neck="none").eval(), Input(height=64, width=32), batch_size=5)
    found = embedder.embed(tiny.query).embeddings
    assert found.local.shape == (len(tiny.query), 2, 512)
    again = type(found).load(found.save(tmp_path / "x.npz"))
    assert (again.local == found.local).all()
    mirrored = Embedder(build(neck="none").eval(), Input(height=64, width=32), flip=True)
    flipped = mirrored.embed(tiny.query[:3]).embeddings
    assert flipped.local.shape == (3, 2, 512)
    assert not (flipped.local == found.local[:3]).all()
    paths = [record.image for record in tiny.query[:3]]
    assert embedder(paths).shape == (3, 512)
