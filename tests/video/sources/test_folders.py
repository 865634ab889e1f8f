"""Folders of files: times from names or a table, gaps and overlaps between them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from passerby.video.sources.folders import FolderSource, time_in_name
from passerby.video.sources.opening import open_source
from passerby.video.sources.paces import EveryNth

ALL = EveryNth(1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20260501083000.mp4", "08:30:00"),
        ("door_2026-05-01_08-30-00.mp4", "08:30:00"),
        ("2026-05-01T08:30:05Z.mkv", "08:30:05"),
        ("NVR_ch2_main_20260501_083001.mp4", "08:30:01"),
        ("clip12.mp4", None),
        ("2026-05-01.mp4", None),
        ("20260501_083000_20260501_084000.mp4", None),  # from and to: which one is not said
    ],
)
def test_times_in_names(name, expected):
    found = time_in_name(name, UTC)
    assert (found and f"{found:%H:%M:%S}") == expected


def test_times_in_names_need_a_zone():
    with pytest.raises(ValueError, match="--zone"):
        time_in_name("20260501_083000.mp4", None)
    berlin = time_in_name("20260501_083000.mp4", ZoneInfo("Europe/Berlin"))
    assert berlin.astimezone(UTC).hour == 6
    with pytest.raises(ValueError, match="20261301"):
        time_in_name("20261301_083000.mp4", UTC)


def test_files_follow_by_their_times_with_the_gap_written_down(tmp_path, make_video):
    make_video(tmp_path / "b_20260501_080000.mp4", frames=10, fps=10)
    make_video(tmp_path / "a_20260501_080010.mp4", frames=10, fps=10, size=(48, 96))
    (tmp_path / "notes.txt").write_text("no video")
    source = FolderSource(tmp_path, "door", zone=UTC)
    frames = list(source.frames(ALL))
    expected = np.concatenate([np.arange(10) / 10, 10 + np.arange(10) / 10])
    np.testing.assert_allclose([frame.seconds for frame in frames], expected, atol=1e-3)
    assert frames[10].time == datetime(2026, 5, 1, 8, 0, 10, tzinfo=UTC)
    assert [frame.index for frame in frames] == [*range(10), *range(10)]
    assert len({frame.origin for frame in frames}) == 2
    (gap,) = source.journal.events
    assert (gap.kind, round(gap.lasted, 1)) == ("gap", 9.1)


def test_files_that_join_have_no_gap_and_overlaps_are_passed_over(tmp_path, make_video):
    make_video(tmp_path / "20260501_080000.mp4", frames=20, fps=10)
    make_video(tmp_path / "20260501_080002.mp4", frames=30, fps=10)
    make_video(tmp_path / "20260501_080003.mp4", frames=30, fps=10, size=(48, 96))
    source = FolderSource(tmp_path, zone=UTC)
    seconds = [frame.seconds for frame in source.frames(ALL)]
    np.testing.assert_allclose(seconds, np.arange(60) / 10, atol=1e-3)
    assert [event.kind for event in source.journal.events] == ["overlap"]


def test_files_without_times_follow_one_another(tmp_path, make_video):
    for name in ("clip10.mp4", "clip2.mp4"):
        make_video(tmp_path / name, frames=5 if name == "clip2.mp4" else 7, fps=10)
    start = datetime(2026, 5, 1, 8, tzinfo=UTC)
    source = FolderSource(tmp_path, start=start)
    frames = list(source.frames(ALL))
    assert [frame.index for frame in frames] == [*range(5), *range(7)]  # clip2 before clip10
    np.testing.assert_allclose([frame.seconds for frame in frames], np.arange(12) / 10, atol=1e-3)
    assert frames[10].time == datetime(2026, 5, 1, 8, 0, 1, tzinfo=UTC)
    assert [event.kind for event in source.journal.events] == ["counted"]


def test_a_table_says_when_files_start(tmp_path, make_video):
    (tmp_path / "v").mkdir()
    make_video(tmp_path / "v" / "x.mp4", frames=4, fps=10, size=(48, 96))
    make_video(tmp_path / "y.mp4", frames=4, fps=10)
    table = tmp_path / "when.csv"
    table.write_text("file,start\ny.mp4,2026-05-01T08:00:01\nv/x.mp4,2026-05-01T08:00:00\n")
    frames = list(open_source(str(table), zone=UTC).frames(ALL))
    np.testing.assert_allclose(
        [frame.seconds for frame in frames], [0, 0.1, 0.2, 0.3, 1, 1.1, 1.2, 1.3], atol=1e-3
    )
    with pytest.raises(ValueError, match="no zone"):
        open_source(str(table))
    table.write_text("file,start\nmissing.mp4,2026-05-01T08:00:00Z\n")
    with pytest.raises(ValueError, match="no such file"):
        open_source(str(table))


def test_what_cannot_be_ordered_is_refused(tmp_path, make_video):
    with pytest.raises(ValueError, match="no videos in"):
        FolderSource(tmp_path)
    one = make_video(tmp_path / "a_20260501_080000.mp4", frames=2)
    (tmp_path / "b.mp4").write_bytes(one.read_bytes())
    with pytest.raises(ValueError, match=r"b\.mp4 does not"):
        FolderSource(tmp_path, zone=UTC)
    twice = (tmp_path / "b.mp4").rename(tmp_path / "b_20260501_090000.mp4")
    with pytest.raises(ValueError, match="are the same file"):
        FolderSource(tmp_path, zone=UTC)
    twice.rename(tmp_path / "b_20260501_080000.mp4")
    with pytest.raises(ValueError, match="start at one time"):
        FolderSource(tmp_path, zone=UTC)
    with pytest.raises(ValueError, match="without --start"):
        FolderSource(tmp_path, zone=UTC, start=datetime(2026, 5, 1, tzinfo=UTC))


def test_one_file_has_the_time_of_its_name_where_a_zone_is_given(tmp_path, make_video):
    path = make_video(tmp_path / "door_20260501_080000.mp4", frames=2)
    first = next(open_source(str(path), zone=UTC).frames(ALL))
    assert first.time == datetime(2026, 5, 1, 8, tzinfo=UTC)
    assert next(open_source(str(path)).frames(ALL)).time is None
