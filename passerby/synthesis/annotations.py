"""What is known of the pictures of a set, in files that others read.

keypoints.json       COCO's format: boxes, seventeen joints, occlusion
masks/FOLDER/*.png   silhouettes: 255 seen, 128 hidden, 0 not the person
records.csv          a row a picture: `passerby` reads it as table=ROOT/records.csv
"""

import csv
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from PIL import Image

from passerby.synthesis.chance import generator
from passerby.synthesis.contents import Shot
from passerby.synthesis.drawn.joints import JOINTS
from passerby.synthesis.truth import SEEN, Truth

KEYPOINTS, RECORDS, MASKS = "keypoints.json", "records.csv", "masks"
_FIRST_DAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
_DAYLIGHT = 9 * 3600  # seconds in which people pass

# Bones of COCO's skeleton, as numbers of joints from 1.
_BONES = (
    (16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9),
    (8, 10), (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7),
)  # fmt: skip


@dataclass(frozen=True)
class Annotation:
    """What the files say of one picture, without its mask."""

    shot: Shot
    time: str
    size: tuple[int, int]  # width and height
    joints: np.ndarray
    box: tuple[int, int, int, int]
    area: int  # pixels of the person that are seen
    occlusion: float

    @property
    def image(self) -> str:
        """Its path within the set, with slashes."""
        return f"{self.shot.folder}/{self.shot.name}"


def annotate(shot: Shot, seed: int, truth: Truth) -> Annotation:
    """What the files say of a picture of the set with that seed."""
    height, width = truth.mask.shape
    return Annotation(
        shot, _time(seed, shot), (width, height), truth.joints, truth.box, truth.seen,
        truth.occlusion,
    )  # fmt: skip


def _time(seed: int, shot: Shot) -> str:
    """When a picture was taken, ISO 8601; the moments of a passage are a second apart."""
    rng = generator(seed, "street", 3, shot.person, shot.camera, shot.day)
    start = int(rng.integers(_DAYLIGHT))
    return (_FIRST_DAY + timedelta(days=shot.day, seconds=start + shot.moment)).isoformat()


def mask_png(mask: np.ndarray) -> bytes:
    """The silhouette [height, width] as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    return file.getvalue()


def keypoints_json(annotations: list[Annotation]) -> str:
    """The pictures, in order, in COCO's format for keypoints."""
    images, persons = [], []
    for number, one in enumerate(annotations, 1):
        width, height = one.size
        images.append({"id": number, "file_name": one.image, "width": width, "height": height})
        persons.append(_person(number, one))
    names, skeleton = list(JOINTS), [list(bone) for bone in _BONES]
    category = {"id": 1, "name": "person", "keypoints": names, "skeleton": skeleton}
    content = {"images": images, "annotations": persons, "categories": [category]}
    return json.dumps(content) + "\n"


def _person(number: int, one: Annotation) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": number,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": one.box,
        "area": one.area,
        "keypoints": _flat(one),
        "num_keypoints": int(np.count_nonzero(one.joints[:, 2])),
        "occlusion": round(one.occlusion, 4),
    }


def _flat(one: Annotation) -> list[float]:
    """Column, row, visibility, and so on: as COCO has them."""
    return [round(value, 1) for value in one.joints.ravel().tolist()]


def _shortest(value: float) -> str:
    return f"{value:g}"


def records_csv(annotations: list[Annotation], *, joints: bool) -> str:
    """The pictures, in order, as a table, with a column of keypoints if wanted."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("image", "person", "camera", "split", "time", "day", "occlusion",
                    "joints_seen", "left", "top", "width", "height",
                    *["keypoints"] * joints))  # fmt: skip
    for one in annotations:
        seen = int(np.count_nonzero(one.joints[:, 2] == SEEN))
        shot = one.shot
        table.writerow((one.image, shot.person, shot.camera, shot.split, one.time, shot.day,
                        f"{one.occlusion:.4f}", seen, *one.box,
                        *[" ".join(map(_shortest, _flat(one)))] * joints))  # fmt: skip
    return text.getvalue()
