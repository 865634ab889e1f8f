"""Runs that begin with another model's weights: what is trained, what is stored, resuming."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torchvision import models

from passerby.config import Recipe
from passerby.models.checkpoint import load_model, read_card
from passerby.models.convert import convert_weights
from passerby.tables.records import Split
from passerby.training.loop import train
from passerby.training.step.learner import Learner


@pytest.fixture
def train_only(tiny: Split) -> Split:
    return Split(tiny.source, train=tiny.train)


@pytest.fixture
def small(recipe: Recipe) -> Recipe:
    """Two epochs of three steps, without attention."""
    sampling = replace(recipe.sampling, persons=4, images=2, limit=1)
    return replace(recipe, sampling=sampling, network=replace(recipe.network, attention="none"))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder, classifier=True)[0].state_dict()


def test_a_converted_model_is_trained_on(
    small: Recipe, train_only: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(1)
    torch.save(models.resnet18(weights=None).state_dict(), tmp_path / "resnet18.pth")
    convert_weights(tmp_path / "resnet18.pth", tmp_path / "start")
    for setting in (
        ("network.backbone", "resnet18(last_stride=1)"),
        ("network.start", str(tmp_path / "start")),
        ("network.start_of", "backbone.*"),
        ("epochs", 1),
        ("optimizer.rate", 1e-30),
    ):
        small = small.with_setting(*setting)
    run = train(small, train_only, tmp_path / "run")
    begun, ended = weights(tmp_path / "start"), weights(run.out)
    trained = [name for name in begun if "running" not in name and "num_batches" not in name]
    for name in trained:  # the rate moves nothing
        torch.testing.assert_close(ended[name], begun[name], rtol=0, atol=1e-25)
    said = capsys.readouterr().out
    assert f"started from {tmp_path / 'start'} (fingerprint" in said
    assert "new: neck, classifiers" in said
    assert "backbone 'resnet18(last_stride=1)' here, 'resnet18(last_stride=2)' there" in said
    assert run.card.recipe.network.start == str(tmp_path / "start")
    fingerprint = read_card(tmp_path / "start").fingerprint
    begun_with = {"model": str(tmp_path / "start"), "fingerprint": fingerprint}
    assert run.card.data["started_from"] == begun_with


def test_a_resumed_run_needs_the_start_no_more(
    small: Recipe, train_only: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train(replace(small, epochs=1), train_only, tmp_path / "first")
    small = small.with_setting("network.start", str(first.out))
    whole = train(small, train_only, tmp_path / "whole")
    step, calls = Learner.step, []

    def interrupted(*arguments: object) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 5:  # in the middle of the second epoch of three steps
            raise KeyboardInterrupt
        return step(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(small, train_only, tmp_path / "cut")
    shutil.rmtree(first.out)
    resumed = train(small, train_only, tmp_path / "cut", resume=True)
    assert resumed.card == whole.card
    assert resumed.card.data["started_from"]["model"] == str(first.out)  # type: ignore[index]
    one, other = weights(whole.out), weights(resumed.out)
    assert all(torch.equal(one[name], other[name]) for name in one)
    load_model(resumed.out)  # nor does the model


def test_held_out_persons_whom_the_start_knows_are_said(
    small: Recipe, train_only: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = replace(small, epochs=1, validation_persons=3)
    first = train(small, train_only, tmp_path / "first")
    small = small.with_setting("network.start", str(first.out))
    run = train(small, train_only, tmp_path / "run", seed=1)
    known = {*read_card(first.out).training_persons} & {*read_card(run.out).validation_persons}
    assert 0 < len(known) < 3  # the first run held out persons, too
    said = capsys.readouterr().out
    assert f"{len(known)} of the held-out persons were in the training of" in said


def test_the_command(tiny_root: Path, small: Recipe, tmp_path: Path, passerby_command) -> None:
    (tmp_path / "recipe.json").write_text(replace(small, epochs=1).to_json())
    train_on = ("train", tmp_path / "recipe.json", "--data", tiny_root)
    assert passerby_command(*train_on, "--out", tmp_path / "one").code == 0
    start = f"network.start={tmp_path / 'one'}"
    done = passerby_command(*train_on, "--out", tmp_path / "two", "--set", start)
    assert done.code == 0, done.err
    other = ("--set", start, "--set", "network.backbone=resnet34")
    refused = passerby_command(*train_on, "--out", tmp_path / "three", *other)
    assert refused.code != 0
    assert "only in this network: backbone.layer1.2." in refused.err
