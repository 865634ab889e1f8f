"""How well video of a site becomes passages, persons, counts and paths, whose whole truth is known.

    passerby data site SITE --cameras 4 --minutes 1 --persons 40 --seed 0
    passerby data synthesize OTHERS --train-persons 1 --test-persons 120 --cameras 3 --images 2
    python benchmarks/video.py OTHERS SITE... [--detector yolox_nano] [--stride auto] [--mend 10]
        [--model M]

The gallery of each site is calibrated on the test part of OTHERS, a data set of other persons
(`passerby gallery calibrate --from`). Watches each camera as `passerby watch` does, into one
gallery, links it as `passerby gallery link` does, and judges by the truth in the frames that were
looked at. A camera: recall and precision of detections and MOTA, IDF1 and HOTA of tracks, all by
the trackers library's port of TrackEval (boxes agree from an IoU of 0.5; HOTA over all of its
thresholds), passages, and times real time on one core, by the time that the processor worked. Over
cameras: identity F1 (the same IDF1 with persons for tracks, all cameras' frames one after the
other); the path error: the edits from the order of cameras in which a person really passed to that
of the linked person who shows most of them, a passage; and persons as `passerby gallery visitors`
counts them, with its 95 % interval, beside those who came: by the calibration on OTHERS, and once
forty questions of `passerby gallery calibrate --review` are answered by the truth.
`--detector truth` gives the true boxes, to judge what comes after detection.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import load
from passerby.embedding.runtimes import thread_count
from passerby.gallery.gallery import Gallery
from passerby.gallery.link.rules import Rules
from passerby.gallery.review.asking import questions
from passerby.gallery.review.learning import learn_from_answers
from passerby.gallery.reviewed_pairs import answer, record_answers
from passerby.gallery.visitors.counting import Estimate
from passerby.gallery.visitors.parts import Question
from passerby.tables.filters import EVERYTHING
from passerby.tables.records import Split
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
    """What came of one camera. rows: its tracks, numbered as its passages; ids: of these; worked:
    seconds of a processor."""

    watched: Watched
    worked: float
    truth: Rows  # in the frames that were looked at
    rows: Rows
    ids: list[str]
    detections: Scores
    tracks: Scores


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
    began = time.process_time()
    watched = watch([camera], Enroller(gallery.store, gallery.embedder), Outputs(mot=mot))
    worked = time.process_time() - began
    tracks = read_rows(mot)
    return Seen(
        watched,
        worked,
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


@dataclass(frozen=True)
class Judged:
    """A site. over: persons over all cameras; error: of paths; counted: persons, and once questions
    were answered."""

    truth: Truth
    seen: dict[str, Seen]
    over: Scores
    error: float
    counted: tuple[Estimate, Estimate]

    @property
    def came(self) -> int:
        """Persons whom a camera filmed."""
        return len({*self.truth.persons.values()})


def shown_persons(truth: Truth, seen: dict[str, Seen]) -> dict[str, int]:
    """Whom most boxes of a passage show, by its id."""
    boxes = defaultdict[str, Counter[int]](Counter)
    for camera, one in seen.items():
        for passage, track, count in agreeing(one):
            boxes[one.ids[passage - 1]][truth.persons[camera, track]] += count
    return {passage: counts.most_common(1)[0][0] for passage, counts in boxes.items()}


def review(gallery: Gallery, persons: dict[str, int]) -> None:
    """Answer forty questions, of pairs by two cameras and by one in turns, by the truth."""
    for turn in range(4):
        try:
            asked = questions(gallery.view, one_camera=turn % 2 == 1)
        except ValueError:  # of a small site all were asked
            continue
        pairs = [(each.first.sighting, each.second.sighting) for each in asked]
        same = [persons.get(one, one) == persons.get(other, other) for one, other in pairs]
        record_answers(gallery.view, map(answer, *zip(*pairs, strict=True), same))
        learn_from_answers(gallery.view)


def judge(truth: Truth, others: Split, model: str, how: Settings) -> Judged:
    """Watch a site into a gallery that is calibrated on others, and judge what came of it."""
    rules = Rules(overlapping=truth.overlapping)
    asked = Question(EVERYTHING, None, UTC)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with Gallery.create(folder / "gallery", load(model)) as gallery:
            gallery.calibrate(others)
            seen = {name: see(name, truth, gallery, how, folder) for name in truth.cameras}
            linking = gallery.link(rules=rules)
            pairs = zip(linking.names.tolist(), linking.ids.tolist(), strict=True)
            names = {one: name or f"alone {one}" for name, one in pairs}
            before = gallery.visitors(asked, rules).whole.persons
            review(gallery, shown_persons(truth, seen))
            after = gallery.visitors(asked, rules).whole.persons
            over = identities(truth, seen, names, folder)
            return Judged(truth, seen, over, path_error(truth, seen, names), (before, after))


def main(others: Path, sites: Sequence[Path], model: str, how: Settings) -> None:
    """Print Markdown tables of cameras, and of what holds over them."""
    split = read_split(str(others))
    judged = [judge(read_truth(root), split, model, how) for root in sites]
    print("| site, camera | recall | precision | MOTA | IDF1 | HOTA | passages (true) "
          "| × real time |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    for site in judged:
        for name, one in site.seen.items():
            shares = (one.detections.recall, one.detections.precision, one.tracks.mota,
                      one.tracks.idf1, one.tracks.hota)  # fmt: skip
            true = sum(camera == name for camera, _ in site.truth.persons)
            speed = one.watched.seconds / one.worked
            print(f"| {site.truth.root.name}, {name} | "
                  f"{' | '.join(f'{100 * share:.1f}' for share in shares)} | "
                  f"{len(one.ids)} ({true}) | {speed:.1f} |")  # fmt: skip
    print("\n| site | identity F1 | edits a passage | persons who came | counted (95 %) "
          "| after 40 answers |")  # fmt: skip
    print("|---|---|---|---|---|---|")
    for site in judged:
        counts = [f"{one.middle} ({one.low} to {one.high})" for one in site.counted]
        print(f"| {site.truth.root.name} | {100 * site.over.idf1:.1f} | {site.error:.2f} | "
              f"{site.came} | {' | '.join(counts)} |")  # fmt: skip
    for words, row in (("by the calibration on others", 0), ("after the answers", 1)):
        counted = [(site.came, site.counted[row]) for site in judged]
        within = sum(one.low <= came <= one.high for came, one in counted)
        off = np.mean([abs(one.middle - came) / came for came, one in counted])
        print(f"\n{words}: {within} of {len(counted)} within the interval, {100 * off:.0f} % off")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("others", type=Path, metavar="OTHERS")
    parser.add_argument("sites", nargs="+", type=Path, metavar="SITE")
    parser.add_argument("--detector", default="yolox_nano")
    parser.add_argument("--stride", default="auto")
    parser.add_argument("--mend", type=float, default=0.0)
    parser.add_argument("--model", default="default")
    given = parser.parse_args()
    main(given.others, given.sites, given.model,
         Settings(given.detector, given.stride, given.mend))  # fmt: skip
