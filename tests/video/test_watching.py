"""From video to sightings: the same whenever it is watched, none lost, none twice."""

import json
import os

import av
import numpy as np
import pytest
from PIL import Image

from passerby.gallery.gallery import Gallery
from passerby.process.interruption import Stopped
from passerby.tables.filters import EVERYTHING
from passerby.video.detectors.detections import Detections, Detector
from passerby.video.enrolling import Enroller
from passerby.video.mending import Mender
from passerby.video.pictures import AnnotatedVideo
from passerby.video.sources.files import FileSource
from passerby.video.sources.folders import FolderSource
from passerby.video.sources.paces import EveryNth
from passerby.video.tracking import Tracker
from passerby.video.watching import Camera, Outputs, watch


class Scripted(Detector):
    """Finds what a script says is in the frame after so many calls."""

    name, sure = "scripted", 0.5

    def __init__(self, script):
        self._script, self._number = script, 0

    def detect(self, pixels):
        boxes = np.array(self._script(self._number), np.float32).reshape(-1, 4)
        self._number += 1
        return Detections(boxes, np.full(len(boxes), 0.9, np.float32))


def one_then_two(number):
    """One from 5 to 25, another from 60 to 80: two passages, 3.5 s apart at 10 frames a second."""
    for first, left in ((5, 10), (60, 40)):
        if first <= number < first + 20:
            return [[left + number - first, 10, left + 20 + number - first, 60]]
    return []


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory, make_video):
    return make_video(
        tmp_path_factory.mktemp("clips") / "door.mp4", frames=100, fps=10, size=(72, 96)
    )


def cameras(clip, mender=None):
    source = FileSource(clip)
    detector, tracker = Scripted(one_then_two), Tracker("bytetrack", 0.5)
    return [Camera("hall", source, EveryNth(1), detector, tracker, mender)]


@pytest.fixture
def gallery(tmp_path, small_model):
    from passerby.embedding.embedder import load

    with Gallery.create(tmp_path / "g", load(small_model)) as made:
        yield made


def rows(gallery):
    """(id, tracklet, frame) of all sightings."""
    return sorted(
        (str(one), int(tracklet), int(frame))
        for part in gallery.store.read(EVERYTHING, with_vectors=False)
        for one, tracklet, frame in zip(part.ids, part.tracklets, part.frames, strict=True)
    )


def test_passages_are_enrolled_as_tracklets(clip, gallery):
    watched = watch(cameras(clip), Enroller(gallery.store, gallery.embedder))
    assert [(round(one.first, 1), round(one.last, 1)) for one in watched.stays] == [
        (0.6, 2.4), (6.1, 7.9),
    ]  # fmt: skip
    assert watched.added == len(gallery) == 10
    assert "hall" in gallery.show().to_text()
    assert len({tracklet for _, tracklet, _ in rows(gallery)}) == 2


def test_pictures_are_kept_only_for_a_sheet(clip, tmp_path):
    """Or memory would grow with each passage of a stream."""
    for sheet in (None, tmp_path / "s.png"):
        (camera,) = cameras(clip)
        stays = watch([camera], None, Outputs(sheet=sheet)).stays
        sizes = [look.crop.size for one in camera.done for look in one.looks]
        assert (min(sizes) > 0, len(sizes) > 4) == (sheet is not None, sheet is not None)
        assert [one.looks[-1].seconds for one in camera.done] == [one.last for one in stays]
        assert [one.id for one in stays] == [one.id for one in camera.done]


def test_watched_again_nothing_is_twice(clip, gallery):
    enroller = Enroller(gallery.store, gallery.embedder)
    watch(cameras(clip), enroller)
    before = rows(gallery)
    again = watch(cameras(clip), Enroller(gallery.store, gallery.embedder))
    assert rows(gallery) == before
    assert (again.added, again.present) == (0, 10)


@pytest.mark.parametrize("at", [20, 45, 70])
def test_stopped_at_any_moment_the_rest_comes_later(clip, gallery, steps, at):
    """Persons who are in the picture when it stops are enrolled by the next run alone."""
    calls = []

    def stop(done, total):
        calls.append(done)
        if len(calls) == at:
            os.kill(os.getpid(), 2)

    steps.at_each = stop
    with pytest.raises(Stopped, match="The same command goes on"):
        watch(cameras(clip), Enroller(gallery.store, gallery.embedder))
    assert len(gallery) in (0, 5)
    steps.at_each = lambda done, total: None
    watch(cameras(clip), Enroller(gallery.store, gallery.embedder))
    assert len(rows(gallery)) == 10


def test_mended_pieces_are_one_tracklet(clip, gallery):
    mender = Mender(lambda first, second: 5.0, 10.0)
    watched = watch(cameras(clip, mender), Enroller(gallery.store, gallery.embedder))
    assert [one.tracks for one in watched.stays] == [(1, 2)]
    assert len({tracklet for _, tracklet, _ in rows(gallery)}) == 1
    assert len(gallery) == 10


