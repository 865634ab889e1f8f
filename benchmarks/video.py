"""How well video of a site becomes passages, persons and paths, whose whole truth is known.

    passerby data site SITE --cameras 4 --minutes 5 --persons 40 --seed 0
    passerby data site OTHER --cameras 4 --minutes 5 --persons 100 --seed 1
    python benchmarks/video.py SITE OTHER [--detector yolox_nano] [--stride auto] [--mend 10]
        [--model M]

The gallery is calibrated on crops of another site's true boxes (`passerby gallery calibrate
--from`): other persons in another hall. Watches each camera as `passerby watch` does, into one
gallery, links it as `passerby gallery link` does, and judges by the truth in the frames that were
looked at. A camera: recall and precision of detections and MOTA, IDF1 and HOTA of tracks, all by
the trackers library's port of TrackEval (boxes agree from an IoU of 0.5; HOTA over all of its
thresholds), passages, and times real time. Over cameras: identity F1 (the same IDF1 with persons
for tracks, all cameras' frames one after the other), persons counted, and the path error: the edits
from the order of cameras in which a person really passed to that of the linked person who shows
most of them, a passage.
`--detector truth` gives the true boxes, to judge what comes after detection.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from passerby.embedding.embedder import load
from passerby.embedding.runtimes import thread_count
from passerby.gallery.gallery import Gallery
from passerby.gallery.link.rules import Rules
from passerby.tables.records import Record, Split
from passerby.video.detectors.detections import NOTHING, Detections, Detector
from passerby.video.detectors.gate import Gated
from passerby.video.detectors.opening import open_detector
from passerby.video.enrolling import Enroller, ratio_of
from passerby.video.mending import Mender
from passerby.video.sources.opening import open_source
from passerby.video.sources.paces import pace_of
from passerby.video.tracking import Tracker
from passerby.video.watching import Camera, Outputs, Watched, watch

PERSON = 1  # the MOTChallenge's class
IOU = 0.5

Rows = np.ndarray  # [n, 7 or more]: frame, id, left, top, width, height, confidence, class


@dataclass(frozen=True)
class Truth:
    """Of a site. rows: by camera, as in its gt.txt; persons: of (camera, track); passages: (person,
    camera, first) in the order of time."""

    root: Path
    cameras: list[str]
    frames: int
    rate: int
    start: datetime
    overlapping: tuple[tuple[str, str], ...]
    rows: dict[str, Rows]
    persons: dict[tuple[str, int], int]
    passages: list[tuple[int, str, float]]


def read_truth(root: Path) -> Truth:
    """What `passerby data site` wrote."""
    site = json.loads((root / "site.json").read_text("utf-8"))
    cameras = [f"camera{one['camera']}" for one in site["geometry"]]
    with (root / "passages.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    return Truth(
        root,
        cameras,
        round(site["minutes"] * 60 * site["rate"]),
        site["rate"],
        datetime.fromisoformat(site["start"]),
        tuple((f"camera{one}", f"camera{other}") for one, other in site["overlapping"]),
        {name: read_rows(root / name / "gt" / "gt.txt") for name in cameras},
        {(row["camera"], int(row["track"])): int(row["person"]) for row in table},
        [(int(row["person"]), row["camera"], float(row["first"])) for row in table],
    )


def read_rows(file: Path) -> Rows:
    """The rows of a file of the MOTChallenge [n, 9 or 10]."""
    lines = file.read_text("utf-8").splitlines()
    if not lines:
        return np.empty((0, 9))
    return np.array([line.split(",") for line in lines], float)


class TrueBoxes(Detector):
    """The boxes of the truth that are to be found, one frame looked at after the other."""

    name, sure = "truth", 0.5

    def __init__(self, rows: Rows, looked: Sequence[int]) -> None:
        found = rows[rows[:, 7] == PERSON]
        self._boxes = [found[found[:, 0] == frame][:, 2:6] for frame in looked]
        self._turn = -1

    def detect(self, pixels: np.ndarray) -> Detections:
        """Those of the next frame."""
        self._turn += 1
        boxes = self._boxes[self._turn].astype(np.float32)
        if not len(boxes):
            return NOTHING
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
        return Detections(corners, np.ones(len(boxes), np.float32))


class Recorder(Detector):
    """Keeps what a detector found in each frame."""

    def __init__(self, detector: Detector) -> None:
        self._detector, self.name, self.sure = detector, detector.name, detector.sure
        self.found = list[Detections]()

    def detect(self, pixels: np.ndarray) -> Detections:
        """What the detector finds."""
        self.found.append(self._detector.detect(pixels))
        return self.found[-1]

    def rows(self, looked: Sequence[int]) -> Rows:
        """Boxes that may begin a track, each of an id of its own [n, 7]."""
        rows = [
            (frame, *box[:2], *(box[2:] - box[:2]), score)
            for frame, found in zip(looked, self.found, strict=True)
            for box, score in zip(found.boxes, found.scores, strict=True)
            if score >= self.sure
        ]
        if not rows:
            return np.empty((0, 7))
        return np.insert(np.array(rows, float), 1, np.arange(len(rows)) + 1, axis=1)


@dataclass(frozen=True)
class Scores:
    """Of boxes with ids, beside the truth; shares from 0 to 1."""

    recall: float
    precision: float
    mota: float
    idf1: float
    hota: float


def score(truth: Rows, found: Rows, folder: Path) -> Scores:
    """By the trackers library, which reads both as files."""
    from trackers.eval import evaluate_mot_sequence

    if not len(found):
        return Scores(0, 0, 0, 0, 0)
    files = [folder / "truth.txt", folder / "found.txt"]
    for file, rows in zip(files, (truth, found), strict=True):
        lines = [",".join(f"{value:.10g}" for value in row) for row in rows]
        file.write_text("\n".join(lines) + "\n", "utf-8")
    answer = evaluate_mot_sequence(*files, metrics=["CLEAR", "HOTA", "Identity"], threshold=IOU)
    clear = answer.CLEAR
    return Scores(clear.CLR_Re, clear.CLR_Pr, clear.MOTA, answer.Identity.IDF1, answer.HOTA.HOTA)


@dataclass(frozen=True)
class Seen:
    """What came of one camera. rows: its tracks, numbered as its passages; ids: of these."""

    watched: Watched
    truth: Rows  # in the frames that were looked at
    rows: Rows
    ids: list[str]
    detections: Scores
    tracks: Scores


def crops_of(truth: Truth, folder: Path, every: int = 25) -> Split:
    """Labelled crops of a site's true boxes, one a second, most of whom is seen."""
    import av

    records = []
    for number, name in enumerate(truth.cameras, 1):
        rows = truth.rows[name]
        rows = rows[(rows[:, 7] == PERSON) & (rows[:, 8] > 0.6) & (rows[:, 0] % every == 0)]
        with av.open(str(truth.root / f"{name}.mp4")) as container:
            for frame, decoded in enumerate(container.decode(video=0), 1):
                for row in rows[rows[:, 0] == frame]:
                    left, top, width, height = row[2:6].tolist()
                    crop = decoded.to_image().crop((left, top, left + width, top + height))
                    file = folder / f"{name}_{frame}_{int(row[1])}.png"
                    crop.save(file)
                    person = truth.persons[name, int(row[1])]
                    track = number * 10_000 + int(row[1])
                    records.append(Record(str(file), person, number, "site", track, frame))
    return Split("site", train=tuple(records))


