"""GP-reid: what its second phase trains, and on what."""

from dataclasses import replace

import torch
from torchvision.models import get_weight

from passerby.models.system import build_model
from passerby.registry import AUGMENTATIONS, RECIPES
from passerby.training.step.optimizer import matches
from passerby.training.step.phases import frozen_batch_norms


def test_batch_norms_are_frozen_while_triplets_are_ranked() -> None:
    recipe = RECIPES.build("gp_reid(scale=compact)")
    model = build_model(recipe.network, persons=3)
    classification, ranking = recipe.phases
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert frozen_batch_norms(model, classification.trains) == []
    assert frozen_batch_norms(model, ranking.trains) == norms
    of_norms = {id(parameter) for norm in norms for parameter in norm.parameters()}
    for name, parameter in model.named_parameters():
        trains = id(parameter) not in of_norms and not name.startswith("classifier")
        assert matches(name, ranking.trains) == trains, name


def test_the_size_keeps_the_shape_of_market1501s_images() -> None:
    size = RECIPES.build("gp_reid").input
    assert (size.height, size.height / size.width) == (416, 128 / 64)


def test_the_cut_out_grows_through_the_phase_of_triplets() -> None:
    recipe = RECIPES.build("gp_reid")
    erase = AUGMENTATIONS.build(recipe.augmentations[0])
    first, last = recipe.phases[0].epochs, recipe.epochs
    shares = [erase.at(epoch).largest for epoch in range(last + 1)]
    assert shares[: first + 1] == [0.02] * (first + 1)
    assert sorted(set(shares[first:])) == shares[first:]
    assert shares[-1] == 0.4


def test_the_networks_size() -> None:
    network = replace(RECIPES.build("gp_reid").network, start="none")
    with torch.device("meta"):
        model = build_model(network, persons=0)
    known = get_weight("ResNet101_Weights.IMAGENET1K_V1").meta["num_params"]
    linear = 2048 * 2048 + 2048
    assert sum(own.numel() for own in model.parameters()) == known - 1000 * 2049 + linear
    assert model.dimensions == 2048
