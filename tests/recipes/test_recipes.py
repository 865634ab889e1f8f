"""Every recipe: it builds, survives JSON, names what exists, says where its choices are from."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace

import pytest
import torch

from passerby.calls import Call
from passerby.config import Recipe
from passerby.models.system import build_model
from passerby.registry import AUGMENTATIONS, CLASSIFIERS, LOSSES, RECIPES, _parameters
from passerby.studies.ablation import ROWS

NAMES = RECIPES.names()
SCALED = [name for name in NAMES if "scale" in _parameters(RECIPES.get(name))]
ROWS_SCALED = [name for name in SCALED if name.startswith(("table1_", "ours_"))]
CALLS = NAMES + [f"{name}(scale=compact)" for name in SCALED]

# What scale compact may change: "ResNet-18 at 128×64, 24 epochs, cosine, rate 7e-4, 2 epochs of
# warm-up, pad 5; everything else as at scale paper".
COMPACT = {
    "name",
    "epochs",
    "input.height",
    "input.width",
    "network.backbone",
    "augmentations",
    "optimizer.rate",
    "schedule.kind",
    "schedule.warm_up",
    "origins",
}


def leaves(content: object, path: str = "") -> Iterator[tuple[str, object]]:
    """(path, value) of every field; a tuple is one value."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from leaves(value, f"{path}.{key}".lstrip("."))
    else:
        yield path, content


def changes(first: Recipe, second: Recipe) -> dict[str, object]:
    """The fields in which the second differs, with its values."""
    before = dict(leaves(asdict(first)))
    return {path: value for path, value in leaves(asdict(second)) if before[path] != value}


def test_the_recipes_that_are_expected_are_there() -> None:
    rows = {row.name for row in ROWS}
    assert {f"table1_{row}" for row in rows} <= set(NAMES)
    assert {"ours_market1501", "ours_dukemtmc", "ours_msmt17", "demo"} <= set(NAMES)
    assert {"people_lite0", "people_baseline", "people_ours"} <= set(NAMES)


@pytest.mark.parametrize("call", CALLS)
def test_a_recipe_survives_json(call: str) -> None:
    recipe = RECIPES.build(call)
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert json.loads(recipe.to_json())["name"] == recipe.name


@pytest.mark.parametrize("call", CALLS)
def test_a_recipe_is_named_as_it_is_called(call: str) -> None:
    assert RECIPES.build(call).name == call


@pytest.mark.parametrize("call", CALLS)
def test_all_components_exist_and_take_their_options(call: str) -> None:
    recipe = RECIPES.build(call)
    for term in recipe.losses:
        assert isinstance(LOSSES.build(term.loss), torch.nn.Module)
        assert term.weight > 0
    for augmentation in recipe.augmentations:
        assert callable(AUGMENTATIONS.build(augmentation))
    with torch.device("meta"):  # shapes without the arithmetic
        persons = 7 if recipe.texts else 0  # texts are a part of persons alone
        model = build_model(replace(recipe.network, start="none"), persons).eval()
        features = model(torch.empty(2, 3, recipe.input.height, recipe.input.width))
    assert features.embedding.shape == (2, model.dimensions)
    classifier = CLASSIFIERS.build(recipe.network.classifier, channels=16, persons=7)
    logits = classifier.logits(classifier(torch.ones(2, 16)), torch.zeros(2, dtype=torch.int64))
    assert logits.shape == (2, 7)
    for term in recipe.losses:
        assert features.only(term.parts).parts


@pytest.mark.parametrize("call", CALLS)
def test_origins_are_stated(call: str) -> None:
    origins = RECIPES.build(call).origins
    assert origins
    assert all(":" in line for line in origins), "expected lines of the form choice: origin"
    assert len(set(origins)) == len(origins)


@pytest.mark.parametrize("name", ROWS_SCALED)
def test_scale_compact_changes_what_its_origins_state(name: str) -> None:
    paper, compact = RECIPES.build(name), RECIPES.build(f"{name}(scale=compact)")
    changed = changes(paper, compact)
    assert set(changed) == COMPACT
    assert compact.origins[: len(paper.origins)] == paper.origins or name.startswith("ours")
    (said,) = set(compact.origins) - set(paper.origins)
    assert f"ResNet-{compact.network.backbone[6:8]} at" in said
    assert f"{compact.input.height}×{compact.input.width}" in said
    assert f"{compact.epochs} epochs, {compact.schedule.kind}, rate 7e-4" in said
    assert compact.optimizer.rate == 7e-4
    assert f"{compact.schedule.warm_up:g} epochs of warm-up" in said
    padded = [Call.parse(call).options for call in compact.augmentations]
    assert {"padding": 5} in padded
    assert "pad 5" in said
    without = ["pad_and_crop(padding=10)" if "pad" in c else c for c in compact.augmentations]
    assert tuple(without) == paper.augmentations


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("ours_")])
@pytest.mark.parametrize("scale", ["paper", "compact"])
def test_the_runs_of_tables_2_to_4_are_ours_from_imagenet(name: str, scale: str) -> None:
    ours = RECIPES.build(f"table1_ours(scale={scale})")
    recipe = RECIPES.build(f"{name}(scale={scale})")
    assert set(changes(ours, recipe)) == {"name", "network.start", "origins"}
    assert (ours.network.start, recipe.network.start) == ("none", "imagenet")
    assert set(ours.origins) < set(recipe.origins)


def test_the_demo_is_ours_made_quicker() -> None:
    changed = changes(RECIPES.build("table1_ours(scale=compact)"), RECIPES.build("demo(epochs=30)"))
    assert changed.pop("epochs") == 30
    assert changed.pop("sampling.limit") == 1
    assert changed.pop("network.backbone") == "resnet18(last_stride=2)"
    assert "last stride 2" in RECIPES.build("demo").origins[-1]
    assert set(changed) == {"name", "origins", "schedule.warm_up", "schedule.warm_up_start"}


def test_the_two_recipes_on_people_differ_in_the_method_alone() -> None:
    changed = changes(RECIPES.build("people_baseline"), RECIPES.build("people_ours"))
    assert set(changed) == {"name", "network.attention", "network.classifier", "losses"}


@pytest.mark.parametrize("name", SCALED)
def test_another_scale_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="scale must be paper or compact, got 'huge'"):
        RECIPES.build(f"{name}(scale=huge)")
