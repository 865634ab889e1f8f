"""Systems through a whole run: phases, parts of losses, stripes in the test."""

from dataclasses import replace

import pytest
import torch

from passerby.config import Input, Recipe, Sampling
from passerby.data.records import Split
from passerby.embedding.embedder import load
from passerby.embedding.scoring import Scoring, score_model
from passerby.models.checkpoint import load_model
from passerby.registry import RECIPES
from passerby.training.learner import Learner
from passerby.training.loop import train


def tiny_recipe(name: str) -> Recipe:
    """The compact recipe with an epoch for each phase."""
    recipe = RECIPES.build(f"{name}(scale=compact)")
    phases = tuple(replace(phase, epochs=1) for phase in recipe.phases)
    return replace(
        recipe,
        epochs=max(1, len(phases)),
        input=Input(height=96, width=32),
        sampling=Sampling(persons=4, images=2, limit=1),
        phases=phases,
    )


@pytest.fixture
def untested(tiny: Split) -> Split:
    return replace(tiny, query=(), gallery=())


def test_the_phases_of_rpp(untested: Split, tmp_path, monkeypatch) -> None:
    recipe, states = tiny_recipe("pcb_rpp"), []

    begin = Learner.begin

    def watched(learner, epoch):
        states.append({key: own.clone() for key, own in learner.model.state_dict().items()})
        return begin(learner, epoch)

    monkeypatch.setattr(Learner, "begin", watched)
    train(recipe, untested, tmp_path / "run")
    _, uniform, induced = states  # as the phases left them
    assert not bool(uniform["refined"])
    moved = {key for key in uniform if not torch.equal(uniform[key], induced[key])}
    assert moved == {"refined", "membership.weight"}
    system, _ = load_model(tmp_path / "run")
    assert bool(system.refined)
    assert not torch.equal(system.backbone.conv1.weight, induced["backbone.conv1.weight"])


@pytest.mark.parametrize("name", ["mgn", "aligned", "aligned_mutual"])
def test_a_run_ends_with_a_tested_model(name: str, tiny: Split, tmp_path) -> None:
    run = train(tiny_recipe(name), tiny, tmp_path / "run")
    assert run.report is not None
    if name.startswith("aligned"):
        found = {
            which: score_model(load(run.out), tiny, Scoring(distance=which))
            for which in ("global", "local", "both")
        }
        figures = {which: report.figures() for which, report in found.items()}
        assert figures["global"] == run.report.figures()
        assert len({tuple(values.values()) for values in figures.values()}) == 3
        assert found["both"].metric == "GlobalAndLocalDistances"
