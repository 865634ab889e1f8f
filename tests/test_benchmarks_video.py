"""The benchmark of video with its truth: scores of known rows, and a small site from end to end."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from passerby.synthesis.writing import write
from tests.test_benchmarks import ROOT, run


@pytest.fixture(scope="module")
def video():
    """The benchmark as a module."""
    spec = importlib.util.spec_from_file_location(
        "benchmark_of_video", Path(ROOT) / "benchmarks/video.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize(
    ("true", "found", "edits"),
    [("", "", 0), ("abc", "abc", 0), ("abc", "", 3), ("ab", "ba", 2), ("kitten", "sitting", 3)],
)
def test_edits_are_counted(video, true, found, edits):
    assert video.edit_distance(true, found) == edits


def rows_of(tracks):
    """A box in each of some frames for each track: rows of the truth of the MOTChallenge."""
    rows = [
        (frame, track, 100 * lane, 10, 40, 100, 1, 1, 1)
        for track, (lane, frames) in tracks.items()
        for frame in frames
    ]
    return np.array(sorted(rows), float)


def test_a_track_cut_in_two_costs_identity_and_no_detection(video, tmp_path):
    pytest.importorskip("trackers")
    true = rows_of({1: (0, range(1, 11)), 2: (3, range(1, 11))})
    found = rows_of({1: (0, range(1, 6)), 2: (0, range(6, 11)), 3: (3, range(1, 11))})
    scores = video.score(true, found, tmp_path)
    assert (scores.recall, scores.precision) == (1, 1)
    # Identity: the best one-to-one assignment keeps 5 + 10 of 20 boxes, on both sides.
    assert scores.idf1 == pytest.approx(15 / 20)
    assert video.score(true, true, tmp_path).hota == pytest.approx(1)
    assert video.score(true, np.empty((0, 10)), tmp_path) == video.Scores(0, 0, 0, 0, 0)


def test_a_site_is_watched_counted_and_judged(tmp_path):
    pytest.importorskip("trackers")
    others = write(
        tmp_path / "others", seed=5, train_persons=1, test_persons=60, cameras=2, images=2,
        distractors=0, junk=0,
    )  # fmt: skip
    site = tmp_path / "hall"
    film = ("-m", "passerby", "data", "site", str(site), "--cameras", "2", "--persons", "12")
    run(*film, "--minutes", "0.3", "--seed", "2")
    printed = run("benchmarks/video.py", str(others), str(site), "--detector", "truth")
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in printed.splitlines()
        if line.startswith("| hall")
    ]
    cameras, whole = rows[:-1], rows[-1]
    assert [row[0] for row in cameras] == ["hall, camera1", "hall, camera2"]
    for row in cameras:
        assert row[1:3] == ["100.0", "100.0"], "the truth finds itself"
        assert all(0 < float(share) <= 100 for share in row[3:6])
        assert float(row[7]) > 0
    assert 0 < float(whole[1]) <= 100
    assert printed.rstrip().splitlines()[-1].startswith("after the answers: ")
