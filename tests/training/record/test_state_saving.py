"""A run stopped within an epoch goes on to the weights and rows of an uninterrupted one."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from passerby.config import Recipe, open_recipe
from passerby.models.checkpoint import load_model
from passerby.process.interruption import Stopped
from passerby.process.whole_files import DiskFull
from passerby.tables.records import Split
from passerby.training import loop
from passerby.training.loop import Run, train
from passerby.training.record import state_saving as keeping
from passerby.training.record.logbook import read_metrics
from passerby.training.record.state import State, load_state
from passerby.training.scores import Scores
from passerby.training.step.learner import Learner

SMALL = f"{Path(__file__).parents[1] / 'small_net.py'}:small"
STEPS = 4  # two epochs of two


@pytest.fixture
def small() -> Recipe:
    return open_recipe(SMALL, ["epochs=2", "validate_every=1"])


@pytest.fixture
def data(tiny: Split) -> Split:
    return Split(tiny.source, train=tiny.train, query=tiny.query, gallery=tiny.gallery)


def run(recipe: Recipe, split: Split, out: Path, resume: bool = False, **more: float) -> Run:
    return train(recipe, split, out, resume=resume, **more)  # type: ignore[arg-type]


def after_step(monkeypatch: pytest.MonkeyPatch, number: int, work: Callable[[], object]) -> None:
    """Do something as a step has been made, counted from 1 over the run."""
    step, count = Learner.step, iter(range(1, 1000))

    def stepped(*arguments: object) -> dict[str, float]:
        terms = step(*arguments)  # type: ignore[arg-type]
        if next(count) == number:
            work()
        return terms

    monkeypatch.setattr(Learner, "step", stepped)


def assert_equal_runs(one: Path, other: Path) -> None:
    for name in ("model.safetensors", "config.json", "report.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    first, second = (read_metrics(out / "metrics.jsonl") for out in (one, other))
    for row in first + second:
        del row["seconds"], row["images_per_second"]
    assert first == second
    assert not (one / "state.pt").exists()


@pytest.mark.skipif(os.name == "nt", reason="os.kill ends a process on Windows")
@pytest.mark.parametrize("number", range(1, STEPS + 1))
def test_a_signal_at_any_step_saves_and_a_resumed_run_is_the_same(
    small: Recipe, data: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    whole = run(small, data, tmp_path / "whole")
    kind = (signal.SIGTERM, signal.SIGINT)[number % 2]
    after_step(monkeypatch, number, lambda: os.kill(os.getpid(), kind))
    with pytest.raises(Stopped, match="goes on from there with --resume") as stop:
        run(small, data, tmp_path / "cut")
    assert stop.value.exit_code == 128 + kind
    state = load_state(tmp_path / "cut")
    assert state is not None
    assert 2 * state.epoch + state.batch == number
    run(small, data, tmp_path / "cut", resume=True)
    assert_equal_runs(tmp_path / "cut", whole.out)


def test_a_state_is_saved_as_time_passes(
    small: Recipe, data: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[tuple[int, int]] = []
    monkeypatch.setattr(keeping, "save_state", lambda _, s: saved.append((s.epoch, s.batch)))
    run(small, data, tmp_path / "always", save_minutes=0)
    assert saved == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)]
    saved.clear()
    run(small, data, tmp_path / "rarely")
    assert saved == [(1, 0), (2, 0)]


@pytest.mark.parametrize("number", range(1, 11))
def test_a_disk_that_is_full_at_any_write_costs_nothing_but_the_step(
    small: Recipe, data: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """State, model, card, report, the book: each write of the run fails once."""
    whole = run(small, data, tmp_path / "whole")
    calls, sync = iter(range(1, 1000)), os.fsync

    def full_once(file: int) -> None:
        if next(calls) == number:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_once)
        with pytest.raises(DiskFull, match=r"no room for .*needs .* are free there"):
            run(small, data, tmp_path / "cut", save_minutes=0)
    assert not list((tmp_path / "cut").glob("*.part"))
    run(small, data, tmp_path / "cut", resume=True)
    assert_equal_runs(tmp_path / "cut", whole.out)


def test_killed_between_weights_and_card_a_resumed_run_mends_the_model(
    small: Recipe, data: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(small, data, tmp_path / "whole")
    replace, out = os.replace, tmp_path / "cut"
    cards = iter(range(1, 1000))

    def killed(source: Path, target: Path) -> None:
        if target.name == "config.json" and next(cards) == 2:
            raise KeyboardInterrupt
        replace(source, target)

    # A model an epoch, the second better than the first, whatever the scores.
    small = open_recipe(SMALL, ["epochs=2", "validate_every=1"])
    scores = iter([10.0, 20.0] * 3)

    def score(learner: object, recipe: object, splits: Sequence[Split]) -> Scores:
        return {"a": {"mean_average_precision": next(scores), "rank1": 0.0}} if splits else {}

    monkeypatch.setattr(loop, "_scores", score)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            run(small, data, out)
    with pytest.raises(ValueError, match=r"not those of its config\.json.*--resume"):
        load_model(out)
    scores = iter([5.0])
    mended = run(small, data, out, resume=True)  # though this time the second is no better
    assert load_model(out)[1] == mended.card
    assert mended.card.epoch == 2
    assert whole.card.recipe == mended.card.recipe


def test_a_state_of_before_these_fields_is_resumed(
    small: Recipe, data: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saved after an epoch, without batch, rate or sums."""
    whole = run(small, data, tmp_path / "whole")
    save = keeping.save_state

    def old(out: Path, state: State) -> None:
        save(
            out,
            State(
                state.epoch, state.recipe, state.seed, state.data, state.learner, state.best_score
            ),
        )
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "save_state", old)
        with pytest.raises(KeyboardInterrupt):
            run(small, data, tmp_path / "cut")
    run(small, data, tmp_path / "cut", resume=True)
    assert_equal_runs(tmp_path / "cut", whole.out)


def test_a_model_that_was_not_moved_along_is_made_again(
    small: Recipe, data: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only state.pt came to the new machine, and the best epoch lay before it."""
    after_step(monkeypatch, 3, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Stopped):
        run(small, data, tmp_path / "cut")
    for path in (tmp_path / "cut").iterdir():
        if path.name != "state.pt":
            path.unlink()
    assert run(small, data, tmp_path / "cut", resume=True).card.epoch == 2


def test_seeds_and_loading_processes(small: Recipe, data: Split, tmp_path: Path) -> None:
    """The same weights twice, whatever number of processes loads, dropout included."""
    weights = [
        (run(small, data, tmp_path / str(n), workers=n).out / "model.safetensors").read_bytes()
        for n in (0, 1, 2)
    ]
    assert weights[0] == weights[1] == weights[2]
    strict = run(small, data, tmp_path / "strict", deterministic=True)
    assert (strict.out / "model.safetensors").read_bytes() == weights[0]