@dataclass(frozen=True)
class Settings:
    """How to watch."""

    detector: str
    stride: str
    mend: float


def see(name: str, truth: Truth, gallery: Gallery, how: Settings, folder: Path) -> Seen:
    """Watch one camera into the gallery, and judge it."""
    pace = pace_of(how.stride, None, 1)
    times = [frame / truth.rate for frame in range(truth.frames)]
    looked = [frame + 1 for frame, time in enumerate(times) if pace.takes(frame, time)]
    rows = truth.rows[name]
    rows = rows[np.isin(rows[:, 0], looked)]
    if how.detector == "truth":
        found: Detector = TrueBoxes(rows, looked)
    else:
        found = open_detector(how.detector, thread_count(None))
    if how.detector not in ("truth", "motion"):
        found = Gated(found)
    recorder = Recorder(found)
    camera = Camera(
        name,
        open_source(str(truth.root / f"{name}.mp4"), start=truth.start, zone=None, fps=None),
        pace_of(how.stride, None, 1),
        recorder,
        Tracker("bytetrack", found.sure),
        Mender(ratio_of(gallery.store), how.mend) if how.mend else None,
    )
    mot = folder / "tracks.txt"
    watched = watch([camera], Enroller(gallery.store, gallery.embedder), Outputs(mot=mot))
    tracks = read_rows(mot)
    return Seen(
        watched,
        rows,
        tracks,
        [one.id for one in camera.done],
        score(rows, recorder.rows(looked), folder),
        score(rows, tracks, folder),
    )


def identities(truth: Truth, seen: dict[str, Seen], names: dict[str, str], folder: Path) -> Scores:
    """Persons for tracks: all cameras' frames one after the other. names: of passages' ids."""
    numbers = {name: number for number, name in enumerate(sorted(set(names.values())), 1)}
    true, found = [], []
    for turn, (camera, one) in enumerate(seen.items()):
        for rows, kept in ((one.truth, true), (one.rows, found)):
            shifted = rows.copy()
            shifted[:, 0] += turn * truth.frames
            kept.append(shifted)
        known = true[-1][:, 7] == PERSON
        true[-1][known, 1] = [truth.persons[camera, int(track)] for track in one.truth[known, 1]]
        found[-1][:, 1] = [numbers[names[one.ids[int(row) - 1]]] for row in one.rows[:, 1]]
    # Boxes that are left out keep numbers of their own, beyond those of persons.
    for rows in true:
        rows[rows[:, 7] != PERSON, 1] += 1e6
    return score(np.concatenate(true), np.concatenate(found), folder)


