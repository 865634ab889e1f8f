"""Files beside the pictures say what `observe` says, in formats that others read."""

import csv
import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from passerby.data.keypoints import read_keypoints
from passerby.data.reading.reader import read_split
from passerby.synthesis import write
from passerby.synthesis.drawn.joints import JOINTS
from passerby.synthesis.figures import observe


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(
        tmp_path_factory.mktemp("sets") / "set", train_persons=2, test_persons=1, cameras=2,
        images=2, distractors=1, junk=1, days=2, joints=True, masks=True, style="street",
    )  # fmt: skip


def rows_of(root: Path) -> list[dict[str, str]]:
    with (root / "records.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_picture_has_a_row_a_mask_and_joints(root: Path) -> None:
    pictures = {path.relative_to(root).as_posix() for path in root.glob("b*/*.jpg")}
    pictures |= {path.relative_to(root).as_posix() for path in root.glob("query/*.jpg")}
    content = json.loads((root / "keypoints.json").read_text())
    masks = {path.relative_to(root / "masks").with_suffix(".jpg").as_posix()
             for path in root.glob("masks/*/*.png")}  # fmt: skip
    assert len(pictures) == 3 * 2 * 2 * 2 + 2
    assert pictures == masks == {row["image"] for row in rows_of(root)}
    assert pictures == {image["file_name"] for image in content["images"]}
    assert [one["image_id"] for one in content["annotations"]] == [
        image["id"] for image in content["images"]
    ]


def test_the_files_say_what_observe_says(root: Path) -> None:
    truth = observe(0, 2, 1, 1, style="street", day=1).truth
    name = "bounding_box_train/0002_c1s2_000001_01.jpg"
    mask = np.asarray(Image.open(root / "masks" / Path(name).with_suffix(".png")))
    np.testing.assert_array_equal(mask, truth.mask)
    content = json.loads((root / "keypoints.json").read_text())
    number = next(one["id"] for one in content["images"] if one["file_name"] == name)
    person = content["annotations"][number - 1]
    np.testing.assert_allclose(np.reshape(person["keypoints"], (17, 3)), truth.joints, atol=0.051)
    assert tuple(person["bbox"]) == truth.box
    assert person["area"] == np.count_nonzero(truth.mask == 255)
    row = next(row for row in rows_of(root) if row["image"] == name)
    assert float(row["occlusion"]) == pytest.approx(truth.occlusion, abs=1e-4)
    assert int(row["joints_seen"]) == np.count_nonzero(truth.joints[:, 2] == 2)


def test_the_category_is_cocos(root: Path) -> None:
    (category,) = json.loads((root / "keypoints.json").read_text())["categories"]
    assert category["keypoints"] == list(JOINTS)
    bones = {(category["keypoints"][a - 1], category["keypoints"][b - 1])
             for a, b in category["skeleton"]}  # fmt: skip
    assert ("left_ankle", "left_knee") in bones
    assert ("right_shoulder", "right_elbow") in bones
    assert len(bones) == 19


def test_keypoints_are_read_for_records(root: Path) -> None:
    split = read_split(str(root))
    joints = read_keypoints(root / "keypoints.json", split.train)
    assert joints.shape == (16, 17, 3)
    assert (joints[..., 2] > 0).mean() > 0.8
    where = [Path(record.image).name for record in split.train].index("0002_c1s2_000001_01.jpg")
    expected = observe(0, 2, 1, 1, style="street", day=1).truth.joints
    np.testing.assert_allclose(joints[where], expected, atol=0.051)


def test_days_are_in_names_and_in_the_times_of_records(root: Path) -> None:
    split = read_split(str(root))
    for record in (*split.train, *split.query):
        day = int(Path(record.image).name.split("s")[1][0]) - 1
        assert record.time
        assert (record.time.date() - datetime(2026, 1, 5).date()).days == day
    assert Counter(Path(r.image).name.split("s")[1][0] for r in split.query) == {"1": 2, "2": 2}


def test_the_moments_of_a_passage_follow_each_other(root: Path) -> None:
    times = {row["image"]: datetime.fromisoformat(row["time"]) for row in rows_of(root)}
    first = times["bounding_box_train/0001_c1s1_000000_01.jpg"]
    second = times["bounding_box_train/0001_c1s1_000001_01.jpg"]
    assert (second - first).total_seconds() == 1


def test_the_table_is_a_data_set(root: Path) -> None:
    split = read_split(f"table={root / 'records.csv'}")
    assert len(split.train) == 16
    assert {record.time.date().day for record in split.query if record.time} == {5, 6}


def test_workers_write_the_same_annotations(root: Path, tmp_path: Path) -> None:
    again = write(
        tmp_path / "set", train_persons=2, test_persons=1, cameras=2, images=2, distractors=1,
        junk=1, days=2, joints=True, masks=True, style="street", workers=2,
    )  # fmt: skip
    for name in ("keypoints.json", "records.csv"):
        assert (again / name).read_bytes() == (root / name).read_bytes()


def test_nothing_is_written_that_was_not_asked_for(tmp_path: Path) -> None:
    made = write(tmp_path / "set", train_persons=1, test_persons=0, cameras=1, images=1)
    assert sorted(path.name for path in made.iterdir()) == [
        "bounding_box_test", "bounding_box_train", "query", "synthetic.json",
    ]  # fmt: skip
    assert {r.time for r in read_split(str(made)).train} == {None}
    with pytest.raises(ValueError, match="joints=False, but joints=True was asked"):
        write(made, train_persons=1, test_persons=0, cameras=1, images=1, joints=True)
