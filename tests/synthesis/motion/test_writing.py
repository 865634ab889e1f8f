"""A site on disk: video that decodes, truth that others read, the same for a seed."""

import csv
import json

import numpy as np
import pytest

from passerby.synthesis.motion import writing
from passerby.synthesis.motion.passages import passages_of
from passerby.synthesis.motion.plan import plan_of
from passerby.synthesis.motion.site import Site
from passerby.synthesis.motion.writing import write_site

SMALL = {"seed": 3, "cameras": 2, "minutes": 0.04, "persons": 30}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_site(tmp_path_factory.mktemp("sites") / "hall", **SMALL)


def rows_of(root, camera):
    text = (root / f"camera{camera}" / "gt" / "gt.txt").read_text()
    return np.array([line.split(",") for line in text.splitlines()], float)


def test_the_table_of_passages_is_that_of_the_simulation(root):
    with (root / "passages.csv").open() as file:
        rows = list(csv.DictReader(file))
    simulated = passages_of(Site(**SMALL))
    assert len(rows) > 3
    assert [(int(row["person"]), row["camera"], float(row["first"]), float(row["last"]))
            for row in rows] == [
        (one.person, f"camera{one.camera}", one.first, one.last) for one in simulated
    ]  # fmt: skip
    described = json.loads((root / "site.json").read_text())
    assert described["seed"] == 3
    assert described["overlapping"] == [list(pair) for pair in plan_of(Site(**SMALL)).overlapping()]


def test_videos_are_h264_with_every_frame_at_its_time(root):
    av = pytest.importorskip("av")
    for camera in (1, 2):
        with av.open(str(root / f"camera{camera}.mp4")) as container:
            stream = container.streams.video[0]
            frames = list(container.decode(stream))
            assert stream.codec_context.name == "h264"
        assert len(frames) == 60
        assert (frames[0].width, frames[0].height) == (640, 360)
        assert frames[25].time == pytest.approx(1.0)


def test_tracks_are_passages(root):
    with (root / "passages.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["camera"] == "camera1"]
    truth = rows_of(root, 1)
    counted = truth[truth[:, 7] == 1]
    assert len(counted) > 50
    assert counted[:, 8].min() >= 0.25
    for row in rows:
        seconds = (truth[truth[:, 1] == int(row["track"])][:, 0] - 1) / 25
        assert seconds.min() == pytest.approx(float(row["first"]), abs=1.01)
        assert seconds.max() == pytest.approx(float(row["last"]), abs=1.01)
    assert set(counted[:, 1]) <= {int(row["track"]) for row in rows}
    # Boxes lie in the picture, one a track and frame.
    assert truth[:, 2].min() >= 0
    assert (truth[:, 2] + truth[:, 4]).max() <= 640
    assert (truth[:, 3] + truth[:, 5]).max() <= 360
    assert len({(frame, track) for frame, track in truth[:, :2]}) == len(truth)


def test_an_evaluation_of_others_reads_the_truth(root):
    pytest.importorskip("trackers")
    from trackers.eval import evaluate_mot_sequence

    truth = root / "camera1" / "gt" / "gt.txt"
    answer = evaluate_mot_sequence(truth, truth, metrics=["CLEAR", "HOTA", "Identity"])
    assert pytest.approx(1) == answer.HOTA.HOTA
    assert answer.Identity.IDF1 == 1
    assert (rows_of(root, 1)[:, 7] == 1).sum() == answer.CLEAR.CLR_TP


def test_the_same_arguments_give_the_same_files(root, tmp_path):
    again = write_site(tmp_path / "again", **SMALL)
    files = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
    assert len(files) == 8
    for file in files:
        assert (again / file).read_bytes() == (root / file).read_bytes()


def test_a_finished_site_is_left_as_it_is_and_another_refused(root):
    before = (root / "camera1.mp4").stat().st_mtime_ns
    assert write_site(root, **SMALL) == root
    assert (root / "camera1.mp4").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="holds a site in motion with seed=3, but seed=4 was"):
        write_site(root, **SMALL | {"seed": 4})


def test_nothing_is_left_of_a_site_that_fails(tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("no film")

    monkeypatch.setattr(writing, "film", broken)
    with pytest.raises(RuntimeError, match="no film"):
        write_site(tmp_path / "hall", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds other files and no site\.json"):
        write_site(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
