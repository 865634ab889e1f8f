"""What `passerby watch` makes of two clips of walking persons, whose passages are known by eye.

    passerby data synthesize OTHERS --style rendered --train-persons 1 --test-persons 120
    python benchmarks/clips.py CLIPS --detector CARD [--others OTHERS] [--model MODEL]
        [--strides 1 2 5]

CLIPS holds people-detection.264 and one-by-one-person-detection.mp4 (Intel's sample videos); CARD
is a detector as of ``passerby watch --detector``. Prints tables: passages beside the truth, with
pieces joined (--mend 10); CPU seconds of this one process as times real time, with embedding;
halves of tracks cut in the middle, with nothing and with a fifth of the stay hidden, all tracks of
both clips as if at one moment, given to the mender, by the ratios of the calibration beside the
model; with OTHERS searches for each look of one clip's passages among those of the other, where
nobody of them is, as calibrated on OTHERS.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import load
from passerby.gallery.gallery import Gallery
from passerby.tables.filters import EVERYTHING
from passerby.tables.sightings import Sightings, by_look
from passerby.video.continuity import continuity
from passerby.video.detectors.gate import Gated
from passerby.video.detectors.opening import open_detector
from passerby.video.enrolling import Enroller, ratio_of
from passerby.video.mending import LEAST_RATIO, Embedded, Mender
from passerby.video.passages import Passage, Passages
from passerby.video.sources.files import FileSource
from passerby.video.sources.frames import Frame
from passerby.video.sources.paces import EveryNth
from passerby.video.tracking import Tracked, Tracker
from passerby.video.watching import Camera, Stay, watch


@dataclass(frozen=True)
class Clip:
    """A file, frames a second, and the first and last frame of each passage, by eye."""

    file: str
    rate: float
    passages: tuple[tuple[int, int], ...]


CLIPS = (
    Clip(
        "people-detection.264", 25,
        ((15, 85), (180, 260), (180, 260), (335, 408), (335, 408), (335, 408), (512, 562)),
    ),
    Clip(
        "one-by-one-person-detection.mp4", 10,
        ((55, 215), (225, 450), (495, 715), (738, 885), (905, 1205), (1215, 1375)),
    ),
)  # fmt: skip
GAP = 10.0  # seconds of --mend
SECOND_HALF = 10_000  # added to the number of a track from the cut on
FPIR = 0.05


def main() -> None:
    """See the head of the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--detector", default="yolox_nano")
    parser.add_argument("--others", help="labelled persons that searches are calibrated on")
    parser.add_argument("--model", default="default")
    parser.add_argument("--strides", type=int, nargs="+", default=[1, 2, 5])
    asked = parser.parse_args()
    embedder = load(asked.model)
    print("| clip | stride | passages | of truth | joins | latest end | × real time |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for stride in asked.strides:
            for clip in CLIPS:
                with Gallery.create(Path(folder) / f"{clip.file} {stride}", embedder) as gallery:
                    print(watched(asked.clips, clip, asked.detector, stride, gallery))
        print(f"\n| stride | hidden | re-joined | wrongly | wrong pairs of LR {LEAST_RATIO:g} |")
        print("|---|---|---|---|---|")
        with Gallery.create(Path(folder) / "calibrated", embedder) as gallery:
            for stride in asked.strides:
                for hidden in (0.0, 0.2):
                    print(halves(asked.clips, asked.detector, stride, hidden, gallery))
        if asked.others is None:
            return
        print(f"\n| passages of | among those of | searches | answered at FPIR {FPIR:g} |")
        print("|---|---|---|---|")
        for one, other in (CLIPS, CLIPS[::-1]):
            places = [Path(folder) / f"{clip.file} {asked.strides[0]}" for clip in (one, other)]
            print(strangers(one, other, places, asked.others))


def source_of(folder: Path, clip: Clip) -> FileSource:
    """A clip; raw H.264 has no times."""
    raw = clip.file.endswith(".264")
    return FileSource(folder / clip.file, fps=clip.rate if raw else None)


def watched(folder: Path, clip: Clip, detector: str, stride: int, gallery: Gallery) -> str:
    """A row of the first table; the gallery has the passages then."""
    found = Gated(open_detector(detector, 1))
    camera = Camera(
        clip.file, source_of(folder, clip), EveryNth(stride), found,
        Tracker("bytetrack", found.sure), Mender(ratio_of(gallery.store), GAP),
    )  # fmt: skip
    began = time.process_time()
    stays = watch([camera], Enroller(gallery.store, gallery.embedder)).stays
    took = time.process_time() - began
    truth = sorted({(first / clip.rate, last / clip.rate) for first, last in clip.passages})
    persons = [clip.passages.count((round(a * clip.rate), round(b * clip.rate))) for a, b in truth]
    owners = [int(np.argmax([shared(stay, one) for one in truth])) for stay in stays]
    right = sum(persons[n] for n in range(len(truth)) if owners.count(n) == persons[n])
    joins = sum(sum(shared(stay, one) > 0.5 for one in truth) > 1 for stay in stays)
    late = max(stay.last - truth[owner][1] for stay, owner in zip(stays, owners, strict=True))
    speed = (camera.source.length or camera.seconds) / took
    return (
        f"| {clip.file} | {stride} | {len(stays)} | {right} of {len(clip.passages)} | {joins} | "
        f"{late:+.1f} s | {speed:.1f} |"
    )


def shared(stay: Stay, truth: tuple[float, float]) -> float:
    """Seconds for which a passage and a true one go on together."""
    return min(stay.last, truth[1]) - max(stay.first, truth[0])


def halves(folder: Path, detector: str, stride: int, hidden: float, gallery: Gallery) -> str:
    """A row of the second table. hidden: share of each stay that nobody saw, in its middle."""
    first: list[Embedded] = []
    second: list[Embedded] = []
    enroller = Enroller(gallery.store, gallery.embedder)
    for number, clip in enumerate(CLIPS):
        frames = seen(folder, clip, detector, stride)
        stays = {one.tracks[0]: one for one in passages(source_of(folder, clip), stride, frames)}
        cut = [cut_in_two(tracked, seconds, stays, hidden) for seconds, tracked in frames]
        named = list(zip([seconds for seconds, _ in frames], cut, strict=True))
        for piece in passages(source_of(folder, clip), stride, named):
            track = piece.tracks[0]
            whole = stays[track % SECOND_HALF]
            shift = 1000 - (whole.first + whole.last) / 2
            embedded = enroller.embed(piece)  # its looks keep their times
            moved = replace(
                piece, tracks=(100 * number + track,), first=piece.first + shift,
                last=piece.last + shift, spans=(),
            )  # fmt: skip
            (second if track >= SECOND_HALF else first).append(replace(embedded, passage=moved))
    return scored(first, second, stride, hidden, gallery)


def scored(
    first: list[Embedded], second: list[Embedded], stride: int, hidden: float, gallery: Gallery
) -> str:
    """What the mender makes of pieces, and what of all pairs of them would pass."""
    ratio = ratio_of(gallery.store)
    mender = Mender(ratio, GAP)
    for one in sorted([*first, *second], key=lambda one: one.passage.last):
        mender.take(one)
    links = [pair for one in mender.end() for pair in pairwise(one.passage.tracks)]
    right = sum(b - a == SECOND_HALF for a, b in links)
    wrong_pairs = 0
    for one in first:
        for other in second:
            end, begin = one.passage.exit, other.passage.entry
            assert end is not None
            assert begin is not None
            gap = max(0.0, other.passage.first - one.passage.last)
            llr = ratio(one.vectors, other.vectors) + continuity(end, begin, gap)
            same = other.passage.tracks[0] - one.passage.tracks[0] == SECOND_HALF
            wrong_pairs += not same and llr >= np.log(LEAST_RATIO)
    both = len({one.passage.tracks[0] for one in first} & {
        one.passage.tracks[0] - SECOND_HALF for one in second
    })  # fmt: skip
    return (
        f"| {stride} | {hidden:.0%} | {right} of {both} | {len(links) - right} | "
        f"{wrong_pairs} of {len(first) * len(second) - both} |"
    )


def seen(folder: Path, clip: Clip, detector: str, stride: int) -> list[tuple[float, Tracked]]:
    """The seconds and tracks of each frame that is looked at."""
    found = Gated(open_detector(detector, 1))
    tracker = Tracker("bytetrack", found.sure)
    return [
        (frame.seconds, tracker.update(found.detect(frame.pixels), frame.seconds))
        for frame in source_of(folder, clip).frames(EveryNth(stride))
    ]


def passages(
    source: FileSource, stride: int, frames: list[tuple[float, Tracked]]
) -> Iterator[Passage]:
    """The passages that tracks of frames make."""
    made = Passages(source.name)
    pictures: Iterator[Frame] = source.frames(EveryNth(stride))
    for frame, (_, tracked) in zip(pictures, frames, strict=True):
        yield from made.take(frame, tracked)
    yield from made.end()


def cut_in_two(
    tracked: Tracked, seconds: float, stays: dict[int, Passage], hidden: float
) -> Tracked:
    """The tracks of a frame with other numbers from their middles on, and none within them."""
    numbers = tracked.tracks.copy()
    kept = np.zeros(len(numbers), bool)
    for row, track in enumerate(tracked.tracks.tolist()):
        stay = stays.get(track)
        if stay is None:
            continue
        at = (seconds - stay.first) / (stay.last - stay.first) - 0.5
        kept[row] = abs(at) >= hidden / 2
        numbers[row] += SECOND_HALF if at >= 0 else 0
    return Tracked(numbers[kept], tracked.boxes[kept], tracked.scores[kept])


def strangers(one: Clip, other: Clip, places: list[Path], others: str) -> str:
    """A row of the third table: each look of one clip's passages, searched among the other's."""
    with Gallery.open(places[0]) as asking:
        queries = by_look(Sightings.joined([*asking.store.read(EVERYTHING)]))[0].vectors
    with Gallery.open(places[1]) as gallery:
        gallery.calibrate(read_split(others))
        found = [gallery.search(query, fpir=FPIR, elsewhere=True) for query in queries]
    answered = sum(matches.answer is not None for matches in found)
    return f"| {one.file} | {other.file} | {len(found)} | {answered} |"


if __name__ == "__main__":
    main()
