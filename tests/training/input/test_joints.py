"""Joints on their way from files to batches: they stand where their pixels stand."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from passerby.config import Input
from passerby.data.augmentations import Augmentation
from passerby.data.batch import Batch
from passerby.data.keypoints import joints_of_records, read_keypoints, with_keypoints
from passerby.data.reading.reader import read_split
from passerby.registry import AUGMENTATIONS
from passerby.synthesis.writing import write
from passerby.tables.records import Record, Split
from passerby.training.input.image_cache import ImageCache
from passerby.training.input.loader import Loader, TrainingImages

SIZE = Input(height=64, width=32)
NOSE = 0


@pytest.fixture
def spots(tmp_path: Path) -> tuple[Record, ...]:
    """Images of several sizes with a bright nose each; the last one's joints are not known."""
    records = []
    for number, (width, height) in enumerate([(32, 64), (64, 128), (40, 60), (32, 64)]):
        pixels = np.zeros((height, width, 3), np.uint8)
        column, row = int(0.4 * width), int(0.3 * height)
        pixels[row - 3 : row + 4, column - 3 : column + 4] = 255
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        joints = (column + 0.5, row + 0.5, 2.0, *(0.0,) * 48)
        records.append(Record(str(tmp_path / f"{number}.png"), number // 2, 1, "x", joints=joints))
    return (*records[:3], replace(records[3], joints=()))


def batches(records: tuple[Record, ...], calls: tuple[str, ...], **options: object) -> list[Batch]:
    labels = [record.person for record in records]
    built: list[Augmentation] = [AUGMENTATIONS.build(call) for call in calls]
    images = TrainingImages(
        records, labels, SIZE, built, 0, joints=joints_of_records(records),
        cache=options.get("cache"),  # type: ignore[arg-type]
    )  # fmt: skip
    with Loader(images, records, labels, int(options.get("workers", 0)), False) as loader:  # type: ignore[call-overload]
        return [batch for epoch in (0, 1) for batch in loader.epoch(epoch, [[0, 1], [2, 3]])]


@pytest.mark.parametrize("cached", [False, True])
def test_joints_stand_on_their_pixels(spots: tuple[Record, ...], cached: bool) -> None:
    cache = ImageCache(4, SIZE, 1 << 20, shared=False) if cached else None
    calls = ("flip", "pad_and_crop(padding=4)", "resized_crop")
    found = batches(spots, calls, cache=cache)
    for batch in found:
        assert batch.joints is not None
        for image, row, joints in zip(batch.images, batch.indices, batch.joints, strict=True):
            if row == 3:
                assert not joints.any()
                continue
            weights = image.float().mean(dim=0)
            column = (weights.sum(0) * (torch.arange(32) + 0.5)).sum() / weights.sum() / 32
            line = (weights.sum(1) * (torch.arange(64) + 0.5)).sum() / weights.sum() / 64
            torch.testing.assert_close(
                joints[NOSE], torch.stack([column, line, torch.tensor(2.0)]), atol=0.03, rtol=0
            )


def test_images_are_the_same_with_and_without_joints(spots: tuple[Record, ...]) -> None:
    calls = ("flip", "pad_and_crop(padding=4)", "erase", "rand_augment", "colour_jitter")
    without = tuple(replace(record, joints=()) for record in spots)
    for with_them, plain in zip(batches(spots, calls), batches(without, calls), strict=True):
        assert torch.equal(with_them.images, plain.images)
        assert plain.joints is None


def test_workers_hand_over_the_same_joints(spots: tuple[Record, ...]) -> None:
    calls = ("flip", "pad_and_crop(padding=4)")
    for here, there in zip(batches(spots, calls), batches(spots, calls, workers=1), strict=True):
        assert here.joints is not None
        assert there.joints is not None
        assert torch.equal(here.joints, there.joints)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn set with its joints."""
    return write(
        tmp_path_factory.mktemp("drawn") / "set", train_persons=2, test_persons=1, cameras=2,
        images=2, distractors=0, junk=0, joints=True,
    )  # fmt: skip


def test_a_drawn_set_and_its_table_have_joints(drawn: Path) -> None:
    split = read_split(str(drawn))
    found = joints_of_records(split.train)
    np.testing.assert_array_equal(found, read_keypoints(drawn / "keypoints.json", split.train))
    table = read_split(f"table={drawn / 'records.csv'}")
    by_name = {record.image: record for record in table.train}
    same = joints_of_records([by_name[record.image] for record in split.train])
    np.testing.assert_array_equal(same, found)
    assert all(len(record.joints) == 51 for record in table.query)


def test_keypoints_of_ones_own_take_the_place_of_others(drawn: Path, tmp_path: Path) -> None:
    split = read_split(str(drawn))
    name = Path(split.train[0].image)
    content = {
        "images": [{"id": 1, "file_name": str(name.relative_to(drawn)), "width": 1, "height": 1}],
        "annotations": [{"image_id": 1, "keypoints": [7.0, 8, 1] * 17}],
    }
    file = drawn / "own.json"
    file.write_text(json.dumps(content))
    changed = with_keypoints(split, file)
    assert changed.train[0].joints == (7.0, 8.0, 1.0) * 17
    assert changed.train[1:] == split.train[1:]
    assert changed.query == split.query
    with pytest.raises(ValueError, match="has no joints of any"):
        with_keypoints(Split("x", (Record(str(tmp_path / "a.jpg"), 1, 1, "x"),)), file)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1 2 3", "expected 51 numbers"),
        ("x " * 51, "expected 51 numbers"),
        ("1 2 3 " * 17, "visibilities"),
    ],
)
def test_a_cell_that_is_no_keypoints_is_named(tmp_path: Path, cell: str, message: str) -> None:
    Image.new("RGB", (8, 16)).save(tmp_path / "a.png")
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "person", "keypoints"), ("a.png", "1", cell)])
    with pytest.raises(ValueError, match=message):
        read_split(str(tmp_path / "t.csv"))
