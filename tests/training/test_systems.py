"""Systems through a whole run: phases, parts of losses, stripes in the test."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from passerby.assessment.score import Scoring, score_model
from passerby.config import Input, Network, Recipe, Sampling
from passerby.data.batch import Batch
from passerby.embedding.embedder import load
from passerby.models.checkpoint import load_model
from passerby.models.system import build_model
from passerby.registry import LOSSES, RECIPES
from passerby.tables.records import Split
from passerby.training.loop import train
from passerby.training.step.computation import ForwardPass, in_parts
from passerby.training.step.learner import Learner


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

    begin_epoch = Learner.begin_epoch

    def watched(learner, epoch):
        states.append({key: own.clone() for key, own in learner.model.state_dict().items()})
        return begin_epoch(learner, epoch)

    monkeypatch.setattr(Learner, "begin_epoch", watched)
    train(recipe, untested, tmp_path / "run")
    _, uniform, induced = states  # as the phases left them
    assert not bool(uniform["refined"])
    moved = {key for key in uniform if not torch.equal(uniform[key], induced[key])}
    assert moved == {"refined", "membership.weight"}
    system, _ = load_model(tmp_path / "run")
    assert bool(system.refined)
    assert not torch.equal(system.backbone.conv1.weight, induced["backbone.conv1.weight"])


@pytest.mark.parametrize("name", ["mgn", "aligned", "aligned_mutual", "dpfl", "gp_reid"])
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


def test_stripes_of_two_networks_pass_in_parts_as_at_once() -> None:
    torch.manual_seed(0)
    network = Network("resnet18", system="mutual", neck="none")
    model = build_model(network, persons=3).double().train()  # rows are reduced in training alone
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.eval()  # statistics of a batch's part are not the batch's
    persons = torch.arange(6) // 2
    zeros = torch.zeros(6, dtype=torch.int64)
    batch = Batch(torch.randn(6, 3, 64, 32).double(), persons, zeros, zeros, torch.arange(6))
    losses = [LOSSES.build(call) for call in ("local_triplet(margin=2.0)", "mutual_distances")]
    found = []
    at_once = ForwardPass(model(batch.images, batch.cameras), Tensor.backward)
    for way in (at_once, in_parts(model, batch, 2, nullcontext)):
        model.zero_grad()
        way.backward(torch.stack([loss(way.features, batch) for loss in losses]).sum())
        found.append({name: own.grad for name, own in model.named_parameters()})
    whole, in_two = found
    for name, gradient in whole.items():
        if gradient is not None:
            torch.testing.assert_close(in_two[name], gradient, msg=name)
    assert whole["classifier.peers.0.local_reduction.weight"].abs().sum() > 0
