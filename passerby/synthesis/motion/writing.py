"""A site in motion on disk.

    camera1.mp4 ...        H.264 video of each camera; all begin at the same moment
    camera1/gt/gt.txt      its boxes as the MOTChallenge has them: a track is a passage
    camera1/seqinfo.ini
    passages.csv           a row a passage: person, camera, track, first and last second, visit
    site.json              the arguments, the cameras' geometry and who overlaps; written last

Rows of gt.txt are frame (from 1), track, left, top, width, height, 1, 1, visibility. Boxes that
nobody can be asked to find are of the class distractor (…, 0, 8, …), which evaluations leave out:
of whom less than a quarter is seen, and glimpses of who never comes into the picture.
"""

import csv
import io
import json
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from passerby.extras import lacking
from passerby.process.reporting import progress
from passerby.process.whole_files import explain_disk_full, write_whole
from passerby.synthesis.folders import finished, made_beside
from passerby.synthesis.motion.filming import Box, film
from passerby.synthesis.motion.passages import GAP, Passage, passages_on
from passerby.synthesis.motion.plan import Plan, Viewpoint, plan_of
from passerby.synthesis.motion.site import Actors, Site
from passerby.synthesis.motion.walks import walks_of
from passerby.synthesis.rendered.assets import VERSION, prepare

SITE, PASSAGES = "site.json", "passages.csv"
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""When all cameras begin."""

LEAST_SEEN = 0.25
"""Share of a person's pixels from which a box is to be found."""

_PERSON, _DISTRACTOR = 1, 8  # the MOTChallenge's classes


def write_site(
    root: str | Path,
    *,
    seed: int = 0,
    cameras: int = 4,
    minutes: float = 5.0,
    persons: int = 40,
    style: Actors = "drawn",
) -> Path:
    """Write a site in motion and return its folder; a finished one is found and left as it is.

    It is made beside `root`, in a hidden folder, and renamed when it is complete.

    Raises:
        ValueError: Impossible numbers, a folder that holds something else, PyAV lacks or has no
            H.264 encoder, or there is nothing to render persons from.
    """
    root = Path(root)
    packed = VERSION if style == "rendered" else 0
    site = Site(seed, cameras, minutes, persons, style, pack_version=packed)

    def is_finished() -> bool:
        return finished(root, SITE, asdict(site), "site in motion", {})

    if is_finished():
        return root
    _require_encoder()
    if packed:
        prepare()
    with made_beside(root, is_finished) as folder:
        plan = plan_of(site)
        _write_all(folder, site, plan)
        write_whole(folder / SITE, json.dumps(_described(site, plan), indent=2) + "\n")
    return root


def _described(site: Site, plan: Plan) -> dict[str, Any]:
    """What site.json says."""
    return asdict(site) | {
        "start": START.isoformat(),
        "overlapping": [list(pair) for pair in plan.overlapping()],
        "geometry": [asdict(view) for view in plan.viewpoints],
    }


def _write_all(folder: Path, site: Site, plan: Plan) -> None:
    walks = walks_of(site, plan)
    passages = passages_on(site, plan, walks)
    tracks = _tracks(passages)
    write_whole(folder / PASSAGES, _passages_csv(passages, tracks))
    total = site.frames * len(plan.viewpoints)
    with progress("filming") as advance:
        for number, view in enumerate(plan.viewpoints):
            name = f"camera{view.camera}"
            rows = _Rows(site, [one for one in passages if one.camera == view.camera], tracks)
            with _Video(folder / f"{name}.mp4", site) as video:
                for frame, filmed in enumerate(film(site, plan, walks, view)):
                    video.add(filmed.pixels, frame)
                    rows.add(frame, filmed.boxes)
                    advance(number * site.frames + frame + 1, total, f"camera {view.camera}")
            write_whole(folder / name / "gt" / "gt.txt", rows.text())
            write_whole(folder / name / "seqinfo.ini", _sequence(name, site, view))


def _tracks(passages: list[Passage]) -> dict[Passage, int]:
    """The number of each passage among those of its camera, from 1."""
    counts = defaultdict[int, int](int)
    numbers = dict[Passage, int]()
    for one in passages:
        counts[one.camera] += 1
        numbers[one] = counts[one.camera]
    return numbers


def _passages_csv(passages: list[Passage], tracks: dict[Passage, int]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("person", "camera", "track", "first", "last", "visit"))
    for one in passages:
        times = f"{one.first:.3f}", f"{one.last:.3f}"
        table.writerow((one.person, f"camera{one.camera}", tracks[one], *times, one.walk + 1))
    return text.getvalue()


def _sequence(name: str, site: Site, view: Viewpoint) -> str:
    return (
        f"[Sequence]\nname={name}\nframeRate={site.rate}\nseqLength={site.frames}\n"
        f"imWidth={view.width}\nimHeight={view.height}\n"
    )


class _Rows:
    """The lines of gt.txt of one camera, from its passages and frames."""

    def __init__(self, site: Site, passages: list[Passage], tracks: dict[Passage, int]) -> None:
        self._rate, self._tracks = site.rate, tracks
        self._of_walk = defaultdict[int, list[Passage]](list)
        for one in passages:
            self._of_walk[one.walk].append(one)
        self._first_free = len(passages) + 1
        self._lines = list[str]()

    def add(self, frame: int, boxes: tuple[Box, ...]) -> None:
        """Of one frame, from 0."""
        for box in boxes:
            track = self._track(box.walk, frame / self._rate)
            counts = track is not None and box.visibility >= LEAST_SEEN
            number = self._first_free + box.walk if track is None else track
            kind = (1, _PERSON) if counts else (0, _DISTRACTOR)
            sides = f"{box.left:g},{box.top:g},{box.width:g},{box.height:g}"
            self._lines.append(
                f"{frame + 1},{number},{sides},{kind[0]},{kind[1]},{box.visibility:.3f}\n"
            )

    def _track(self, walk: int, seconds: float) -> int | None:
        """The passage that goes on then, or has just ended, or is about to begin."""
        for one in self._of_walk[walk]:
            if one.first - GAP / 2 <= seconds <= one.last + GAP / 2:
                return self._tracks[one]
        return None

    def text(self) -> str:
        """All lines, by frame."""
        return "".join(self._lines)


def _require_encoder() -> None:
    try:
        import av
    except ImportError as error:
        raise lacking("video", "PyAV", "video", error) from None
    if "libx264" not in av.codecs_available:
        raise ValueError("this PyAV has no H.264 encoder (libx264): take its own wheels")


class _Video:
    """An MP4 that is written frame by frame."""

    def __init__(self, path: Path, site: Site) -> None:
        import av

        self._path = path
        self._container = av.open(str(path), "w", format="mp4")
        options = {"preset": "veryfast", "crf": "22"}
        stream = self._container.add_stream("libx264", site.rate, options)
        stream.width, stream.height, stream.pix_fmt = site.width, site.height, "yuv420p"
        stream.codec_context.thread_count = 1  # others give other bytes each time
        self._stream = stream

    def __enter__(self) -> "_Video":
        return self

    def add(self, pixels: Any, frame: int) -> None:
        """A frame [height, width, 3] uint8, RGB."""
        import av

        made = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        made.pts = frame
        with explain_disk_full(self._path):
            self._container.mux(self._stream.encode(made))

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
