"""Several sets in one run, and sets that are watched: each scored apart, and choosing nothing."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from passerby.assessment.score import score_model
from passerby.config import Recipe
from passerby.data.reading.joining import join_splits
from passerby.embedding.embedder import load
from passerby.models.checkpoint import load_model
from passerby.tables.records import Split
from passerby.training import scores
from passerby.training.loop import train
from passerby.training.record.logbook import read_metrics
from passerby.training.scores import check_watched, mean_scores
from passerby.training.step.learner import Learner


@pytest.fixture
def both(tiny: Split) -> Split:
    """The tiny set, and another of which no camera is known."""
    parts = {
        part: tuple(replace(r, camera=None, source="[other] set") for r in records)
        for part, records in tiny.parts.items()
    }
    return join_splits([tiny, replace(tiny, source="[other] set", **parts)])  # type: ignore[arg-type]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder, classifier=True)[0].state_dict()


def test_joined_sets_are_trained_on_together_and_tested_apart(
    recipe: Recipe, both: Split, tiny: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(recipe, epochs=1, validation_persons=6, validate_every=1)
    recipe = recipe.with_setting("sampling.sources", "even")
    steps, step = [], Learner.step

    def noted(learner, batch, *rest):  # type: ignore[no-untyped-def]
        steps.append(batch.sources.bincount().tolist())
        return step(learner, batch, *rest)

    monkeypatch.setattr(Learner, "step", noted)
    with redirect_stdout(io.StringIO()) as screen:
        run = train(recipe, both, tmp_path / "run")
    assert steps
    assert all(counts == [8, 8] for counts in steps)  # four persons of four images: two of each
    assert run.report is None
    assert list(run.reports) == ["synthetic", "[other] set"]
    assert run.card.persons == 2 * 12 - 6
    assert len(run.card.training_persons) == run.card.persons
    names = {name.rpartition("/")[0] for name in run.card.training_persons}
    assert names == {"synthetic", "[other] set"}
    stored = {path.name for path in run.out.glob("report*.json")}
    assert stored == {"report-synthetic.json", "report-_other__set.json"}
    # The report of a set is that of evaluating the model on it alone.
    alone = score_model(load(run.out), tiny)
    assert run.reports["synthetic"].figures() == alone.figures()
    printed = screen.getvalue()
    assert "test on synthetic: rank-1" in printed
    assert "test on [other] set: rank-1" in printed
    (row,) = read_metrics(run.out / "metrics.jsonl")
    assert run.card.scores == row["validation"]
    monkeypatch.setattr(scores, "score_model", None)  # what is scored is read again
    again = train(recipe, both, tmp_path / "run", resume=True)
    assert {n: r.figures() for n, r in again.reports.items()} == {
        n: r.figures() for n, r in run.reports.items()
    }


def test_what_is_watched_is_written_and_changes_nothing(
    recipe: Recipe, tiny: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = replace(recipe, validate_every=2)
    train_only = Split(tiny.source, train=tiny.train)
    watched = replace(tiny, train=()).of_source("lobby")
    plain = train(recipe, train_only, tmp_path / "plain")
    run = train(recipe, train_only, tmp_path / "run", evaluate_on=[watched])
    first, second = weights(plain.out), weights(run.out)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert run.card.scores == plain.card.scores == {}
    assert run.report is None
    rows = read_metrics(run.out / "metrics.jsonl")
    assert ["evaluated_on" in row for row in rows] == [False, True]
    last = rows[-1]["evaluated_on"]
    alone = score_model(load(run.out), watched)
    assert last == {"lobby": alone.figures()}
    printed = capsys.readouterr().out
    assert f"lobby: rank-1 {alone.rank1:.1f}  mAP" in printed
    assert "to watch and not to choose" in printed


def test_watched_sets_that_cannot_be_scored_or_flatter_are_told(tiny: Split) -> None:
    with pytest.raises(ValueError, match=r"other has no query and gallery.*parts: train"):
        check_watched([Split("other", train=tiny.train)], tiny)
    with pytest.raises(ValueError, match="two data sets are named 'synthetic'"):
        check_watched([tiny, tiny], tiny)
    assert len(check_watched([tiny], tiny)) == 1  # train and test persons are others
    on_train = Split("synthetic", query=tiny.train[:1], gallery=tiny.train[1:])
    assert "1 of its persons are trained on" in check_watched([on_train], tiny)[1]
    assert len(check_watched([replace(on_train, separate_namespaces=True)], tiny)) == 1
    assert len(check_watched([on_train.of_source("other")], tiny)) == 1


def test_the_mean_weighs_sources_equally() -> None:
    assert mean_scores({}) == {}
    assert mean_scores({"a": {"rank1": 33.333}}) == {"rank1": 33.333}
    assert mean_scores({"a": {"rank1": 30.0}, "b": {"rank1": 60.01}}) == {"rank1": 45.0}


def test_the_command_joins_names_and_watches(
    passerby_command, tiny_root: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    tiny = ("--set", "epochs=1", "--set", "input.height=64", "--set", "input.width=32",
            "--set", "sampling.persons=4", "--set", "sampling.cameras=balanced")  # fmt: skip
    words = ("train", "table1_tri(scale=compact)", "--out", tmp_path / "run", *tiny)
    done = passerby_command(*words, "--data", tiny_root, "--data", tiny_root)
    assert done.code == 2
    assert "two data sets are named 'synthetic'" in done.err
    done = passerby_command(*words)
    assert done.code == 2
    assert "--data" in done.err
    done = passerby_command(
        *words, "--data", f"hall:{tiny_root}", "--data", f"yard:synthetic={tiny_root}",
        "--evaluate-on", f"lobby:{tiny_root}",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert "144 images of 24 persons of hall+yard" in done.out
    (row,) = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert set(row["evaluated_on"]) == {"lobby"}
    for name in ("hall", "yard"):
        assert f"test on {name}: rank-1" in done.out
        text = (tmp_path / "run" / f"report-{name}.json").read_text(encoding="utf-8")
        assert "rank1" in json.loads(text)
