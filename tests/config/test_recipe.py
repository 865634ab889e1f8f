"""Recipes: JSON there and back, and which numbers are refused."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.config import (
    Averaging,
    Computation,
    Input,
    LossTerm,
    Network,
    Optimizer,
    Phase,
    Rate,
    Recipe,
    Sampling,
    Schedule,
)

NAN = float("nan")

SHARES = st.floats(0, 1)
RECIPES = st.builds(
    Recipe,
    name=st.text(max_size=10),
    epochs=st.integers(1, 500),
    input=st.builds(
        Input,
        height=st.integers(8, 512),
        filter=st.sampled_from(["bilinear", "bicubic"]),
        antialias=st.booleans(),
        mean=st.tuples(SHARES, SHARES, SHARES),
    ),
    network=st.builds(Network, start=st.sampled_from(["imagenet", "none"])),
    augmentations=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    losses=st.lists(st.builds(LossTerm, st.text(max_size=5), SHARES), max_size=3).map(tuple),
    schedule=st.builds(Schedule, steps=st.lists(st.integers(0, 99), max_size=3).map(tuple)),
    optimizer=st.builds(Optimizer, rate=st.floats(1e-9, 10)),
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


def test_a_recipe_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PAPER.epochs = 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Recipe("x", epochs=0), "epochs must be at least 1 and at most 100000, got 0"),
        (lambda: Recipe("x", epochs=-1), "epochs must be at least 1"),
        (lambda: Recipe("x", validation_persons=-1), "validation_persons must be at least 0"),
        (lambda: Recipe("x", validate_every=0), "validate_every must be at least 1"),
        (lambda: Input(height=0), "input.height must be at least 8 pixels and at most 4096, got 0"),
        (lambda: Input(width=10**6), "input.width must be at least 8 pixels and at most 4096"),
        (lambda: Input(mean=(0.5, 123.0, 0.5)), "input.mean .* must be at least 0 .*, got 123.0"),
        (lambda: Input(std=(0.2, 0.0, 0.2)), "input.std must be above 0 and at most 1000, got 0.0"),
        (lambda: Sampling(persons=0), "sampling.persons must be at least 2 persons .*, got 0"),
        (lambda: Sampling(images=-2), "sampling.images must be at least 1 image of each person"),
        (lambda: Sampling(limit=-1), "sampling.limit must be at least 0"),
        (lambda: LossTerm("triplet", weight=NAN), "weight of the loss 'triplet' must .*, got nan"),
        (lambda: LossTerm("triplet", weight=-1.0), "weight of the loss 'triplet' must be at least"),
        (lambda: LossTerm("centre", rate=-0.5), "rate of the loss 'centre' must be at least 0"),
        (lambda: Optimizer(rate=0.0), "optimizer.rate must be above 0 and at most 1000, got 0.0"),
        (lambda: Optimizer(rate=NAN), "optimizer.rate must be above 0 and at most 1000, got nan"),
        (lambda: Optimizer(rate=1e30), "optimizer.rate must be above 0 and at most 1000"),
        (lambda: Optimizer(weight_decay=-1e-4), "optimizer.weight_decay must be at least 0"),
        (lambda: Optimizer(momentum=1.5), "optimizer.momentum must be at least 0 and at most 1"),
        (lambda: Rate("backbone.*", rate=-1.0), r"rate of 'backbone\.\*' \(a factor\) must be at"),
        (lambda: Schedule(warm_up=-1.0), "schedule.warm_up must be at least 0"),
        (lambda: Schedule(warm_up_start=2.0), "schedule.warm_up_start must be at least 0 and at"),
        (lambda: Schedule(steps=(-1,)), "schedule.steps must be at least 0"),
        (lambda: Schedule(factor=NAN), "schedule.factor must be at least 0"),
        (lambda: Schedule(floor=-0.1), "schedule.floor must be at least 0"),
        (lambda: Averaging(decay=1.0), r"averaging needs a decay in \[0, 1\)"),
        (lambda: Averaging(epochs=0), "averaging needs .* at least one epoch"),
        (lambda: Phase("head", 0), "the epochs of phase 'head' must be at least 1"),
        (lambda: Phase("head", 1, rate=-1.0), "the rate of phase 'head' must be at least 0"),
        (lambda: Computation(accumulate=0), "computation.accumulate must be at least 1"),
    ],
)
def test_numbers_out_of_bounds_are_refused_wherever_they_come_from(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_json_holds_finite_numbers_only(number):
    with pytest.raises(ValueError, match="is not a finite number"):
        Recipe.from_json('{"name": "x", "optimizer": {"rate": ' + number + "}}")
