"""Single values of a recipe set by path, as ``--set`` does."""

import dataclasses
import re

import pytest

from passerby.config import (
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

PAPER = Recipe(
    "paper",
    network=Network(attention="cbam", classifier="circle(scale=64, margin=0.35)"),
    losses=(LossTerm("cross_entropy"), LossTerm("triplet(margin=0.3)", 0.5)),
)


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
        ("augmentations.flip.chance", "1", "augmentations is .* and has no field flip.chance"),
        ("losses.triplet.weight", "nan", "losses.triplet.weight must be float, got 'nan'"),
        (
            "losses.triplet.weight",
            "1e999",
            "weight must be a finite number, got inf",
        ),
        ("losses.triplet.margin", "1e999", "margin must be .* finite"),
        ("losses.triplet.margin", "...", "margin must be"),
        ("input.height", "0", "input.height must be at least 8 pixels"),
        ("optimizer.rates.x.rate", "1", r"expected rates.NAME.rate \(rates: none\)"),
        ("phases.head.epochs", "1", r"expected phases.NAME.FIELD \(phases: none\)"),
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


TWICE = dataclasses.replace(
    PAPER,
    losses=(
        LossTerm("cross_entropy"),
        LossTerm("triplet(margin=0.3)", parts="global*"),
        LossTerm("triplet(margin=0.5)", parts="part_2.*"),
    ),
)


@pytest.mark.parametrize("option", ["weight", "rate", "parts", "margin"])
def test_a_loss_that_is_there_for_several_parts_must_be_chosen(option):
    """Setting the first of them silently would be another recipe than the one that is named."""
    with pytest.raises(ValueError, match="several parts") as refused:
        TWICE.with_setting(f"losses.triplet.{option}", "2")
    ways = re.findall(r"'(losses\.triplet\[.*?\]\.\w+)=\.\.\.'", str(refused.value))
    assert len(ways) == 2
    value = "x" if option == "parts" else "2"
    for row, way in enumerate(ways, 1):  # what the message advises works
        changed = TWICE.with_setting(way, value)
        assert [i for i in range(3) if changed.losses[i] != TWICE.losses[i]] == [row]


def test_a_loss_of_some_parts_is_set_by_the_name_that_the_log_has():
    changed = TWICE.with_setting("losses.triplet[part_2.*].weight", "2")
    assert changed.losses[2] == LossTerm("triplet(margin=0.5)", 2.0, parts="part_2.*")
    changed = TWICE.with_setting("losses.triplet[global*].margin", "0.1")
    assert changed.losses[1] == LossTerm("triplet(margin=0.1)", parts="global*")
    with pytest.raises(ValueError, match="the recipe has the losses cross_entropy, triplet"):
        TWICE.with_setting("losses.triplet[local*].weight", "1")


def test_a_loss_of_some_parts_alone_keeps_its_short_name():
    recipe = dataclasses.replace(PAPER, losses=(LossTerm("triplet", parts="global*"),))
    assert recipe.with_setting("losses.triplet.weight", "2").losses[0].weight == 2.0


def test_rates_and_phases_are_set_by_their_names():
    rates = (Rate("backbone.*", 0.1), Rate("backbone.layer4.*", 0.5))
    recipe = dataclasses.replace(
        PAPER,
        optimizer=Optimizer(rates=rates),
        phases=(Phase("head", 20, optimizer=(Optimizer("sgd"),)), Phase("all", 100)),
    )
    changed = recipe.with_setting("optimizer.rates.backbone.layer4.*.rate", "0.25")
    assert changed.optimizer.rates == (rates[0], Rate("backbone.layer4.*", 0.25))
    assert recipe.with_setting("phases.head.epochs", "5").phases[0].epochs == 5
    changed = recipe.with_setting("phases.head.optimizer.rate", "0.1")
    assert changed.phases[0].optimizer == (Optimizer("sgd", rate=0.1),)
