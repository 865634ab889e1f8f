"""TransReID against timm's vision transformer, its shuffle and cameras against slow versions."""

import pytest
import torch

from passerby.config import Network, Recipe
from passerby.embedding.embedder import Embedder
from passerby.models.system import build_model
from passerby.models.systems import transreid
from passerby.models.transformers.layers import drop_path
from passerby.tables.records import Record

TINY = "variant=tiny, depth=2, height=64, width=32"


def build(options=TINY, persons=5, **network):
    torch.manual_seed(0)
    return build_model(Network(system=f"transreid({options})", **network), persons)


def test_the_papers_sizes():
    with torch.device("meta"):
        system = build("cameras=(1, 2, 3, 4, 5, 6)", persons=0)
    assert system.grid == (21, 10)
    layer = 12 * 768**2 + 13 * 768  # attention and MLP with biases, two norms
    tokens = (211 + 1) * 768 + (3 * 16 * 16 + 1) * 768 + 6 * 768
    branches = 2 * (layer + 2 * 768)
    assert sum(p.numel() for p in system.parameters()) == 11 * layer + tokens + branches + 10 * 768
    assert system.dimensions == 3840
    with torch.device("meta"):
        assert build("jigsaw=false", persons=0).dimensions == 768


@torch.no_grad()
def test_timm_gives_the_same_tokens():
    timm = pytest.importorskip("timm", reason="timm is not installed")
    theirs = timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=(64, 32), depth=2)
    ours = build(f"{TINY}, stride=16, jigsaw=false", persons=0)
    state = {}
    for name, value in theirs.state_dict().items():
        ours_is = name.replace("blocks.1.", "whole.0.")
        state[f"whole.1.{name[5:]}" if name.startswith("norm.") else ours_is] = value
    missing, unexpected = ours.load_state_dict(state, strict=False)
    assert unexpected == []
    assert all(name.startswith("neck.") for name in missing)
    images = torch.randn(2, 3, 64, 32)
    expected = theirs.eval().forward_features(images)[:, 0]
    torch.testing.assert_close(ours.eval()(images).embedding, expected, rtol=0, atol=1e-5)


def test_imagenet_weights_are_placed(monkeypatch):
    timm = pytest.importorskip("timm", reason="timm is not installed")
    theirs = timm.create_model("vit_tiny_patch16_224", num_classes=0).state_dict()
    asked = []
    monkeypatch.setattr(transreid, "_imagenet_weights", lambda name: asked.append(name) or theirs)
    ours = build("variant=tiny, cameras=(0, 1)", persons=0, start="imagenet").state_dict()
    assert asked == ["vit_tiny_patch16_224.augreg_in21k_ft_in1k"]
    for name, value in theirs.items():
        if name.startswith("blocks.11."):
            for branch in ("whole", "shared"):
                assert torch.equal(ours[f"{branch}.0.{name[10:]}"], value)
        elif name.startswith("norm."):
            assert torch.equal(ours[f"shared.1.{name[5:]}"], value)
        elif name != "pos_embed":
            assert torch.equal(ours[name], value)
    places, old = ours["pos_embed"], theirs["pos_embed"]
    assert places.shape == (1, 211, 192)
    assert torch.equal(places[:, 0], old[:, 0])
    # Centres of the pixels lie at (i + 1/2) · 14/21 − 1/2 = 1/2 and 14/10 · 11/2 − 1/2 = 7.2.
    grid = old[0, 1:].view(14, 14, 192)
    between = (grid[0] + grid[1]) / 2
    torch.testing.assert_close(places[0, 1 + 10 + 5], 0.8 * between[7] + 0.2 * between[8])
    with pytest.raises(ValueError, match=r"have 12 layers, got transreid\(depth=2\)"):
        build("variant=tiny, depth=2", start="imagenet")


