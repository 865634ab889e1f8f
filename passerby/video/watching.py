"""From sources to passages: detect, track, embed, mend, enrol. The story of ``passerby watch``."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from passerby.process.interruption import Stopped, StopRequest
from passerby.process.reporting import Advance, progress
from passerby.process.spelling import count_of
from passerby.process.whole_files import DiskFull
from passerby.video.detectors.detections import Detector
from passerby.video.enrolling import Enroller
from passerby.video.mending import Embedded, Mender
from passerby.video.passages import Passage, Passages
from passerby.video.pictures import AnnotatedVideo, MotRows, contact_sheet
from passerby.video.sources.files import FileSource
from passerby.video.sources.frames import Event, Frame, Source
from passerby.video.sources.paces import Pace
from passerby.video.sources.together import frames_together
from passerby.video.tracking import Tracked, Tracker

_NO_PIXELS = np.empty((0, 0, 3), np.uint8)


@dataclass(eq=False)
class Camera:
    """One source and what works on it; mender: None to leave tracks as they are."""

    name: str
    source: Source
    pace: Pace
    detector: Detector
    tracker: Tracker
    mender: Mender | None = None
    passages: Passages = field(init=False)
    done: list[Passage] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.passages = Passages(self.source.name)


@dataclass(frozen=True)
class Outputs:
    """Files to write beside the gallery: of one camera annotate (MP4) and mot; of all a sheet."""

    annotate: Path | None = None
    mot: Path | None = None
    sheet: Path | None = None


@dataclass(frozen=True)
class Stay:
    """A passage, told: seconds of its source, times in UTC where they are known."""

    id: str
    camera: str
    source: str
    tracks: tuple[int, ...]
    first: float
    last: float
    since: str | None
    until: str | None
    frames: int


@dataclass(frozen=True)
class Watched:
    """What came of watching. frames: that were looked at; seconds: of video; took: seconds of work;
    added, present, refused: sightings new in the gallery, there already, and kept out by its
    opt-out list, of whose passages nothing is told."""

    frames: int
    seconds: float
    took: float
    stays: tuple[Stay, ...]
    events: tuple[Event, ...]
    added: int = 0
    present: int = 0
    refused: int = 0

    def to_json(self) -> str:
        """All of it."""
        return json.dumps(asdict(self), indent=2)

    def __str__(self) -> str:
        speed = self.seconds / self.took if self.took > 0 else 0.0
        lines = [
            f"{count_of(len(self.stays), 'passage')} in {count_of(self.frames, 'frame')} of "
            f"{self.seconds:.1f} s of video, {speed:.1f} times real time; {self.added} added to "
            f"the gallery, {self.present} were "
            "there already" + (f", {self.refused} refused by the opt-out list" * bool(self.refused))
        ]
        for stay in self.stays:
            when = f", since {stay.since}" if stay.since else ""
            lines.append(f"  {stay.camera}: {stay.first:.1f} to {stay.last:.1f} s{when}")
        return "\n".join([*lines, *(f"note: {event}" for event in self.events)])


def watch(
    cameras: Sequence[Camera], enroller: Enroller | None, outputs: Outputs = Outputs()
) -> Watched:
    """Watch sources to their ends, and enrol each passage when it has ended.

    What is found in files depends on them and the settings alone, and has the same ids each time:
    killed at any moment, the same command brings the rest. enroller: None to keep nothing.

    Raises:
        ValueError: What a source raises, or outputs of one camera for several.
        Stopped: Ctrl-C or SIGTERM while files are watched; persons who are still in the picture
            come when it is called again. Streams end with what was seen.
        DiskFull: The gallery's disk or that of an output is full. The gallery is whole.
    """
    if len(cameras) > 1 and (outputs.annotate or outputs.mot):
        raise ValueError("--annotate and --mot are of one source: watch the others by themselves")
    if outputs.mot and not isinstance(cameras[0].source, FileSource):
        raise ValueError("--mot numbers the frames of one file: watch each file by itself")
    work = _Work(cameras, enroller, outputs)
    with progress("watching") as advance, StopRequest() as stop:
        try:
            work.run(advance, stop)
        except DiskFull as error:
            raise DiskFull(f"{error}. {work.kept_after_all()}") from None
        finally:
            work.close()
    return work.result()


class _Work:
    """The state of watching."""

    def __init__(
        self, cameras: Sequence[Camera], enroller: Enroller | None, outputs: Outputs
    ) -> None:
        self._cameras, self._enroller, self._outputs = cameras, enroller, outputs
        self._annotated = AnnotatedVideo(outputs.annotate) if outputs.annotate else None
        self._rows = MotRows() if outputs.mot else None
        # Who somebody is, the gallery says when the passage has ended: files are drawn after that.
        later = outputs.annotate and enroller is not None and not cameras[0].source.live
        self._tracks: list[Tracked] | None = [] if later else None
        self._pace = copy.deepcopy(cameras[0].pace)
        self._frames, self._began = 0, time.monotonic()

    def run(self, advance: Advance, stop: StopRequest) -> None:
        """Go through all frames; see `watch`."""
        sources = [(camera.source, camera.pace) for camera in self._cameras]
        lengths = [camera.source.length for camera in self._cameras]
        total = 0.0 if None in lengths else sum(filter(None, lengths))
        # A camera may be silent for hours: whether to stop is asked without a frame, too.
        for number, frame in frames_together(sources, lambda: bool(stop.number)):
            self._look(self._cameras[number], frame)
            advance(round(self._seconds), round(total), self._note())
        live = all(camera.source.live for camera in self._cameras)
        if stop.number and not live:
            self._flush()
            raise Stopped(
                f"stopped; kept so far: {count_of(self._found, 'passage')}. The same command goes "
                "on",
                stop.number,
            )
        for camera in self._cameras:
            self._end(camera)
        self._flush()
        self._draw(stop)
        self._write()

    def _look(self, camera: Camera, frame: Frame) -> None:
        found = camera.detector.detect(frame.pixels)
        tracked = camera.tracker.update(found, frame.seconds)
        self._frames, camera.seconds = self._frames + 1, frame.seconds
        self._show(frame, tracked)
        for passage in camera.passages.take(frame, tracked):
            self._ended(camera, passage)
        if camera.mender is not None:
            for piece in camera.mender.ready(frame.seconds, camera.passages.begun):
                self._keep(camera, piece)

    def _show(self, frame: Frame, tracked: Tracked) -> None:
        if self._tracks is not None:
            self._tracks.append(tracked)
        elif self._annotated is not None:
            self._annotated.add(frame, tracked)
        if self._rows is not None:
            self._rows.add(frame, tracked)

    def _end(self, camera: Camera) -> None:
        for passage in camera.passages.end():
            self._ended(camera, passage)
        if camera.mender is not None:
            for piece in camera.mender.end():
                self._keep(camera, piece)

    def _ended(self, camera: Camera, passage: Passage) -> None:
        if self._enroller is None:
            self._done(camera, passage)
            return
        piece = self._enroller.embed(passage)
        if camera.mender is None:
            self._keep(camera, piece)
        else:
            camera.mender.take(piece)

    def _keep(self, camera: Camera, piece: Embedded) -> None:
        assert self._enroller is not None
        if self._enroller.take(piece, camera.name):
            self._done(camera, piece.passage)

    def _done(self, camera: Camera, passage: Passage) -> None:
        """Keep of a passage what is told in the end: pictures only where a sheet shows them."""
        first, last = passage.looks[0], passage.looks[-1]
        shown = passage.spread() if self._outputs.sheet else []
        between = [look for look in shown if look is not first and look is not last]
        if not shown:
            first, last = (replace(look, crop=_NO_PIXELS) for look in (first, last))
        passage.looks = [first, *between, last]
        camera.done.append(passage)

    def _flush(self) -> None:
        if self._enroller is not None:
            self._enroller.flush()

    def _draw(self, stop: StopRequest) -> None:
        """Go through a file once more, now that the gallery says who its persons are."""
        if self._tracks is None or self._annotated is None or self._enroller is None:
            return
        camera = self._cameras[0]
        known = self._enroller.persons([one.id for one in camera.done])
        names = {track: known[one.id] for one in camera.done for track in one.tracks}
        with progress("drawing") as advance:
            pictures = zip(camera.source.frames(self._pace), self._tracks, strict=True)
            for number, (frame, tracked) in enumerate(pictures, 1):
                self._annotated.add(frame, tracked, names)
                advance(number, len(self._tracks))
                if stop.number:
                    break

    def _write(self) -> None:
        outputs = self._outputs
        if self._rows is not None and outputs.mot is not None:
            pairs = enumerate(self._cameras[0].done, 1)
            self._rows.write(outputs.mot, {t: n for n, one in pairs for t in one.tracks})
        if outputs.sheet is not None:
            contact_sheet(outputs.sheet, [(c.name, one) for c, one in self._stays()])

    def kept_after_all(self) -> str:
        """Where a disk is full: write what waits, if it can be, and say what is kept."""
        if self._annotated is not None:
            self._annotated.discard()  # which may be what filled it
        with suppress(DiskFull):
            self._flush()
        if self._enroller is None:
            return "Nothing was to be kept in a gallery"
        kept = self._enroller.added + self._enroller.present
        lost = self._enroller.waiting
        if not lost:
            rest = ""
        elif all(camera.source.live for camera in self._cameras):
            rest = f"; {lost} more that the streams showed are not kept"
        else:
            rest = f"; {lost} more were not written yet"
        return f"Passages in the gallery: {kept}{rest}. The same command goes on"

    def close(self) -> None:
        """Give the annotated video its name."""
        if self._annotated is not None:
            self._annotated.close()

    def result(self) -> Watched:
        """What is told in the end."""
        enroller = self._enroller
        return Watched(
            self._frames,
            self._seconds,
            time.monotonic() - self._began,
            tuple(_told(camera.name, one) for camera, one in self._stays()),
            tuple(event for camera in self._cameras for event in camera.source.journal.events),
            enroller.added if enroller else 0,
            enroller.present if enroller else 0,
            enroller.refused if enroller else 0,
        )

    def _stays(self) -> Iterator[tuple[Camera, Passage]]:
        for camera in self._cameras:
            for one in sorted(camera.done, key=lambda one: (one.first, one.last)):
                yield camera, one

    @property
    def _seconds(self) -> float:
        return sum(camera.seconds for camera in self._cameras)

    @property
    def _found(self) -> int:
        return sum(len(camera.done) for camera in self._cameras)

    def _note(self) -> str:
        gaps = sum(
            event.kind == "gap"
            for camera in self._cameras
            for event in camera.source.journal.events
        )
        speed = self._seconds / max(1e-9, time.monotonic() - self._began)
        return (
            f"{count_of(self._found, 'passage')}, {speed:.1f}× real time, {count_of(gaps, 'gap')}"
        )


def _told(camera: str, passage: Passage) -> Stay:
    since, until = passage.looks[0].time, passage.looks[-1].time
    return Stay(
        passage.id,
        camera,
        passage.source,
        passage.tracks,
        round(passage.first, 3),
        round(passage.last, 3),
        since.isoformat() if since else None,
        until.isoformat() if until else None,
        passage.count,
    )
