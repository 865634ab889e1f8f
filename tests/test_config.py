"""Recipes: JSON, and single values set by path."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.config import (
    Input,
    LossTerm,
    Network,
    Optimizer,
    Recipe,
    Sampling,
    Schedule,
)

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
RECIPES = st.builds(
    Recipe,
    name=st.text(max_size=10),
    epochs=st.integers(0, 500),
    input=st.builds(
        Input,
        height=st.integers(1, 512),
        filter=st.sampled_from(["bilinear", "bicubic"]),
        antialias=st.booleans(),
        mean=st.tuples(FLOATS, FLOATS, FLOATS),
    ),
    network=st.builds(Network, start=st.sampled_from(["imagenet", "none"])),
    augmentations=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    losses=st.lists(st.builds(LossTerm, st.text(max_size=5), FLOATS), max_size=3).map(tuple),
    schedule=st.builds(Schedule, steps=st.lists(st.integers(0, 99), max_size=3).map(tuple)),
    optimizer=st.builds(Optimizer, rate=FLOATS),
    validation_persons=st.integers(0, 100),
    origins=st.lists(st.text(max_size=5), max_size=2).map(tuple),
)
PAPER = Recipe(
    "paper",
    network=Network(attention="cbam", classifier="circle(scale=64, margin=0.35)"),
    losses=(LossTerm("cross_entropy"), LossTerm("triplet(margin=0.3)", 0.5)),
)


@given(RECIPES)
def test_a_recipe_survives_json(recipe):
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe
    assert hash(again) == hash(recipe)


def test_a_short_recipe_takes_the_defaults():
    assert Recipe.from_json('{"name": "short"}') == Recipe("short")


def test_whole_numbers_are_read_as_floats_where_floats_belong():
    recipe = Recipe.from_json('{"name": "x", "optimizer": {"rate": 1}}')
    assert type(recipe.optimizer.rate) is float


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": 3}, "recipe has an unknown field 'epoch'; did you mean 'epochs'?"),
        (
            {"optimizer": {"learning_rate": 3}},
            "recipe.optimizer has an unknown field 'learning_rate'",
        ),
        ({"losses": [{"loss": "triplet", "wieght": 1}]}, r"recipe.losses\[0\] .*'wieght'.*weight"),
        ({"epochs": "3"}, "recipe.epochs must be int, got '3'"),
        ({"epochs": True}, "recipe.epochs must be int, got True"),
        ({"epochs": 3.0}, "recipe.epochs must be int, got 3.0"),
        ({"optimizer": {"rate": True}}, "recipe.optimizer.rate must be float, got True"),
        ({"optimizer": {"name": "rmsprop"}}, "recipe.optimizer.name must be one of 'adam'"),
        ({"optimizer": 3}, "recipe.optimizer must be a mapping of fields, got 3"),
        ({"losses": "triplet"}, "recipe.losses must be a list"),
        ({"losses": [{}]}, r"recipe.losses\[0\]: .*'loss'"),
        ({"input": {"mean": [0.5, 0.5]}}, "recipe.input.mean must hold 3 values, got 2"),
        ({"input": {"mean": [0.5, 0.5, "0"]}}, r"recipe.input.mean\[2\] must be float"),
        ({"name": None}, "recipe.name must be str, got None"),
    ],
)
def test_what_does_not_fit_is_named_with_its_path(change, message):
    content = json.loads(PAPER.to_json()) | change
    with pytest.raises(ValueError, match=message):
        Recipe.from_json(json.dumps(content))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"epochs": 3}'])
def test_what_is_no_recipe_is_refused(text):
    with pytest.raises(ValueError, match="recipe"):
        Recipe.from_json(text)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("epochs", "3", dataclasses.replace(PAPER, epochs=3)),
        ("name", "other", dataclasses.replace(PAPER, name="other")),
        ("name", "2024", dataclasses.replace(PAPER, name="2024")),
        ("epochs", 3, dataclasses.replace(PAPER, epochs=3)),
        ("optimizer.rate", "1", dataclasses.replace(PAPER, optimizer=Optimizer(rate=1.0))),
        ("optimizer.name", "sgd", dataclasses.replace(PAPER, optimizer=Optimizer("sgd"))),
        (
            "optimizer.weight-decay",
            "0",
            dataclasses.replace(PAPER, optimizer=Optimizer(weight_decay=0.0)),
        ),
        ("input.antialias", "false", dataclasses.replace(PAPER, input=Input(antialias=False))),
        (
            "input.mean",
            "(0.5,0.5,0.5)",
            dataclasses.replace(PAPER, input=Input(mean=(0.5, 0.5, 0.5))),
        ),
        ("schedule.steps", "[20]", dataclasses.replace(PAPER, schedule=Schedule(steps=(20,)))),
        ("sampling.images", 2, dataclasses.replace(PAPER, sampling=Sampling(images=2))),
        ("augmentations", "('flip',)", dataclasses.replace(PAPER, augmentations=("flip",))),
        (
            "network.attention",
            "none",
            dataclasses.replace(
                PAPER, network=dataclasses.replace(PAPER.network, attention="none")
            ),
        ),
        (
            "network.classifier.scale",
            "32",
            dataclasses.replace(
                PAPER,
                network=dataclasses.replace(
                    PAPER.network, classifier="circle(scale=32, margin=0.35)"
                ),
            ),
        ),
        (
            "network.attention.reduction",
            "8",
            dataclasses.replace(
                PAPER, network=dataclasses.replace(PAPER.network, attention="cbam(reduction=8)")
            ),
        ),
        (
            "losses.triplet.margin",
            "0.2",
            dataclasses.replace(
                PAPER, losses=(PAPER.losses[0], LossTerm("triplet(margin=0.2)", 0.5))
            ),
        ),
        (
            "losses.cross-entropy.label-smoothing",
            "0.1",
            dataclasses.replace(
                PAPER,
                losses=(LossTerm("cross_entropy(label_smoothing=0.1)"), PAPER.losses[1]),
            ),
        ),
        (
            "losses.triplet.weight",
            "2",
            dataclasses.replace(
                PAPER, losses=(PAPER.losses[0], LossTerm("triplet(margin=0.3)", 2.0))
            ),
        ),
        (
            "losses.triplet.parts",
            "global*",
            dataclasses.replace(
                PAPER,
                losses=(PAPER.losses[0], LossTerm("triplet(margin=0.3)", 0.5, parts="global*")),
            ),
        ),
    ],
)
def test_with_setting(path, value, expected):
    changed = PAPER.with_setting(path, value)
    assert changed == expected
    assert Recipe.from_json(changed.to_json()) == expected


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("epoch", "3", "--set epoch: Recipe has no field 'epoch'; did you mean 'epochs'?"),
        ("optimizer.lr", "3", r"--set optimizer.lr: Optimizer has no field 'lr' \(fields: name,"),
        ("", "3", "has no field ''"),
        ("epochs.x", "3", "--set epochs.x: epochs is 120 and has no field x"),
        ("network.classifier.scale.x", "3", "has no field scale.x"),
        ("optimizer.rate", "fast", "optimizer.rate must be float, got 'fast'"),
        ("epochs", "3.5", "epochs must be int, got 3.5"),
        ("optimizer.name", "rmsprop", "optimizer.name must be one of 'adam', 'adamw', 'sgd'"),
        ("optimizer", "3", "optimizer must be a mapping of fields"),
        ("losses", "triplet", "losses must be a list"),
        ("losses.circle.margin", "3", "the recipe has the losses cross_entropy, triplet"),
        ("losses.triplet", "3", "expected losses.NAME.weight or losses.NAME.OPTION"),
        ("losses.triplet.margin.x", "3", "expected losses.NAME.weight or losses.NAME.OPTION"),
        ("losses.triplet.weight", "heavy", "losses.triplet.weight must be float, got 'heavy'"),
        ("augmentations.flip.chance", "1", "expected losses.NAME.weight"),
        ("optimizer.name.x", "3", "name is 'adam' and has no field x"),
        ("input.filter.x", "3", "filter is 'bilinear' and has no field x"),
        ("name.x", "3", "name is 'paper' and has no field x"),
    ],
)
def test_with_setting_says_what_is_wrong(path, value, message):
    with pytest.raises(ValueError, match=message):
        PAPER.with_setting(path, value)


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "a.b()", "lambda: 1", "{[]: 1}", "'", "-" * 20_000 + "1", r"C:\data"],
)
def test_a_setting_that_is_no_literal_stays_text(text):
    assert PAPER.with_setting("name", text).name == text


def test_a_recipe_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PAPER.epochs = 3
