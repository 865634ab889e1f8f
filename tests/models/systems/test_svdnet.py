"""SVDNet: what a restraint changes and what it keeps; a whole run by phases."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from passerby.config import Network, Phase
from passerby.models.checkpoint import load_model
from passerby.models.system import build_model
from passerby.models.systems.svdnet import orthogonalised
from passerby.training.loop import train


def build(width=32, backbone="resnet18", persons=5):
    torch.manual_seed(0)
    return build_model(Network(backbone, system=f"svdnet(width={width})"), persons)


def test_the_papers_sizes():
    with torch.device("meta"):
        system = build_model(Network("resnet50", system="svdnet"), persons=751)
    assert sum(p.numel() for p in system.parameters()) == 23_508_032 + 1024 * (2048 + 751)
    assert system.dimensions == 1024


def as_in_matlab(weights):
    """The authors' procedure step by step, vectors in columns."""
    columns = weights.T
    left, singular, _ = np.linalg.svd(columns)
    size = columns.shape[1]
    free = [left[:, number] * singular[number] for number in range(size)]
    chosen = []
    for number in range(size):
        own = columns[:, number]
        angles = [own @ other / np.sqrt(own @ own) / np.sqrt(other @ other) for other in free]
        place = int(np.argmax(np.abs(angles)))
        chosen.append(free.pop(place) * np.sign(angles[place]))
    return np.stack(chosen)


def test_the_weights_are_those_of_the_authors_procedure():
    weights = np.random.default_rng(0).normal(size=(12, 30)) + 0.5
    found = orthogonalised(torch.from_numpy(weights)).numpy()
    np.testing.assert_allclose(found, as_in_matlab(weights), atol=1e-10)


def orthogonality(weights):
    """S(W) of weight vectors in rows, from 1/width up to 1: orthogonal."""
    weights = weights.detach().double()
    products = (weights @ weights.T).abs()
    return float(products.diagonal().sum() / products.sum())


def test_weights_become_orthogonal_and_distances_stay():
    torch.manual_seed(0)
    weights = torch.randn(40, 100) + 0.3
    found = orthogonalised(weights)
    assert orthogonality(weights) < 0.3
    assert orthogonality(found) == pytest.approx(1, abs=1e-4)
    vectors = torch.randn(20, 100)
    before, after = vectors @ weights.T, vectors @ found.T
    torch.testing.assert_close(torch.cdist(before, before), torch.cdist(after, after))
    assert orthogonality(torch.ones(4, 7)) == pytest.approx(1 / 4)


def test_only_a_restraint_changes_weights():
    system = build()
    for phase in ("", "linear", "relaxation_1"):
        before = system.eigenlayer.weight.clone()
        system.begin(phase)
        assert torch.equal(system.eigenlayer.weight, before)
    weight = system.eigenlayer.weight
    system.begin("restraint_1")
    assert system.eigenlayer.weight is weight
    assert orthogonality(weight) == pytest.approx(1, abs=1e-4)


@torch.no_grad()
def test_the_embedding_is_the_layers_output():
    system = build().eval()
    images = torch.randn(2, 3, 64, 32)
    features = system(images)
    (part,) = features.parts
    pooled = system.backbone(images).mean(dim=(2, 3))
    torch.testing.assert_close(part.before_neck, pooled)
    torch.testing.assert_close(features.embedding, pooled @ system.eigenlayer.weight.T)
    expected = features.embedding @ system.classifier.weight.T
    torch.testing.assert_close(part.similarities, expected)


def test_a_run_of_three_phases(tiny, recipe, tmp_path):
    restraint = Phase("restraint", 1, ("backbone.*", "classifier.*"))
    phases = (Phase("linear", 1), restraint, Phase("relaxation", 1))
    network = Network("resnet18", system="svdnet(width=32, dropout=0.0)")
    recipe = replace(recipe, network=network, losses=recipe.losses[:1])
    for count in (2, 3):
        epochs = replace(recipe, epochs=count, phases=phases[:count])
        train(epochs, tiny, tmp_path / str(count))
    restrained = load_model(tmp_path / "2")[0].eigenlayer.weight
    relaxed = load_model(tmp_path / "3")[0].eigenlayer.weight
    assert orthogonality(restrained) == pytest.approx(1, abs=1e-4)
    assert orthogonality(relaxed) < 0.9999


def test_refusals():
    with pytest.raises(ValueError, match="a width from 1 to the 512 channels of resnet18, got 600"):
        build(width=600)
