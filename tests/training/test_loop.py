"""train(): what it writes, resumes, holds out, refuses, and a stored loss curve."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import passerby
from passerby.config import LossTerm, Recipe, Schedule
from passerby.models.checkpoint import load_model, read_card
from passerby.registry import LOSSES
from passerby.tables.records import Split
from passerby.training import scores
from passerby.training.loop import train
from passerby.training.record import state_saving as keeping
from passerby.training.record.logbook import read_metrics
from passerby.training.step.learner import Learner

CURVE = Path(__file__).parent / "loss_curve.json"


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder, classifier=True)[0].state_dict()


def _equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_a_run_leaves_a_model_metrics_and_a_report(
    recipe: Recipe, tiny: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(recipe, tiny, tmp_path / "run")
    assert run.report is not None
    assert run.report.queries == len(tiny.query)
    stored = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    assert stored["rank1"] == round(run.report.rank1, 2)
    rows = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [row["epoch"] for row in rows] == [1, 2]
    assert set(rows[0]["losses"]) == {"cross_entropy", "triplet"}
    assert not (tmp_path / "run" / "state.pt").exists()
    card = read_card(tmp_path / "run")
    assert card.recipe == recipe
    assert card.persons == 12
    assert card.training_persons == tuple(f"synthetic/{n}" for n in range(1, 13))
    embedder = passerby.load(tmp_path / "run")
    vectors = embedder([record.image for record in tiny.query[:3]])
    assert vectors.shape == (3, 512)
    assert embedder.fingerprint == card.fingerprint
    output = capsys.readouterr().out
    assert "epoch 2/2" in output
    assert "test: rank-1" in output


def test_a_finished_run_is_not_tested_again(
    recipe: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(recipe, epochs=1)
    first = train(recipe, tiny, tmp_path)
    monkeypatch.setattr(scores, "score_model", None)
    again = train(recipe, tiny, tmp_path, resume=True)
    assert first.report is not None
    assert again.report is not None
    assert again.report.figures() == first.report.figures()


def test_a_finished_run_is_scored_anew_on_another_test_part(
    recipe: Recipe, tiny: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many queries are not the same queries: a stored score stands for its own alone."""
    recipe = replace(recipe, epochs=1)
    first = train(recipe, tiny, tmp_path)
    half = len(tiny.gallery) // 2
    others = {
        "other labels": replace(tiny, query=tuple(replace(r, camera=7) for r in tiny.query)),
        "less gallery": replace(tiny, gallery=tiny.gallery[:half]),
        "another order": replace(tiny, query=tiny.query[::-1]),
    }
    for name, split in others.items():
        capsys.readouterr()
        again = train(recipe, split, tmp_path, resume=True)
        assert "report.json is of another test part: scored anew" in capsys.readouterr().out, name
        assert again.report is not None
        expected = scores.score_model(passerby.load(tmp_path), split)
        assert again.report.figures() == expected.figures(), name
    back = train(recipe, tiny, tmp_path, resume=True)
    assert first.report is not None
    assert back.report is not None
    assert back.report.figures() == first.report.figures()


def test_the_seed_decides_the_weights(recipe: Recipe, tiny: Split, tmp_path: Path) -> None:
    recipe, train_only = replace(recipe, epochs=1), Split(tiny.source, train=tiny.train)
    folders = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        folders.append(train(recipe, train_only, tmp_path / name, seed=seed).out)
    first, same, other = map(_weights, folders)
    assert _equal(first, same)
    assert not _equal(first, other)


