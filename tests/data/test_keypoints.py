"""Joints from COCO files of anybody: what fits is read, what does not is named."""

import json
from pathlib import Path

import numpy as np
import pytest

from passerby.data.keypoints import read_keypoints
from passerby.tables.records import Record

POINTS = list(range(51))


def record(path: Path) -> Record:
    return Record(str(path), 1, 1, "mine")


def coco(folder: Path, **changed: object) -> Path:
    content = {
        "info": {"year": 2026},
        "images": [{"id": 7, "file_name": "a.jpg", "width": 1}, {"id": 9, "file_name": "in/b.jpg"}],
        "annotations": [
            {"id": 1, "image_id": 9, "keypoints": POINTS, "bbox": [0, 0, 1, 1]},
            {"id": 2, "image_id": 9, "keypoints": POINTS[::-1]},
        ],
    }
    path = folder / "keypoints.json"
    path.write_text(json.dumps(content | changed))
    return path


def test_the_first_person_of_each_image(tmp_path: Path) -> None:
    records = [record(tmp_path / "a.jpg"), record(tmp_path / "in" / "b.jpg")]
    joints = read_keypoints(coco(tmp_path), records)
    np.testing.assert_array_equal(joints[1], np.arange(51).reshape(17, 3))
    assert not joints[0].any()
    assert joints.dtype == np.float32


def test_no_records_no_joints(tmp_path: Path) -> None:
    assert read_keypoints(coco(tmp_path), []).shape == (0, 17, 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": None}, "expected a list of images"),
        ({"annotations": [{"image_id": 9}]}, "image_id and keypoints"),
        ({"annotations": [{"image_id": 9, "keypoints": POINTS[:9]}]}, "51 numbers a person, got 9"),
        ({"annotations": [{"image_id": "x", "keypoints": POINTS}]}, "must be int"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_keypoints(coco(tmp_path, **changed), [record(tmp_path / "a.jpg")])


def test_a_file_of_other_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"its first is a\.jpg, theirs z\.jpg"):
        read_keypoints(coco(tmp_path), [record(tmp_path / "z.jpg")])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot read"):
        read_keypoints(tmp_path / "none.json", [])
