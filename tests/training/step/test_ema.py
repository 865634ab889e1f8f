"""The mean of weights: against torch's AveragedModel, in runs, resumed, and its batch norms."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn

from passerby.config import Averaging, Network, Phase, Recipe
from passerby.models.checkpoint import load_model
from passerby.models.systems.plain import Plain
from passerby.tables.records import Split
from passerby.training.loop import train
from passerby.training.record import state_saving as keeping
from passerby.training.step.ema import Average, recalibrate_batch_norms
from passerby.training.step.learner import Learner

SMALL = Network("resnet18(last_stride=2)")


def shaken(model: Plain, step: int) -> None:
    """An update of the weights and of the statistics."""
    generator = torch.Generator().manual_seed(step)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.randn(tensor.shape, generator=generator) * 0.1)
            else:
                tensor.add_(1)


def model_of(seed: int = 0) -> Plain:
    torch.manual_seed(seed)
    return Plain(SMALL, persons=3)


def assert_close(ours: nn.Module, theirs: nn.Module) -> None:
    first, second = ours.state_dict(), theirs.state_dict()
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, second[name], rtol=1e-5, atol=1e-6)


def test_exponential_is_torchs_with_the_same_decay() -> None:
    model = model_of()
    average = Average(model, Averaging("exponential", decay=0.5))
    assert average.result(model) is model

    def move(mean: Tensor, own: Tensor, count: Tensor | int) -> Tensor:
        decay = min(0.5, (1 + int(count)) / (10 + int(count)))
        return decay * mean + (1 - decay) * own

    reference = AveragedModel(model, avg_fn=move, use_buffers=True)
    reference.update_parameters(model)  # torch's first is a copy
    for step in range(1, 15):  # beyond the ninth the decay is no longer warming up
        shaken(model, step)
        average.step(model)
        reference.update_parameters(model)
    assert_close(average.result(model), reference.module)
    counted = average.result(model).state_dict()["neck.num_batches_tracked"]
    assert counted == 14


def test_last_is_torchs_uniform_mean() -> None:
    model = model_of()
    average, reference = Average(model, Averaging("last", epochs=3)), AveragedModel(model)
    for left in reversed(range(5)):
        shaken(model, left)
        average.step(model)
        changed = average.epoch(model, left)
        assert (changed is None) == (left > 2)
        assert (average.result(model) is model) == (left > 2)
        if left <= 2:
            reference.update_parameters(model)
    ours, theirs = dict(average.result(model).named_parameters()), reference.module
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(ours[name], parameter, rtol=1e-5, atol=1e-6)


def test_statistics_are_those_of_torchs_update_bn() -> None:
    model, generator = model_of(), torch.Generator().manual_seed(1)
    batches = [torch.randn(4, 3, 32, 16, generator=generator) for _ in range(3)]
    reference = copy.deepcopy(model)
    update_bn(batches, reference)
    momentum = model.backbone.bn1.momentum  # type: ignore[union-attr]
    recalibrate_batch_norms(model.eval(), batches, frozen=[])
    assert_close(model, reference)
    assert model.backbone.bn1.momentum == momentum  # type: ignore[union-attr]
    assert not any(module.training for module in model.modules())
    kept = model.neck.state_dict()
    kept = {name: tensor.clone() for name, tensor in kept.items()}
    recalibrate_batch_norms(model, batches[:1], frozen=[model.neck])
    assert all(torch.equal(kept[name], tensor) for name, tensor in model.neck.state_dict().items())


def weights(folder: Path) -> dict[str, Tensor]:
    return load_model(folder, classifier=True)[0].state_dict()


@pytest.fixture
def short(recipe: Recipe) -> Recipe:
    """Three epochs, the last one scored."""
    return replace(recipe, epochs=3, network=SMALL, validation_persons=4, validate_every=3)


@pytest.mark.parametrize("kind", ["exponential", "last"])
def test_the_mean_is_validated_and_stored_and_the_run_goes_on_as_without(
    short: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    learners: list[Learner] = []
    make = Learner.__init__

    def noting(self: Learner, *arguments: object) -> None:
        make(self, *arguments)  # type: ignore[arg-type]
        learners.append(self)

    monkeypatch.setattr(Learner, "__init__", noting)
    train_only = Split(tiny.source, train=tiny.train)
    plain = train(short, train_only, tmp_path / "plain")
    mean = (
        Averaging("exponential", decay=0.9)
        if kind == "exponential"
        else Averaging("last", epochs=2)
    )
    averaged = train(replace(short, averaging=mean), train_only, tmp_path / kind)
    first, second = (learner.model.state_dict() for learner in learners)
    assert all(torch.equal(first[name], second[name]) for name in first)
    stored, result = weights(averaged.out), learners[1].result.state_dict()
    assert all(torch.equal(stored[name], result[name]) for name in stored)
    assert not torch.equal(stored["classifier.weight"], weights(plain.out)["classifier.weight"])
    assert learners[0].result is learners[0].model


@pytest.mark.parametrize("kind", ["exponential", "last"])
def test_a_resumed_run_ends_with_the_same_mean(
    short: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    mean = replace(Averaging(epochs=2, decay=0.9), kind=kind)  # type: ignore[arg-type]
    recipe = replace(short, validation_persons=0, averaging=mean)
    train_only = Split(tiny.source, train=tiny.train)
    whole = train(recipe, train_only, tmp_path / "whole")
    save = keeping.save_state

    def killed(out: Path, state: keeping.State) -> None:
        save(out, state)
        if state.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(keeping, "save_state", killed)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, train_only, tmp_path / "cut")
    monkeypatch.setattr(keeping, "save_state", save)
    resumed = train(recipe, train_only, tmp_path / "cut", resume=True)
    first, second = weights(whole.out), weights(resumed.out)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_phase_begins_a_new_mean(recipe: Recipe) -> None:
    recipe = replace(
        recipe,
        network=SMALL,
        phases=(Phase("a", 1), Phase("b", 1)),
        averaging=Averaging("exponential"),
    )
    learner = Learner(recipe, model_of(), torch.device("cpu"))
    learner.begin_epoch(0)
    shaken(learner.model, 1)
    learner._average.step(learner.model)
    assert learner.result is not learner.model
    learner.begin_epoch(1)
    assert learner.result is learner.model
    assert_close(learner._average._mean, learner.model)  # type: ignore[arg-type]
