"""From video to sightings: the same whenever it is watched, none lost, none twice."""

import errno
import io
import json
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from passerby.embedding.embedder import load
from passerby.gallery.enrol.thumbnails import HIGHEST, MOST_PICTURE_BYTES
from passerby.gallery.gallery import Gallery
from passerby.process.interruption import Stopped
from passerby.process.whole_files import DiskFull
from passerby.tables.filters import EVERYTHING
from passerby.tables.sightings import Sightings
from passerby.video.detectors.detections import Detections, Detector
from passerby.video.enrolling import Enroller
from passerby.video.mending import Mender
from passerby.video.pictures import AnnotatedVideo
from passerby.video.sources.files import FileSource
from passerby.video.sources.folders import FolderSource
from passerby.video.sources.paces import EveryNth
from passerby.video.tracking import Tracker
from passerby.video.watching import Camera, Outputs, watch
from tests.video.watch_process import PASSAGES, watched


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
    with Gallery.create(tmp_path / "g", load(small_model)) as made:
        yield made


def rows(gallery):
    """(id, tracklet, frame) of all sightings."""
    return sorted(
        (str(one), int(tracklet), int(frame))
        for part in gallery.store.read(EVERYTHING, with_vectors=False)
        for one, tracklet, frame in zip(part.ids, part.tracklets, part.frames, strict=True)
    )


def test_a_passage_is_one_sighting(clip, gallery):
    watched = watch(cameras(clip), Enroller(gallery.store, gallery.embedder))
    assert [(round(one.first, 1), round(one.last, 1)) for one in watched.stays] == [
        (0.6, 2.4), (6.1, 7.9),
    ]  # fmt: skip
    assert watched.added == len(gallery) == 2
    assert "hall" in gallery.show().to_text()
    assert len({tracklet for _, tracklet, _ in rows(gallery)}) == 2
    assert sorted(one.id for one in watched.stays) == [name for name, _, _ in rows(gallery)]
    kept = Sightings.joined([*gallery.store.read(with_thumbnails=True)])
    kept = kept[np.argsort([looks.span for looks in kept.looks], axis=0)[:, 0]]
    for stay, looks, pictures in zip(watched.stays, kept.looks, kept.pictures, strict=True):
        assert looks.span == pytest.approx((stay.first, stay.last), abs=1e-3)
        assert len(looks) == len(pictures) == 5
        assert stay.first < looks.seconds[0] < looks.seconds[-1] < stay.last
        np.testing.assert_allclose(looks.boxes[:, 2] - looks.boxes[:, 0], 20, atol=1)
    for vector, coherence, looks in zip(kept.vectors, kept.coherences, kept.looks, strict=True):
        np.testing.assert_allclose(coherence * vector, looks.vectors.mean(0), atol=1e-3)


def test_pictures_of_a_passage_are_as_high_as_the_video_has_them(tmp_path, gallery, make_video):
    clip = make_video(tmp_path / "high.mp4", frames=40, fps=10, size=(400, 300))

    def standing(number):
        return [[30, 20, 190, 390]] if number < 20 else []

    camera = Camera(
        "door", FileSource(clip), EveryNth(1), Scripted(standing), Tracker("bytetrack", 0.5)
    )
    watch([camera], Enroller(gallery.store, gallery.embedder))
    (kept,) = gallery.store.read(with_thumbnails=True)
    for jpeg in kept.pictures[0]:
        with Image.open(io.BytesIO(jpeg)) as picture:
            assert picture.height == HIGHEST >= 256
            assert picture.width == pytest.approx(picture.height * 160 / 370, abs=2)
        assert len(jpeg) <= MOST_PICTURE_BYTES


def test_times_last_from_the_first_look_to_the_last(clip, gallery):
    begun = datetime(2026, 5, 1, 8, tzinfo=UTC)
    (camera,) = cameras(clip)
    camera.source = FileSource(clip, start=begun)
    stays = watch([camera], Enroller(gallery.store, gallery.embedder)).stays
    kept = Sightings.joined([*gallery.store.read()])
    kept = kept[np.argsort(kept.times)]
    for name, times in (("first", kept.times), ("last", kept.untils)):
        seconds = (times - np.datetime64("2026-05-01T08:00")) / np.timedelta64(1, "s")
        np.testing.assert_allclose(seconds, [getattr(one, name) for one in stays], atol=0.01)


def test_killed_at_any_moment_and_watched_again_all_are_there_once(
    tmp_path, small_model, make_video, kill_trial
):
    clip = make_video(tmp_path / "long.mp4", frames=200, fps=10, size=(72, 120))
    embedder = load(small_model)
    with Gallery.create(tmp_path / "whole", embedder) as whole:
        watched(str(clip), whole)
        expected = rows(whole)
    assert len(expected) == PASSAGES
    place = tmp_path / "killed"
    Gallery.create(place, embedder).close()
    random = np.random.default_rng(kill_trial)
    for last in random.integers(60, 200, 2).tolist():
        words = [sys.executable, Path(__file__).with_name("watch_process.py"), clip, place]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                if int(line) >= last:
                    time.sleep(random.random() * 0.05)
                    process.kill()
                    break
        assert process.returncode == -9
    with Gallery.open(place) as there:
        assert {*rows(there)} <= {*expected}
        watched(str(clip), there)
        assert rows(there) == expected
        assert there.check().whole


