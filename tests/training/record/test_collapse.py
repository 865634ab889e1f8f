"""A collapsed network is noticed; one that learns is left in peace."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from passerby.config import (
    LossTerm,
    Optimizer,
    Recipe,
    Schedule,
    open_recipe,
    term_names,
    with_settings,
)
from passerby.models.features import Features, Part
from passerby.tables.records import Split
from passerby.training.loop import train
from passerby.training.record.collapse import PATIENCE, CollapseWatch, mean_cosine

TRIPLET = (LossTerm("cross_entropy"), LossTerm("triplet(margin=0.3)"))
SMALL = f"{Path(__file__).parents[1] / 'small_net.py'}:small"


class Given(nn.Module):
    """Returns the vectors that it is given as features."""

    def forward(self, vectors: Tensor) -> Features:
        return Features(vectors, (Part("global", vectors, vectors, None, None),))


def watched(
    vectors: list[Tensor], value: float, losses: tuple[LossTerm, ...] = TRIPLET
) -> list[str]:
    """The warnings in a run whose batches have these vectors and triplet loss, without warm-up."""
    model, said = Given(), []
    terms = {name: value for name in term_names(losses) if name.startswith("triplet")}
    with CollapseWatch(model, [losses], Schedule(warm_up=0)) as watch:
        for batch in vectors:
            model(batch)
            said.append(watch.step(1.0, {"cross_entropy": 5.0, "triplet": value, **terms}))
    assert not model._forward_hooks
    return [text for text in said if text is not None]


def spread(count: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(16, 8, generator=generator) for _ in range(count)]


def test_the_mean_cosine_is_that_of_all_pairs() -> None:
    vectors = torch.randn(9, 5, generator=torch.Generator().manual_seed(1))
    pairs = [
        torch.cosine_similarity(vectors[i], vectors[j], dim=0)
        for i in range(9)
        for j in range(9)
        if i != j
    ]
    assert mean_cosine(vectors) == pytest.approx(float(torch.stack(pairs).mean()), abs=1e-6)
    assert mean_cosine(torch.ones(4, 3)) == pytest.approx(1)
    assert mean_cosine(torch.zeros(4, 3)) == 1
    assert mean_cosine(torch.ones(1, 3)) == 0


def test_equal_embeddings_are_told_once_with_advice() -> None:
    alike = [1 + 0.01 * vectors for vectors in spread(3 * PATIENCE)]
    (warning,) = watched(alike, 1.0)
    assert "embeddings of a batch are alike" in warning
    for advice in ("optimizer.rate", "schedule.warm_up", "losses.triplet.soft", "cross-entropy"):
        assert advice in warning
    (warning,) = watched(alike, 1.0, TRIPLET[:1])
    assert "triplet" not in warning


@pytest.mark.parametrize(
    ("loss", "value"),
    [("triplet(margin=0.3)", 0.3), ("triplet(soft=true)", math.log(2)), ("triplet", 0.302)],
)
def test_a_loss_that_stays_at_its_margin_is_told(loss: str, value: float) -> None:
    (warning,) = watched(spread(PATIENCE), value, (LossTerm(loss),))
    assert "the loss triplet stays at" in warning


BY_PARTS = (
    LossTerm("triplet(margin=0.3)", parts="global*"),
    LossTerm("triplet(margin=0.5)", parts="local*"),
)


def test_a_loss_of_several_parts_is_told_by_its_name_with_settings_that_work() -> None:
    for value, name in ((0.3, "triplet[global*]"), (0.5, "triplet[local*]")):
        (warning,) = watched(spread(PATIENCE), value, BY_PARTS)
        assert f"the loss {name} stays at {value}, its margin" in warning
    words = shlex.split(warning.partition("soft margin (")[2].partition(")")[0])
    assert words[::2] == ["--set", "--set"]
    recipe = with_settings(Recipe("parts", losses=BY_PARTS), words[1::2])
    assert all("soft=True" in term.loss for term in recipe.losses)


def test_losses_that_are_at_their_margins_in_turn_are_not_stuck() -> None:
    model = Given()
    with CollapseWatch(model, [BY_PARTS[:1], BY_PARTS], Schedule(warm_up=0)) as watch:
        for number, batch in enumerate(spread(4 * PATIENCE)):
            model(batch)
            near, far = sorted(("triplet[global*]", "triplet[local*]"), reverse=number % 2 == 1)
            margins = {"triplet[global*]": 0.3, "triplet[local*]": 0.5}
            assert watch.step(1.0, {near: margins[near], far: 1.0}) is None


def test_a_loss_of_a_later_phase_is_told() -> None:
    model, phases = Given(), [TRIPLET[:1], BY_PARTS[1:]]
    with CollapseWatch(model, phases, Schedule(warm_up=0)) as watch:
        said = []
        for batch in spread(PATIENCE):
            model(batch)
            said.append(watch.step(1.0, {"triplet": 0.5}))
    assert said[-1] is not None
    assert "the loss triplet stays at 0.5" in said[-1]


def test_what_is_no_collapse_is_not_told() -> None:
    alike = [1 + 0.01 * vectors for vectors in spread(PATIENCE - 1)]
    assert watched(alike + spread(1) + alike, 1.0) == []  # it came apart again
    assert watched(spread(2 * PATIENCE), 0.32) == []
    assert watched(spread(2 * PATIENCE), 0.0, (LossTerm("triplet(margin=0.0)"),)) == []
    assert watched(spread(2 * PATIENCE), 0.3, TRIPLET[:1]) == []


def test_in_warm_up_and_in_evaluation_nothing_counts() -> None:
    model = Given()
    with CollapseWatch(model, [TRIPLET], Schedule(warm_up=2)) as watch:
        for _ in range(2 * PATIENCE):
            model.train()(torch.ones(4, 3))
            assert watch.step(1.9, {"triplet": 0.3}) is None
        model(spread(1)[0])
        for _ in range(2 * PATIENCE):
            model.eval()(torch.ones(4, 3))
            assert watch.step(2.0, {"triplet": 0.5}) is None


@pytest.mark.parametrize(("rate", "collapses"), [(3.5e-4, False), (3.0, True)])
def test_a_run_says_so(
    tiny: Split, tmp_path: Path, rate: float, collapses: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rate ten thousand times too high kills every unit; the loss stays at its margin."""
    recipe = replace(
        open_recipe(SMALL, ["epochs=24", "validation_persons=0"]),
        losses=(LossTerm("triplet(margin=0.3)"),),
        optimizer=Optimizer("sgd", rate=rate),
        schedule=Schedule("constant", warm_up=0),
    )
    train(recipe, Split("synthetic", train=tiny.train), tmp_path)
    shown = capsys.readouterr().out
    assert shown.count("warning: ") == collapses
    assert ("collapsed to one point" in shown) == collapses
