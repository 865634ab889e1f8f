"""RTSP as cameras speak it: played, lost, stalled, locked, and ended by Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

from passerby.video.sources.paces import EveryNth
from passerby.video.sources.streams import Patience, StreamSource
from passerby.video.sources.together import frames_together
from tests.video.conftest import flat
from tests.video.sources.rtsp_server import camera, encoded

QUICK = Patience(opening=3.0, reading=0.5, pause=0.05, longest=0.4, first=3)


@pytest.fixture(scope="module")
def pictures():
    """100 frames of 25 a second, grey levels 100 to 199."""
    return encoded([flat(100 + number, 48, 64) for number in range(100)])


def taken(source, most):
    """Up to so many frames, then the source is stopped."""
    found = []
    for frame in source.frames(EveryNth(1)):
        found.append(frame)
        if len(found) >= most:
            source.stop()
    return found


def gaps(source):
    return [event for event in source.journal.events if event.kind == "gap"]


def test_frames_come_with_their_times_and_pixels(pictures):
    def play(number, viewer):
        viewer.send(0, 100)
        viewer.connection.recv(1)

    with camera(pictures, play) as url:
        frames = taken(StreamSource(url, patience=QUICK), 60)
    steps = np.diff([frame.seconds for frame in frames])
    np.testing.assert_allclose(steps, 0.04, atol=1e-3)
    levels = [int(frame.pixels[40, 50, 1]) for frame in frames]
    assert np.abs(np.diff(levels) - 1).max() <= 2
    assert np.abs(levels[0] - 100) <= 6
    assert [frame.index for frame in frames] == list(range(60))


def test_a_locked_camera_opens_with_its_password_which_nobody_reads(pictures):
    def play(number, viewer):
        viewer.send(0, 100)

    with camera(pictures, play, "admin", "s3cret") as url:
        known = StreamSource(url.replace("//", "//admin:s3cret@"), patience=QUICK)
        assert len(taken(known, 10)) == 10
        assert "s3cret" not in known.name
        unknown = StreamSource(url.replace("//", "//admin:wrong@"), patience=QUICK)
        with pytest.raises(ValueError, match="gives no video") as caught:
            taken(unknown, 1)
        assert "wrong@" not in str(caught.value)


@pytest.mark.parametrize("how", ["drops", "stalls"])
def test_a_camera_that_goes_is_taken_up_again(pictures, how):
    """The connection is cut, or stays open and says nothing more."""

    def play(number, viewer):
        viewer.send(0, 40 if number == 0 else 100)
        if how == "stalls" and number == 0:
            time.sleep(2)
        viewer.connection.close()

    with camera(pictures, play) as url:
        source = StreamSource(url, "door", patience=QUICK)
        frames = taken(source, 70)
    assert len(frames) == 70
    seconds = [frame.seconds for frame in frames]
    assert all(a < b for a, b in pairwise(seconds))
    first = [frame.index for frame in frames].index(0, 1)
    assert first in (39, 40)  # of a connection that is not closed the parser keeps the last one
    assert [frame.index for frame in frames] == [*range(first), *range(70 - first)]
    assert len({frame.origin for frame in frames}) == 2
    (gap,) = gaps(source)
    assert gap.text.startswith("gone for")
    assert gap.lasted == pytest.approx(seconds[first] - seconds[first - 1], abs=0.05)


def test_tries_come_further_and_further_apart(pictures):
    """Five connections end at once after the first; the pause doubles up to the longest."""
    times = []

    def play(number, viewer):
        times.append(time.monotonic())
        if number in (0, 6):
            viewer.send(0, 40)
        viewer.connection.close()

    with camera(pictures, play) as url:
        frames = taken(StreamSource(url, patience=QUICK), 60)
    assert len(frames) == 60
    waited = np.diff(times[1:7])
    assert (waited > np.array([0.1, 0.2, 0.4, 0.4, 0.4])[: len(waited)]).all()
    assert waited[-1] < 3


def test_a_silent_camera_can_be_stopped(pictures):
    """No frame need come for it."""

    def play(number, viewer):
        viewer.send(0, 40)
        viewer.connection.recv(1)

    with camera(pictures, play) as url:
        stream = StreamSource(url, patience=Patience(opening=60.0, reading=60.0))
        latest = [time.monotonic()]
        for _ in frames_together(
            [(stream, EveryNth(1))], lambda: time.monotonic() > latest[-1] + 2
        ):
            latest.append(time.monotonic())
        assert len(latest) > 5
        assert time.monotonic() - latest[-1] < 30


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to a process alone")
def test_ctrl_c_ends_a_stream_with_what_was_seen(pictures, tmp_path):
    """The command: passages told, exit code 0, no word of the password."""

    seen = threading.Event()

    def play(number, viewer):
        viewer.send(0, 100, pause=0.01)
        seen.set()
        viewer.connection.recv(1)

    with camera(pictures, play, "admin", "s3cret") as url:
        words = [
            sys.executable, "-m", "passerby", "watch", url.replace("//", "//admin:s3cret@"),
            "--detector", "motion", "--json",
        ]  # fmt: skip
        quiet = {**os.environ, "PASSERBY_CACHE": str(tmp_path), "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=quiet
        ) as started:
            assert seen.wait(60)
            time.sleep(0.5)
            started.send_signal(signal.SIGINT)
            out, err = started.communicate(timeout=30)
    assert started.returncode == 0, err
    assert "Traceback" not in err
    assert "s3cret" not in out + err
    told = json.loads(out)
    assert told["frames"] > 10
