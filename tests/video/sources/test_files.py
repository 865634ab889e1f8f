"""Files: true times, upright pictures, and what is said of those that are not whole."""

import hashlib
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pytest

from passerby.video.sources.files import FileSource, file_fingerprint
from passerby.video.sources.paces import EveryNth

ALL = EveryNth(1)


def kinds(source):
    return [event.kind for event in source.journal.events]


def test_a_container_gives_its_frames_and_times(tmp_path, make_video):
    path = make_video(tmp_path / "a.mp4", frames=20, size=(48, 64), fps=10)
    start = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
    source = FileSource(path, "door", start=start)
    frames = list(source.frames(ALL))
    assert [frame.index for frame in frames] == list(range(20))
    np.testing.assert_allclose([frame.seconds for frame in frames], np.arange(20) / 10, atol=1e-3)
    assert [round((f.time - start) / timedelta(seconds=0.1)) for f in frames] == list(range(20))
    assert {frame.pixels.shape for frame in frames} == {(48, 64, 3)}
    # What was drawn comes out: red in the upper left, the grey level elsewhere.
    assert np.abs(frames[5].pixels[10, 10].astype(int) - (220, 20, 20)).max() < 30
    assert np.abs(frames[5].pixels[40, 50].astype(int) - 105).max() < 4
    assert {frame.source for frame in frames} == {"door"}
    assert source.length == pytest.approx(2.0, abs=0.01)
    assert source.rate == pytest.approx(10)
    assert kinds(source) == []


def test_the_pace_chooses_and_indices_stay(tmp_path, make_video):
    source = FileSource(make_video(tmp_path / "a.mp4", frames=10))
    assert [frame.index for frame in source.frames(EveryNth(3))] == [0, 3, 6, 9]
    assert [frame.time for frame in source.frames(EveryNth(5))] == [None, None]


def test_a_variable_rate_keeps_its_times(tmp_path, make_video):
    times = [0.0, 0.1, 0.15, 0.9, 1.0, 8.0]
    source = FileSource(make_video(tmp_path / "v.mkv", frames=6, times=times))
    np.testing.assert_allclose([f.seconds for f in source.frames(ALL)], times, atol=2e-3)
    assert kinds(source) == ["gap"]  # seven seconds in which nothing was seen


def test_a_raw_stream_needs_fps_and_says_that_times_are_counted(tmp_path, make_video):
    path = make_video(tmp_path / "a.264", frames=8, container="h264")
    with pytest.raises(ValueError, match=r"raw stream without times.*--fps"):
        FileSource(path)
    source = FileSource(path, fps=5)
    assert [frame.seconds for frame in source.frames(ALL)] == [number / 5 for number in range(8)]
    assert kinds(source) == ["counted"]


def turned(path: Path, quarters: int) -> Path:
    """Write a turn into an MP4's track header, as telephones do."""
    content = bytearray(path.read_bytes())
    begin = content.index(b"tkhd") + 4 + 40  # version 0: the matrix is 40 bytes in
    cosine, sine = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarters]
    rows = [cosine, sine, 0, -sine, cosine, 0, 0, 0]
    fixed = struct.pack(">8i", *(value * 65536 for value in rows)) + struct.pack(">i", 1 << 30)
    content[begin : begin + 36] = fixed
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("quarters", range(4))
def test_rotated_video_comes_upright(tmp_path, make_video, quarters):
    """The matrix turns clockwise by as many quarters: what was upper left goes there."""
    path = turned(make_video(tmp_path / "t.mp4", frames=2, size=(48, 64)), quarters)
    pixels = next(FileSource(path).frames(ALL)).pixels
    assert pixels.shape == ((48, 64, 3) if quarters % 2 == 0 else (64, 48, 3))
    height, width = pixels.shape[:2]
    corners = [(5, 5), (5, width - 6), (height - 6, width - 6), (height - 6, 5)]  # clockwise
    red = [pixels[y, x, 0].astype(int) - pixels[y, x, 1] > 100 for y, x in corners]
    assert red == [number == quarters for number in range(4)]


