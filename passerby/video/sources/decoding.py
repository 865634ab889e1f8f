"""Frames out of a container, by PyAV: true times, upright pictures, corrupt packets passed over."""

from __future__ import annotations

import math
from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from passerby.extras import lacking
from passerby.video.sources.frames import Journal

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

# What is video, by FFmpeg's names. Play lists, scripts and device formats are not among them: they
# lead to other files and addresses.
_FILE_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,h264,hevc,av1,obu,ivf,m4v,flv,"
    "asf,ogg,mjpeg,mxf,dv,nut,gif"
)
_STREAM_PROTOCOLS = "rtsp,rtsps,rtp,srtp,rtmp,rtmps,srt,udp,tcp,tls,http,https,httpproxy,crypto"
GAP = 5.0
"""Seconds between two frames that are worth an event."""


class Stalled(Exception):
    """Nothing that shows a picture has come for too long."""


def require_av() -> None:
    """ValueError saying what to install where PyAV is not."""
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise lacking("video", "PyAV", "video", error) from None


def open_file(path: str) -> InputContainer:
    """A file, whatever its name looks like. Raises av.error.FFmpegError."""
    import av

    return av.open(
        f"file:{path}", options={"format_whitelist": _FILE_FORMATS, "protocol_whitelist": "file"}
    )


def open_stream(url: str, opening: float, reading: float) -> InputContainer:
    """A stream, opened and read within so many seconds each. Raises av.error.FFmpegError."""
    import av

    options = {"protocol_whitelist": _STREAM_PROTOCOLS}
    if url.startswith("rtsp"):
        options["rtsp_transport"] = "tcp"  # UDP loses packets before it loses a connection
    return av.open(url, options=options, timeout=(opening, reading))


def video_of(container: InputContainer, name: str) -> VideoStream:
    """The first video stream; ValueError saying what else there is. Cover pictures are none."""
    import av

    cover = av.stream.Disposition.attached_pic
    found = [one for one in container.streams.video if not one.disposition & cover]
    if not found:
        kinds = sorted({str(stream.type) for stream in container.streams}) or ["nothing"]
        raise ValueError(f"there is no video in {name}: it holds {', '.join(kinds)}")
    return found[0]


class Clock:
    """The times of one container's frames in seconds since its first, always growing.

    fps: count frames in place of reading times, so many a second; step: seconds of a frame where
    one has no time.
    """

    def __init__(self, journal: Journal, fps: float | None, step: float, begin: float = 0.0):
        self._journal, self._fps, self._step = journal, fps, step
        self._begin, self._first, self.last = begin, math.nan, -math.inf

    def seconds_of(self, index: int, pts: float | None) -> float:
        """Of the frame with this number; pts: what the container says, None for nothing."""
        if self._fps is not None:
            self.last = self._begin + index / self._fps
            return self.last
        before = max(self.last, self._begin)
        if pts is None:
            self.last = before if index == 0 else before + self._step
            return self.last
        if math.isnan(self._first):
            self._first = pts - (0.0 if math.isinf(self.last) else before + self._step)
        seconds = self._begin + pts - self._first
        if seconds <= self.last:
            self._journal.note(
                "clock",
                self.last,
                f"times go back by {self.last - seconds:.1f} s: counted on from there",
            )
            self._first -= self.last + self._step - seconds
            seconds = self.last + self._step
        elif seconds - self.last > GAP and not math.isinf(self.last):
            gone = seconds - self.last
            self._journal.note("gap", self.last, f"no frames for {gone:.1f} s", gone)
        self.last = seconds
        return seconds


def decoded(
    container: InputContainer,
    stream: VideoStream,
    clock: Clock,
    journal: Journal,
    patience: float | None = None,
) -> Iterator[tuple[int, float, VideoFrame]]:
    """(number, seconds, picture) of each frame that can be decoded.

    patience: raise `Stalled` when no picture has come for so many seconds, whatever else comes.
    Raises av.error.FFmpegError when the container cannot be read on.
    """
    import av

    index, size, since = 0, (0, 0), monotonic()
    for packet in container.demux(stream if patience is None else list(container.streams)):
        if patience is not None and monotonic() - since > patience:
            raise Stalled(f"no picture for {patience:.0f} s")
        if packet.stream_index != stream.index:
            continue
        try:
            pictures: list[Any] = list(packet.decode())
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            journal.count("corrupt", max(0.0, clock.last), "frames could not be decoded")
            index += 1
            continue
        for picture in pictures:
            since = monotonic()
            seconds = clock.seconds_of(index, picture.time)
            if picture.is_corrupt:
                journal.count("corrupt", seconds, "frames could not be decoded")
            else:
                if size not in ((0, 0), (picture.width, picture.height)):
                    text = f"the picture is {picture.width}×{picture.height} from here on"
                    journal.note("size", seconds, text)
                size = picture.width, picture.height
                yield index, seconds, picture
                since = monotonic()  # what was done with it meanwhile is no fault of the stream's
            index += 1


def upright(picture: VideoFrame) -> NDArray[np.uint8]:
    """The pixels [H, W, 3] in RGB, turned as the metadata says (by quarters of a turn)."""
    pixels = picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    quarters = round(picture.rotation / 90) % 4  # counter-clockwise, as numpy turns
    return np.ascontiguousarray(np.rot90(pixels, quarters)) if quarters else pixels


def step_of(stream: VideoStream) -> float:
    """Seconds of a frame as the header says; of 25 frames a second where it says nothing."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / rate) if rate else 0.04


def reason(error: Exception) -> str:
    """An error in FFmpeg's words, without the address, which may hold a password."""
    return str(getattr(error, "strerror", None) or error)