def agreeing(one: Seen) -> Iterator[tuple[int, int, int]]:
    """(passage's number, true track, boxes that agree) of a camera."""
    from trackers.eval import box_iou

    counts = Counter[tuple[int, int]]()
    true = one.truth[one.truth[:, 7] == PERSON]
    for frame in np.unique(one.rows[:, 0]):
        there, here = true[true[:, 0] == frame], one.rows[one.rows[:, 0] == frame]
        if len(there):
            overlap = box_iou(there[:, 2:6], here[:, 2:6], box_format="xywh")
            for column, row in enumerate(overlap.argmax(0)):
                if overlap[row, column] >= IOU:
                    counts[int(here[column, 1]), int(there[row, 1])] += 1
    for (passage, track), boxes in counts.items():
        yield passage, track, boxes


def path_error(truth: Truth, seen: dict[str, Seen], names: dict[str, str]) -> float:
    """Edits a true passage, over all persons."""
    shared = defaultdict[int, Counter[str]](Counter)  # boxes of a person by linked person
    walked = defaultdict[str, list[tuple[float, str]]](list)  # of a linked person
    for camera, one in seen.items():
        firsts = {stay.id: stay.first for stay in one.watched.stays}
        for passage in one.ids:
            walked[names[passage]].append((firsts[passage], camera))
        for passage, track, boxes in agreeing(one):
            shared[truth.persons[camera, track]][names[one.ids[passage - 1]]] += boxes
    edits = 0
    persons = {person for person, _, _ in truth.passages}
    for person in persons:
        true = [camera for one, camera, _ in truth.passages if one == person]
        most = shared[person].most_common(1)
        found = [camera for _, camera in sorted(walked[most[0][0]])] if most else []
        edits += edit_distance(true, found)
    return edits / len(truth.passages)


def edit_distance(true: Sequence[str], found: Sequence[str]) -> int:
    """Insertions, deletions and changes that lead from one sequence to the other (Levenshtein)."""
    row = list(range(len(found) + 1))
    for number, one in enumerate(true, 1):
        before, row = row, [number]
        for place, other in enumerate(found):
            row.append(min(before[place + 1] + 1, row[place] + 1, before[place] + (one != other)))
    return row[-1]


def main(root: Path, other: Path, model: str, how: Settings) -> None:
    """Print a Markdown table of cameras, and what holds over them."""
    truth = read_truth(root)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with Gallery.create(folder / "gallery", load(model)) as gallery:
            crops = folder / "crops"
            crops.mkdir()
            gallery.calibrate(crops_of(read_truth(other), crops))
            seen = {name: see(name, truth, gallery, how, folder) for name in truth.cameras}
            linking = gallery.link(rules=Rules(overlapping=truth.overlapping))
            alone = [name or f"alone {id}" for name, id in zip(linking.names, linking.ids,
                                                               strict=True)]  # fmt: skip
            names = dict(zip(linking.ids.tolist(), alone, strict=True))
            over = identities(truth, seen, names, folder)
            error = path_error(truth, seen, names)
    print("| camera | recall | precision | MOTA | IDF1 | HOTA | passages (true) | × real time |")
    print("|---|---|---|---|---|---|---|---|")
    for name, one in seen.items():
        shares = (one.detections.recall, one.detections.precision, one.tracks.mota,
                  one.tracks.idf1, one.tracks.hota)  # fmt: skip
        true = sum(camera == name for camera, _ in truth.persons)
        speed = one.watched.seconds / one.watched.took
        print(f"| {name} | {' | '.join(f'{100 * share:.1f}' for share in shares)} | "
              f"{len(one.ids)} ({true}) | {speed:.1f} |")  # fmt: skip
    came = len(set(truth.persons.values()))
    counted = len(set(alone))
    print(f"\nover cameras: identity F1 {100 * over.idf1:.1f}; {counted} persons for {came}; "
          f"path error {error:.2f} edits a passage of {len(truth.passages)}")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("site", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--detector", default="yolox_nano")
    parser.add_argument("--stride", default="auto")
    parser.add_argument("--mend", type=float, default=0.0)
    parser.add_argument("--model", default="default")
    given = parser.parse_args()
    main(given.site, given.other, given.model, Settings(given.detector, given.stride, given.mend))
