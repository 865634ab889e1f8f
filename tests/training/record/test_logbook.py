"""The logbook: a row an epoch, what a resumed run forgets, and what the screen shows."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import torch

from passerby.data.batch import Batch
from passerby.training.record.curves import Curves
from passerby.training.record.logbook import Logbook, read_metrics


def make_batch(images: int = 4, set_aside: tuple[str, ...] = ()) -> Batch:
    rows = torch.arange(images)
    return Batch(torch.zeros(images, 3, 8, 4), rows, rows, rows, rows, set_aside)


def write_epochs(out: Path, epochs: range, first_epoch: int = 0) -> str:
    """Keep a logbook over some epochs (counted from 1) of two steps; returns what it printed."""
    screen = io.StringIO()
    with redirect_stdout(screen), Logbook(out, 9, first_epoch, Curves(out, "{}", ())) as logbook:
        for epoch in epochs:
            logbook.step(epoch - 1.0, {"triplet": 1.0, "cross_entropy": 2.0}, make_batch())
            logbook.step(epoch - 0.5, {"triplet": 2.0, "cross_entropy": float(epoch)}, make_batch())
            logbook.epoch(epoch, 0.1 / epoch, {}, "")
    return screen.getvalue()


def test_a_row_holds_the_mean_of_the_epochs_steps(tmp_path: Path) -> None:
    shown = write_epochs(tmp_path, range(1, 3))
    first, second = read_metrics(tmp_path / "metrics.jsonl")
    assert first["epoch"] == 1
    assert first["losses"] == {"triplet": 1.5, "cross_entropy": 1.5}
    assert second["losses"] == {"triplet": 1.5, "cross_entropy": 2.0}
    assert second["rate"] == 0.05
    assert first["seconds"] >= 0
    assert first["images_per_second"] > 0
    assert "validation" not in first
    assert "epoch 2/9  triplet 1.5000  cross_entropy 2.0000" in shown


def test_two_processes_do_not_train_into_one_folder(tmp_path: Path) -> None:
    """The second is refused and changes nothing; afterwards the folder is free again."""
    with Logbook(tmp_path, 9, 0, Curves(tmp_path, "{}", ())) as logbook:
        logbook.step(0, {"triplet": 1.0}, make_batch())
        logbook.epoch(1, 0.1, {}, "")
        with (
            pytest.raises(ValueError, match="another process is training"),
            Logbook(tmp_path, 9, 0, Curves(tmp_path, "{}", ())),
        ):
            pass
        assert len(read_metrics(tmp_path / "metrics.jsonl")) == 1
    write_epochs(tmp_path, range(2, 3), first_epoch=1)
    assert [row["epoch"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [1, 2]


def test_scores_of_held_out_persons_stand_in_the_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = {"rank1": 50.0, "mean_average_precision": 25.0}
    with Logbook(tmp_path, 1, 0, Curves(tmp_path, "{}", ())) as logbook:
        logbook.step(0, {"triplet": 1.0}, make_batch())
        logbook.epoch(1, 0.1, scores, "")
    (row,) = read_metrics(tmp_path / "metrics.jsonl")
    assert row["validation"] == scores
    assert "held-out persons: rank-1 50.0  mAP 25.0" in capsys.readouterr().out


def test_an_unreadable_image_is_named_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Logbook(tmp_path, 1, 0, Curves(tmp_path, "{}", ())) as logbook:
        for _ in range(2):
            logbook.step(0, {"triplet": 1.0}, make_batch(set_aside=("[a].jpg: it is empty",)))
    shown = capsys.readouterr().out
    assert shown.count("[a].jpg: it is empty") == 1


def test_a_resumed_run_forgets_the_epochs_after_its_checkpoint(tmp_path: Path) -> None:
    write_epochs(tmp_path, range(1, 5))
    before = read_metrics(tmp_path / "metrics.jsonl")
    write_epochs(tmp_path, range(3, 5), first_epoch=2)
    after = read_metrics(tmp_path / "metrics.jsonl")
    assert [row["epoch"] for row in after] == [1, 2, 3, 4]
    assert after[:2] == before[:2]


def test_a_run_that_starts_anew_begins_an_empty_book(tmp_path: Path) -> None:
    write_epochs(tmp_path, range(1, 3))
    write_epochs(tmp_path, range(1, 2))
    assert [row["epoch"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [1]


@pytest.mark.parametrize("cut", [1, 2, 20])
def test_a_last_line_cut_short_is_left_out(tmp_path: Path, cut: int) -> None:
    write_epochs(tmp_path, range(1, 4))
    path = tmp_path / "metrics.jsonl"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[: -cut - 1], encoding="utf-8")
    assert [row["epoch"] for row in read_metrics(path)] == [1, 2]
    write_epochs(tmp_path, range(3, 4), first_epoch=2)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


def test_no_book_has_no_rows(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "metrics.jsonl") == []