def test_an_interrupted_run_resumes_to_the_same_weights(
    recipe: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_only = Split(tiny.source, train=tiny.train)
    whole = train(recipe, train_only, tmp_path / "whole")
    step, calls = Learner.step, []

    def interrupted(*arguments: object) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 5:  # in the middle of the second epoch of four steps
            raise KeyboardInterrupt
        return step(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Learner, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, train_only, tmp_path / "cut")
    monkeypatch.setattr(Learner, "step", step)
    with pytest.raises(ValueError, match="--resume"):
        train(recipe, train_only, tmp_path / "cut")
    with pytest.raises(ValueError, match="another recipe or seed"):
        train(recipe, train_only, tmp_path / "cut", seed=5, resume=True)
    resumed = train(recipe, train_only, tmp_path / "cut", resume=True)
    assert _equal(_weights(whole.out), _weights(resumed.out))
    assert [row["epoch"] for row in read_metrics(resumed.out / "metrics.jsonl")] == [1, 2]
    again = train(recipe, train_only, tmp_path / "cut", resume=True)
    assert again.card == resumed.card
    with pytest.raises(ValueError, match="another recipe or seed"):
        train(recipe, train_only, tmp_path / "cut", seed=5, resume=True)


def test_held_out_persons_choose_the_epoch(recipe: Recipe, tiny: Split, tmp_path: Path) -> None:
    recipe = replace(recipe, validation_persons=4, validate_every=1)
    run = train(recipe, Split(tiny.source, train=tiny.train), tmp_path)
    assert run.report is None
    assert len(run.card.validation_persons) == 4
    assert not set(run.card.validation_persons) & set(run.card.training_persons)
    figures = [row["validation"] for row in read_metrics(tmp_path / "metrics.jsonl")]
    best = max(range(2), key=lambda i: figures[i]["mean_average_precision"])
    assert run.card.epoch == best + 1
    assert run.card.scores == figures[best]


def test_a_loss_that_is_not_finite_is_named(
    recipe: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    triplet = LOSSES.get("triplet")
    monkeypatch.setattr(
        triplet, "forward", lambda self, features, batch: features.embedding.sum() * np.inf
    )
    with pytest.raises(ValueError, match=r"^epoch 1, step 1 of \d+: the loss triplet is .* rate"):
        train(recipe, tiny, tmp_path)


def test_a_gradient_that_is_not_finite_is_named(
    recipe: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss is finite; its slope, as that of a root at zero, is not."""
    triplet = LOSSES.get("triplet")
    monkeypatch.setattr(
        triplet, "forward", lambda self, features, batch: (features.embedding.sum() * 0).sqrt()
    )
    named = (
        r"^epoch 1, step 1 of \d+: the losses are finite but their gradient of backbone\..* is nan"
    )
    with pytest.raises(ValueError, match=named):
        train(recipe, tiny, tmp_path)


def test_an_unreadable_image_is_replaced_and_reported(
    recipe: Recipe, tiny: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff no picture")
    person = tiny.train[0].person
    own = [n for n, record in enumerate(tiny.train) if record.person == person]
    spoilt = set(own[:4])  # of six, so that a group of four must hold one of them
    records = tuple(
        replace(record, image=str(broken)) if n in spoilt else record
        for n, record in enumerate(tiny.train)
    )
    recipe = replace(recipe, epochs=1)
    train(recipe, Split(tiny.source, train=records), tmp_path / "run")
    assert "broken.jpg" in capsys.readouterr().out


def test_recipes_and_data_that_do_not_fit_are_refused(
    recipe: Recipe, tiny: Split, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no train part"):
        train(recipe, Split("made"), tmp_path / "a")
    many = recipe.with_setting("sampling.persons", "40")
    with pytest.raises(ValueError, match=r"sampling\.persons=12"):
        train(many, tiny, tmp_path / "b")
    twice = replace(recipe, losses=(LossTerm("triplet"), LossTerm("triplet(soft=True)")))
    with pytest.raises(ValueError, match="twice"):
        train(twice, tiny, tmp_path / "c")


def _curve(recipe: Recipe, split: Split, out: Path) -> list[list[float]]:
    """The loss terms of 30 steps: ten epochs of three steps."""
    losses: list[list[float]] = []
    step = Learner.step

    def noted(*arguments: object) -> dict[str, float]:
        terms = step(*arguments)  # type: ignore[arg-type]
        losses.append(list(terms.values()))
        return terms

    Learner.step = noted  # type: ignore[assignment]
    try:
        longer = replace(recipe, epochs=10, schedule=Schedule("constant", warm_up=1))
        train(longer, Split("synthetic", train=split.train), out)
    finally:
        Learner.step = step
    return losses


def test_the_loss_curve_is_the_stored_one(recipe: Recipe, tiny: Split, tmp_path: Path) -> None:
    """A refactor must not change what is trained; a change that is meant stores it anew."""
    stored = json.loads(CURVE.read_text(encoding="utf-8"))["losses"]
    curve = _curve(recipe, tiny, tmp_path)
    assert len(curve) == len(stored) == 30
    # Kernels differ between processors; differences grow over steps, not in the first few.
    assert np.allclose(curve[:3], stored[:3], rtol=2e-3)
    assert np.allclose(curve, stored, rtol=0.1, atol=0.3)


def test_a_run_does_not_go_on_with_other_data(
    recipe: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither unfinished nor finished: its scores would stand for what it was not trained on."""
    data = Split(tiny.source, train=tiny.train)
    other = Split(tiny.source, train=tuple(replace(r, camera=9) for r in tiny.train))
    save_state = keeping.save_state

    def killed(*arguments: object) -> None:
        save_state(*arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(keeping, "save_state", killed)
    with pytest.raises(KeyboardInterrupt):
        train(replace(recipe, epochs=1), data, tmp_path)
    monkeypatch.setattr(keeping, "save_state", save_state)
    with pytest.raises(ValueError, match="was trained on other data"):
        train(replace(recipe, epochs=1), other, tmp_path, resume=True)
    train(replace(recipe, epochs=1), data, tmp_path, resume=True)
    with pytest.raises(ValueError, match="was trained on other data"):
        train(replace(recipe, epochs=1), other, tmp_path, resume=True)


def test_held_out_persons_are_scored_without_a_word(
    recipe: Recipe, tiny: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The logbook has the screen; a second progress display would garble it."""
    recipe = replace(recipe, epochs=1, validation_persons=4, validate_every=1)
    train(recipe, Split(tiny.source, train=tiny.train), tmp_path)
    said = capsys.readouterr()
    assert said.err == ""
    assert [line.split()[0] for line in said.out.splitlines()] == ["tiny:", "4", "epoch"]


def test_what_does_not_fit_leaves_nothing_that_blocks_the_next_try(
    recipe: Recipe, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a folder before recipe and data are found good, nor a run before its first epoch."""
    recipe = replace(recipe, epochs=1)
    out, data = tmp_path / "run", Split(tiny.source, train=tiny.train)
    wrong = {
        "losses.triplet.margin": "abc",
        "network.backbone": "resnet51",
        "augmentations": "('flp',)",
        "validation_persons": "1000",
        "sampling.persons": "40",
        "computation.recompute": "maybe",
    }
    for path, value in wrong.items():
        with pytest.raises(ValueError, match=r".+"):
            train(recipe.with_setting(path, value), data, out)
        assert not out.exists(), path
    monkeypatch.setattr(LOSSES.get("triplet"), "forward", lambda *_: torch.tensor(np.inf))
    with pytest.raises(ValueError, match="the loss triplet is inf"):
        train(recipe, data, out)
    monkeypatch.undo()
    assert train(recipe, data, out).card.epoch == 1
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="file is a file: --out takes a folder"):
        train(recipe, data, tmp_path / "file")


def test_scarce_pairs_of_a_person_are_said(
    recipe: Recipe, tiny: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = replace(recipe, epochs=1)
    first = {record.person: record for record in reversed(tiny.train)}
    some = tuple(r for r in tiny.train if r.person > 3 or r is first[r.person])
    train(recipe, Split(tiny.source, train=some), tmp_path / "a")
    assert "warning: 3 of 12 persons have one image: it stands 4 times" in capsys.readouterr().out
    single = recipe.with_setting("sampling.images", 1)
    train(single, Split(tiny.source, train=tiny.train), tmp_path / "b")
    assert "warning: with sampling.images=1 no batch has two images" in capsys.readouterr().out