def no_room(*given, **named):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "case",
    [
        ("lancedb.table.LanceTable.add", {}, 0),
        ("passerby.video.pictures.AnnotatedVideo._mux", {"annotate": "a.mp4"}, 2),
        ("passerby.process.whole_files._to_disk", {"mot": "a.txt"}, 2),
        ("passerby.process.whole_files._to_disk", {"sheet": "a.png"}, 2),
    ],
)
def test_wherever_a_disk_is_full_a_word_says_what_is_kept_and_nothing_is_lost(
    clip, tmp_path, gallery, monkeypatch, case
):
    full, outputs, kept = case
    files = {name: tmp_path / file for name, file in outputs.items()}
    with monkeypatch.context() as patched:
        patched.setattr(full, no_room)
        with pytest.raises(DiskFull, match=f"no room for .*Passages in the gallery: {kept}"):
            watch(cameras(clip), Enroller(gallery.store, gallery.embedder), Outputs(**files))
    assert [path.name for path in tmp_path.iterdir()] == ["g"]
    assert len(gallery) == kept
    watch(cameras(clip), Enroller(gallery.store, gallery.embedder), Outputs(**files))
    assert len(gallery) == 2
    assert gallery.check().whole
    assert all(file.exists() for file in files.values())


def test_on_a_disk_that_is_really_full(clip, tmp_path, small_model, small_disk):
    """A gallery and an annotated video on 1 MB that something else fills."""
    place, video = small_disk / "g", small_disk / "a.mp4"
    with Gallery.create(place, load(small_model)) as gallery:
        free = shutil.disk_usage(small_disk).free
        (small_disk / "filling").write_bytes(bytes(free - 8192))
        for outputs in (Outputs(), Outputs(annotate=video)):
            with pytest.raises(DiskFull, match=r"no room for .* The same command goes on"):
                watch(cameras(clip), Enroller(gallery.store, gallery.embedder), outputs)
        assert [path.name for path in small_disk.iterdir() if "a.mp4" in path.name] == []
        (small_disk / "filling").unlink()
        watch(cameras(clip), Enroller(gallery.store, gallery.embedder), Outputs(annotate=video))
        assert len(gallery) == 2
        assert gallery.check().whole
    assert video.exists()


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
    assert (again.added, again.present) == (0, 2)


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
    assert len(gallery) in (0, 1)
    steps.at_each = lambda done, total: None
    watch(cameras(clip), Enroller(gallery.store, gallery.embedder))
    assert len(rows(gallery)) == 2


def test_mended_pieces_are_one_tracklet(clip, gallery):
    mender = Mender(lambda first, second: 5.0, 10.0)
    watched = watch(cameras(clip, mender), Enroller(gallery.store, gallery.embedder))
    assert [one.tracks for one in watched.stays] == [(1, 2)]
    (kept,) = gallery.store.read()
    assert len(kept) == 1
    assert kept.looks[0].span == pytest.approx((0.6, 7.9), abs=0.1)
    assert len(kept.looks[0]) == 10


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


def test_persons_whom_the_gallery_knows_are_drawn(clip, gallery, tmp_path, monkeypatch):
    """When the file is watched again, over both halves of a stay that was joined."""
    drawn = []
    plain = AnnotatedVideo.add

    def add(self, frame, tracked, persons=None):
        drawn.append((tracked.tracks.tolist(), persons))
        plain(self, frame, tracked, persons)

    monkeypatch.setattr(AnnotatedVideo, "add", add)
    outputs = Outputs(annotate=tmp_path / "a.mp4")

    def again():
        drawn.clear()
        made = cameras(clip, Mender(lambda first, second: 50.0, 10.0))
        return watch(made, Enroller(gallery.store, gallery.embedder), outputs)

    (stay,) = again().stays
    assert {*drawn[0][1].values()} == {""}
    gallery.store.name_persons([stay.id], ["anna"])
    again()
    assert drawn[0][1] == {1: "anna", 2: "anna"}
    assert {track for tracks, _ in drawn for track in tracks} == {1, 2}
    with av.open(str(outputs.annotate)) as opened:
        assert len(list(opened.decode(video=0))) == 100


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
    assert told["added"] == len(gallery) == 1
    assert "1 were there already" in passerby_command(*words[:-1]).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.mp4"], "no such file"),
        ([], "at least one source"),
        (["WALK", "--detector", "yolox_nano"], "passerby pull yolox_nano"),
        (["WALK", "--detector", "motion", "--stride", "x"], "auto or a whole number"),
        (["WALK", "--detector", "motion", "--mend", "5"], "--gallery"),
        (["WALK", "--detector", "motion", "--camera", "a", "--camera", "b"], "1 source needs"),
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
