"""A frozen backbone: its vectors once, and a head that trains as without the short cut."""

from dataclasses import replace

import pytest
import torch

from passerby.config import Input, LossTerm, Network, Optimizer, Phase, Recipe, Sampling
from passerby.embedding.embedder import Embedder, load
from passerby.models.checkpoint import load_model, save_model
from passerby.models.system import build_model
from passerby.tables.records import Split
from passerby.training.input.vectors_once import vectors_once
from passerby.training.loop import train
from passerby.training.step.trunk_and_head import Head, Trunk, require_plain

HEAD = ("projection.*", "neck.*", "classifier.*")


@pytest.fixture
def split(tiny: Split) -> Split:
    """The train part alone: nothing is tested at the end."""
    return Split(tiny.source, train=tiny.train)


def frozen(start="none", **network) -> Recipe:
    """Two epochs of the head of a tiny transformer."""
    backbone = "timm(name=test_vit, tokens=class_token, height=32, width=16)"
    return Recipe(
        "frozen",
        epochs=2,
        input=Input(height=32, width=16),
        network=Network(
            backbone, start=str(start), frozen=True, projection="mlp(width=8)", **network
        ),
        augmentations=("flip",),
        sampling=Sampling(persons=3, images=2),
        losses=(LossTerm("cross_entropy"), LossTerm("triplet(margin=0.3)")),
        optimizer=Optimizer("adam", rate=0.01),
    )


def weights(folder):
    return load_model(folder, classifier=True)[0].state_dict()


def test_the_same_as_training_the_head_behind_the_whole_network(split, tmp_path):
    recipe = frozen()
    slow = replace(
        recipe,
        network=replace(recipe.network, frozen=False),
        phases=(Phase("head", 2, trains=HEAD),),
    )
    runs = [train(one, split, tmp_path / name) for one, name in ((recipe, "a"), (slow, "b"))]
    ours, theirs = (weights(run.out) for run in runs)
    assert ours.keys() == theirs.keys()
    moved = [name for name in ours if name.startswith("classifier")]
    assert moved
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=2e-5, msg=name)


def test_the_model_is_whole_and_its_backbone_as_it_began(split, tmp_path):
    torch.manual_seed(5)
    recipe = frozen()
    begun = build_model(replace(recipe.network, frozen=False), persons=0)
    card = train(recipe, split, tmp_path / "first").card
    save_model(tmp_path / "start", begun, card)
    run = train(frozen(tmp_path / "start", start_of="backbone.*"), split, tmp_path / "run")
    ended = weights(run.out)
    for name, tensor in begun.state_dict().items():
        if name.startswith("backbone."):
            assert torch.equal(ended[name], tensor), name
        elif name.startswith("projection.") and "num" not in name:
            assert not torch.equal(ended[name], tensor), name
    assert not (run.out / "targets").exists()
    model = load(run.out)
    assert model([split.train[0].image]).shape == (1, 8)


def test_the_backbone_sees_each_image_once(split, tmp_path, monkeypatch):
    seen = []
    of_trunk = Trunk.forward
    monkeypatch.setattr(
        Trunk,
        "forward",
        lambda self, images, *rest: (seen.append(len(images)), of_trunk(self, images))[1],
    )
    train(replace(frozen(), epochs=5, augmentations=()), split, tmp_path / "run")
    assert sum(seen) == len(split.train)


def test_vectors_that_are_there_are_not_made_again(split, tmp_path, capsys):
    torch.manual_seed(0)
    whole = build_model(frozen().network, persons=3)
    one = Embedder(Trunk(whole), frozen().input)
    first = vectors_once(tmp_path, "a", one, split.train, "the trunk")
    said = capsys.readouterr().out
    again = vectors_once(tmp_path, "a", one, split.train, "the trunk")
    assert f"the trunk embeds {len(split.train)} images, once" in said
    assert capsys.readouterr().out == ""
    assert (first == again).all()


def test_head_of_trunk_is_the_network():
    torch.manual_seed(0)
    whole = require_plain(build_model(Network("resnet18", projection="linear(width=8)"), persons=3))
    whole.eval()
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        vectors = Trunk(whole)(images).embedding
        mirrored = Trunk(whole, mirrored=True)(images.flip(3)).embedding
        found = Head(whole)(vectors[:, :, None, None])
        wanted = whole(images)
    torch.testing.assert_close(mirrored, vectors)
    torch.testing.assert_close(found.embedding, wanted.embedding)
    torch.testing.assert_close(found.parts[0].similarities, wanted.parts[0].similarities)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"augmentations": ("flip", "erase")},
            r"network.frozen sees each image once.*: erase would",
        ),
        (
            {"network": Network("resnet18", system="mgn", frozen=True)},
            "does not read network.frozen",
        ),
    ],
)
def test_what_does_not_go_with_it(change, message, split, tmp_path):
    recipe = replace(frozen(), **change)
    with pytest.raises(ValueError, match=message):
        train(recipe, split, tmp_path / "run")