def test_the_pictures_show_what_was_found(clip, tmp_path):
    outputs = Outputs(tmp_path / "a.mp4", tmp_path / "a.txt", tmp_path / "a.png")
    watch(cameras(clip), None, outputs)
    with av.open(str(outputs.annotate)) as opened:
        frames = list(opened.decode(video=0))
    assert len(frames) == 100
    assert (frames[0].width, frames[0].height) == (96, 72)
    # The box's edge is of the track's colour, where there was grey.
    edge, inside = (frames[15].to_ndarray(format="rgb24")[y, 30].astype(int) for y in (60, 50))
    assert np.ptp(edge) > np.ptp(inside) + 20
    lines = [line.split(",") for line in outputs.mot.read_text().splitlines()]
    assert {int(line[1]) for line in lines} == {1, 2}
    first = next(line for line in lines if line[0] == "11")
    np.testing.assert_allclose([float(v) for v in first[2:6]], [15, 10, 20, 50], atol=0.01)
    assert all(len(line) == 10 for line in lines)
    with Image.open(outputs.sheet) as sheet:
        assert sheet.size == (480, 2 * 206)


def test_outputs_of_one_source_are_refused_for_two(clip, tmp_path):
    with pytest.raises(ValueError, match="of one source"):
        watch(cameras(clip) + cameras(clip), None, Outputs(mot=tmp_path / "a.txt"))


def test_frames_of_several_files_have_no_one_number(clip, tmp_path):
    (one,) = cameras(clip)
    one.source = FolderSource(clip.parent)
    with pytest.raises(ValueError, match="one file"):
        watch([one], None, Outputs(mot=tmp_path / "a.txt"))


def test_an_annotated_video_without_a_frame_is_none(tmp_path):
    made = AnnotatedVideo(tmp_path / "a.mp4")
    made.close()
    assert list(tmp_path.glob("a.mp4*")) == []


def walker(number, height=216, width=384):
    """A bright bar that walks over a dark wall from frame 20 to 60."""
    pixels = np.full((height, width, 3), 70, np.uint8)
    if 20 <= number < 60:
        left = 20 + 6 * (number - 20)
        pixels[60:180, left : left + 40] = 220
    return pixels


@pytest.fixture
def walk(tmp_path):
    path = tmp_path / "walk.mp4"
    with av.open(str(path), "w") as opened:
        stream = opened.add_stream("libx264", rate=10, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = 384, 216, "yuv420p"
        for number in range(90):
            frame = av.VideoFrame.from_ndarray(walker(number), format="rgb24")
            opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))
    return path


def test_the_command(passerby_command, walk, tmp_path, gallery):
    words = [
        "watch", walk, "--gallery", tmp_path / "g", "--camera", "hall", "--detector", "motion",
        "--start", "2026-05-01T08:00:00", "--zone", "Europe/Berlin", "--stride", "1",
        "--sheet", tmp_path / "s.png", "--json",
    ]  # fmt: skip
    done = passerby_command(*words)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    (stay,) = told["stays"]
    assert stay["camera"] == "hall"
    assert stay["since"].startswith("2026-05-01T06:00:02")
    assert 1.8 < stay["first"] < 2.6
    assert 5.5 < stay["last"] < 6.1
    assert told["added"] == len(gallery) >= 3
    assert "5 were there already" in passerby_command(*words[:-1]).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.mp4"], "no such file"),
        ([], "at least one source"),
        (["WALK", "--detector", "yolox_nano"], "passerby pull yolox_nano"),
        (["WALK", "--detector", "motion", "--stride", "x"], "auto or a whole number"),
        (["WALK", "--detector", "motion", "--mend", "5"], "--gallery"),
        (["WALK", "--detector", "motion", "--camera", "a", "--camera", "b"], "1 sources need"),
        (["WALK", "--detector", "motion", "--start", "2026-05-01T08:00:00"], "no zone"),
    ],
)
def test_mistakes_are_named(passerby_command, walk, words, message):
    done = passerby_command("watch", *[walk if word == "WALK" else word for word in words])
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_the_real_clips(clips, real_weights, tmp_path):
    """Passages by eye (first and last frame): nobody is lost, joined or torn."""
    from dataclasses import asdict

    from passerby.video.detectors.card import read_card
    from passerby.video.detectors.gate import Gated
    from passerby.video.detectors.opening import _CARDS, open_detector

    card = asdict(read_card(_CARDS / "yolox_nano.json"))
    card |= {"file": str(real_weights / "yolox_nano.onnx"), "sha256": ""}
    (tmp_path / "card.json").write_text(json.dumps(card))
    seen = [(15, 85), (180, 260), (180, 260), (335, 408), (335, 408), (335, 408), (512, 562)]
    for stride in (2, 5):
        detector = Gated(open_detector(str(tmp_path / "card.json")))
        source = FileSource(clips / "people-detection.264", fps=25)
        tracker = Tracker("bytetrack", detector.sure)
        camera = Camera("c", source, EveryNth(stride), detector, tracker)
        stays = watch([camera], None).stays
        assert len(stays) == len(seen)
        for (first, last), stay in zip(seen, stays, strict=True):
            assert first / 25 - 0.2 <= stay.first
            assert stay.last <= last / 25 + 3