@pytest.mark.parametrize("count", [8, 11])
def test_the_jigsaw(count):
    patches = torch.arange(count)
    order = [*range(4, count), 0, 1, 2, 3]
    if count % 2:
        order.append(order[-2])
    half = len(order) // 2
    expected = [order[number // 2 + half * (number % 2)] for number in range(len(order))]
    found = transreid.shuffled(patches.view(1, count, 1))
    assert found.flatten().tolist() == expected


@torch.no_grad()
def test_local_parts_see_their_group():
    system = build(f"{TINY}, stride=12").eval()
    images = torch.randn(2, 3, 64, 32)
    features = system(images)
    tokens = system.blocks(system._tokens(images, None))
    mixed = transreid.shuffled(tokens[:, 1:])
    for number, part in enumerate(features.parts[1:]):
        own = torch.stack([mixed[:, 2 * number], mixed[:, 2 * number + 1]], dim=1)
        expected = system.shared(torch.cat([tokens[:, :1], own], dim=1))[:, 0]
        torch.testing.assert_close(part.before_neck, expected)
        torch.testing.assert_close(part.after_neck, system.neck[part.name](expected))
    vectors = [part.before_neck / (4 if part.name != "global" else 1) for part in features.parts]
    torch.testing.assert_close(features.embedding, torch.cat(vectors, dim=1))
    assert features.embedding.shape == (2, 5 * 192)


@torch.no_grad()
def test_cameras_add_their_vector_and_unknown_ones_the_mean():
    system = build(f"{TINY}, cameras=(7, 2), sie=2.0").eval()
    assert system.camera_numbers.tolist() == [2, 7]
    images = torch.randn(1, 3, 64, 32).expand(5, -1, -1, -1)
    cameras = torch.tensor([2, 7, -1, 99, 2])
    found = system._tokens(images, cameras)
    plain = build(TINY).eval()
    plain.load_state_dict(
        {k: v for k, v in system.state_dict().items() if k not in ("sie_embed", "camera_numbers")}
    )
    added = found - plain._tokens(images, None)
    vectors = system.sie_embed[:, 0]
    expected = 2 * torch.stack([vectors[0], vectors[1], *[vectors.mean(dim=0)] * 2, vectors[0]])
    torch.testing.assert_close(added, expected[:, None].expand_as(added), rtol=0, atol=1e-6)
    unknown = system(images[:1]).embedding
    torch.testing.assert_close(system(images, cameras).embedding[2:3], unknown, rtol=0, atol=1e-5)


def test_a_camera_that_is_not_named_stops_the_training():
    system = build(f"{TINY}, cameras=(1, 2)").train()
    images = torch.randn(3, 3, 64, 32)
    system(images, torch.tensor([1, -1, 2]))
    with pytest.raises(ValueError, match=r"has cameras \[3\] and the network knows \[1, 2\]"):
        system(images, torch.tensor([1, -1, 3]))


def test_the_embedder_hands_cameras_on(tiny):
    system = build(f"{TINY}, cameras=(1, 2, 3)")
    embedder = Embedder(system, Recipe("x").input)
    image = tiny.query[0].image
    seen = embedder.embed([Record(image, 1, camera, "x") for camera in (1, 2)]).embeddings.vectors
    unknown = embedder.embed([Record(image, 1, None, "x")]).embeddings.vectors
    assert abs(seen[0] - seen[1]).max() > 1e-4
    assert abs(unknown - embedder([image])).max() < 1e-5


def test_drop_path_leaves_whole_images_out():
    branch = torch.ones(2000, 3, 64)
    torch.manual_seed(0)
    dropped = drop_path(branch, 0.5, training=True)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(dropped[:, :1, :1].expand_as(dropped), dropped)
    assert abs(float(dropped.mean()) - 1) < 0.06
    assert torch.equal(drop_path(branch, 0.5, training=False), branch)


def test_other_sizes_interpolate_the_places():
    assert build(TINY).eval()(torch.randn(2, 3, 96, 48)).embedding.shape == (2, 960)


def test_refusals():
    for options, message in (
        ("variant=huge", "variant must be base, small or tiny, got 'huge'"),
        ("depth=1", "depth 2 or more and a stride from 1 to 16, got 1 and 12"),
        ("cameras=(1, 1)", "the different numbers of the training set's"),
    ):
        with pytest.raises(ValueError, match=message):
            build(options)
    with pytest.raises(ValueError, match=r"transreid does not read network\.backbone"):
        build(TINY, backbone="resnet18")