def test_changing_resolution_is_followed_and_written_down(tmp_path, make_video):
    small = make_video(tmp_path / "s.264", frames=3, size=(48, 64), container="h264")
    large = make_video(tmp_path / "l.264", frames=3, size=(64, 96), container="h264")
    both = tmp_path / "both.264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    source = FileSource(both, fps=25)
    sizes = [frame.pixels.shape[:2] for frame in source.frames(ALL)]
    assert sizes == [(48, 64)] * 3 + [(64, 96)] * 3
    assert kinds(source) == ["counted", "size"]
    assert "96×64" in source.journal.events[1].text


def test_corrupt_packets_are_passed_over_and_counted(tmp_path, make_video):
    path = make_video(tmp_path / "a.mkv", frames=40)
    content = bytearray(path.read_bytes())
    random = np.random.default_rng(0)
    for _ in range(8):  # blocks of noise in the middle of the file
        at = int(random.integers(len(content) // 4, len(content) - 200))
        content[at : at + 40] = random.bytes(40)
    path.write_bytes(content)
    source = FileSource(path)
    frames = list(source.frames(ALL))
    assert 5 < len(frames) < 40
    seconds = [frame.seconds for frame in frames]
    assert seconds == sorted(set(seconds))
    corrupt = [event for event in source.journal.events if event.kind == "corrupt"]
    assert len(corrupt) == 1
    assert corrupt[0].text == f"{corrupt[0].count} frames could not be decoded"


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_a_file_that_ends_early_gives_what_there_is(tmp_path, make_video, ending):
    how = {"options": {"movflags": "faststart"}} if ending == "mp4" else {}
    path = make_video(tmp_path / f"a.{ending}", frames=100, size=(96, 128), **how)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    source = FileSource(path)
    frames = list(source.frames(ALL))
    assert 10 < len(frames) < 100
    # MPEG-TS states no length: nothing tells that more was meant.
    assert ("early end" in kinds(source)) == (ending != "ts")


def test_a_recording_without_its_table_is_named(tmp_path, make_video):
    path = make_video(tmp_path / "a.mp4", frames=20)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"moov") - 4])  # the table of an MP4 stands at its end
    with pytest.raises(ValueError, match=r"no video that can be read.*cut off"):
        FileSource(path)


def test_no_video_stream_is_named(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as opened:
        stream = opened.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate = 8000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))
    with pytest.raises(ValueError, match=r"no video in sound\.mp4: it holds audio"):
        FileSource(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no video that can be read"),
        (b"hello " * 100, "no video that can be read"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "no video that can be read"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "no video that can be read"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, content, message):
    """Play lists and scripts too: they lead to other files and addresses."""
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        FileSource(path)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        FileSource(tmp_path / "no.mp4")
    with pytest.raises(ValueError, match="above 0"):
        FileSource(tmp_path / "no.mp4", fps=0)


def test_names_that_look_like_protocols_are_files(tmp_path, make_video, monkeypatch):
    make_video(tmp_path / "a.mp4", frames=2).rename(tmp_path / "concat:b.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(list(FileSource("concat:b.mp4").frames(ALL))) == 2


def test_the_fingerprint_is_of_size_beginning_and_end(tmp_path):
    path = tmp_path / "a"
    content = bytes(np.random.default_rng(0).integers(0, 256, 3 * 2**20, np.uint8))
    path.write_bytes(content)
    slow = hashlib.sha256(
        struct.pack("<Q", len(content)) + content[: 2**20] + content[-(2**20) :]
    ).hexdigest()[:32]
    assert file_fingerprint(path) == slow
    path.write_bytes(content[:-1] + b"x")
    assert file_fingerprint(path) != slow


def test_the_real_clips(clips):
    source = FileSource(clips / "one-by-one-person-detection.mp4")
    seconds = [frame.seconds for frame in source.frames(EveryNth(1))]
    np.testing.assert_allclose(seconds, np.arange(1394) / 10, atol=1e-6)
    with pytest.raises(ValueError, match="--fps 25"):
        FileSource(clips / "people-detection.264")
