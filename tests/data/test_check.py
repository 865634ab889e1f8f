"""What a check finds."""

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from passerby.data.check import check, check_data
from passerby.data.image_inspection import inspect_images
from passerby.data.reading.reader import open_reader, read_split


def count(report, part):
    return next(c for c in report.counts if c.part == part)


@pytest.fixture
def root(tmp_path, make_images):
    folder = make_images(
        tmp_path / "data",
        [
            *(f"bounding_box_train/0002_c{i}s1_00000{i}_01.jpg" for i in range(1, 5)),
            "bounding_box_train/0005_c1s1_000001_01.jpg",
            "query/0001_c1s1_000001_01.jpg",
            "query/0003_c1s1_000001_01.jpg",
            "query/0004_c1s1_000001_01.jpg",
            "bounding_box_test/0001_c2s1_000001_01.jpg",
            "bounding_box_test/0003_c1s1_000009_01.jpg",
            "bounding_box_test/0005_c1s1_000001_01.jpg",
            "bounding_box_test/0000_c1s1_000001_01.jpg",
            "bounding_box_test/-1_c1s1_000001_01.jpg",
            "bounding_box_test/Thumbs.db",
        ],
    )
    name = "0005_c1s1_000001_01.jpg"
    shutil.copyfile(folder / "bounding_box_train" / name, folder / "bounding_box_test" / name)
    return folder


def test_all_findings(root):
    report = check_data(f"market1501={root}")
    train, gallery = count(report, "train"), count(report, "gallery")
    assert (train.images, train.persons, train.cameras) == (5, 2, 4)
    assert train.published.images == 12_936
    assert not train.agrees
    assert gallery.images == 4  # without junk
    assert count(report, "gallery persons").images == 2
    assert count(report, "distractors").images == 2
    assert count(report, "junk").images == 1
    assert count(report, "test folder").images == 5
    assert report.in_train_and_test == (5,)
    assert [Path(image).name[:4] for image in report.unmatched_queries] == ["0003", "0004"]
    assert report.few_images == (5,)
    train, test = (
        root / f"bounding_box_{p}" / "0005_c1s1_000001_01.jpg" for p in ("train", "test")
    )
    assert report.repeated == (f"{test} = {train}",)
    assert len(report.ignored) == 1
    assert report.decoded is None
    assert not report.ok
    text = report.to_text()
    for words in ("12,936", "both train and test: 5", "2 queries have no match", "Thumbs.db"):
        assert words in text


def test_another_set_in_the_layout_is_compared_with_nothing(root):
    reader, place = open_reader(f"market1501(source=mine)={root}")
    report = check(reader, reader.read(place), place)
    assert all(c.agrees and c.published is None for c in report.counts)
    assert "published" not in report.to_text()


def test_a_clean_set_has_no_findings(tmp_path, make_images):
    names = [f"{p}/cam{c}/{i}.jpg" for p in "abcd" for c in (1, 2) for i in range(2)]
    report = check_data(f"folder={make_images(tmp_path, names)}", decode=True)
    assert report.ok
    assert report.findings() == []
    assert report.decoded == 16
    assert "nothing to complain of" in report.to_text()


def test_without_cameras_any_match_counts(tmp_path, make_images):
    make_images(tmp_path, ["query/a/1.jpg", "gallery/a/2.jpg", "query/b/1.jpg", "gallery/c/1.jpg"])
    report = check_data(f"folder={tmp_path}")
    assert len(report.unmatched_queries) == 1
    assert not report.has_cameras
    assert count(report, "query").cameras is None


def test_persons_of_separate_namespaces_are_not_compared(tmp_path, make_images):
    names = {
        "train": "0000/0000_000_01_0303morning_0015_0.jpg",
        "query": "0000/0000_000_01_0303morning_0015_0.jpg",
        "gallery": "0000/0000_000_02_0303morning_0015_0.jpg",
    }
    for part, name in names.items():
        make_images(tmp_path / ("train" if part == "train" else "test"), [name])
        (tmp_path / f"list_{part}.txt").write_text(f"{name} 0\n")
    report = check_data(str(tmp_path))
    assert report.kind == "msmt17"
    assert report.in_train_and_test == ()
    assert report.repeated == ()


def test_unreadable_images_are_named_and_set_aside(root, steps):
    bad = root / "query" / "0001_c1s1_000001_01.jpg"
    bad.write_bytes(bad.read_bytes()[:-20])
    (root / "bounding_box_train" / "0002_c1s1_000001_01.jpg").write_bytes(b"")
    (root / "bounding_box_train" / "0002_c2s1_000002_01.jpg").write_bytes(b"text")
    reader, place = open_reader(f"market1501={root}")
    split = reader.read(place)
    report = check(reader, split, place, decode=True, workers=2)
    assert steps[-1] == (13, 13)
    assert report.decoded == 13
    assert report.unreadable[0].reason == "the file is empty"
    assert str(bad) in report.unreadable_images
    assert len(report.unreadable) == 3
    left = split.without(report.unreadable_images)
    assert [len(left.train), len(left.query)] == [3, 2]
    assert not report.ok


def test_queries_in_their_own_gallery_are_found_whatever_they_are_called(tmp_path, make_images):
    names = [
        f"{part}/{person}/{part}{person}.jpg" for part in ("query", "gallery") for person in "ab"
    ]
    make_images(tmp_path, names)
    shutil.copyfile(tmp_path / "query/a/querya.jpg", tmp_path / "gallery/a/renamed.jpg")
    report = check_data(f"folder={tmp_path}")
    assert report.self_matches == (str(tmp_path / "query/a/querya.jpg"),)
    assert not report.ok
    assert "1 query is in the gallery as well, and finds itself" in report.to_text()


def test_copies_saved_anew_are_found_by_their_pixels(tmp_path, make_images):
    make_images(tmp_path, ["query/a/1.jpg", "gallery/a/2.jpg"])
    Image.open(tmp_path / "query/a/1.jpg").save(tmp_path / "gallery/a/other.png")
    assert not check_data(f"folder={tmp_path}").repeated
    report = check_data(f"folder={tmp_path}", decode=True)
    copy, original = tmp_path / "gallery/a/other.png", tmp_path / "query/a/1.jpg"
    assert report.repeated == (f"{copy} = {original}",)
    assert report.self_matches == (str(original),)


def test_copies_of_two_persons_are_named(tmp_path, make_images):
    make_images(tmp_path, ["query/a/1.jpg", "gallery/a/2.jpg", "query/b/1.jpg", "gallery/b/2.jpg"])
    shutil.copyfile(tmp_path / "query/a/1.jpg", tmp_path / "gallery/b/2.jpg")
    report = check_data(f"folder={tmp_path}")
    assert report.conflicting == (f"{tmp_path}/gallery/b/2.jpg = {tmp_path}/query/a/1.jpg",)
    assert "1 image is a copy of one of another person" in report.to_text()


def test_blank_images_are_named(tmp_path, make_images):
    make_images(tmp_path, ["a/1.jpg", "a/2.jpg", "b/1.jpg"])
    Image.fromarray(np.full((64, 32, 3), 7, np.uint8)).save(tmp_path / "b" / "2.png")
    report = check_data(f"folder={tmp_path}", decode=True)
    assert report.doubtful == (f"{tmp_path}/b/2.png: it is blank: nearly all of one colour",)
    assert "1 image is hardly a crop of a person" in report.to_text()


def test_a_link_to_itself_is_an_unreadable_image(tmp_path, make_images):
    make_images(tmp_path, ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/3.jpg"])
    (tmp_path / "a" / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "a" / "loop").symlink_to("loop")
    report = check_data(f"folder={tmp_path}", decode=True)
    assert [Path(bad.path).name for bad in report.unreadable] == ["loop.jpg"]
    assert report.ignored == (str(tmp_path / "a" / "loop"),)


def test_ctrl_c_leaves_no_threads(root, steps):
    images = [r.image for r in read_split(f"market1501={root}").train] * 200
    before = threading.active_count()
    steps.at_each = steps.interrupt
    with pytest.raises(KeyboardInterrupt):
        inspect_images(images, decode=True, workers=2)
    assert threading.active_count() == before


def test_names_that_are_no_unicode_or_markup_can_be_printed(tmp_path, make_images):
    make_images(tmp_path, ["[bold]/1.jpg", "[bold]/[red].txt", "b/1.jpg"])
    try:
        make_images(tmp_path, ["\udcff/1.jpg"])
    except OSError:
        pytest.skip("the file system refuses such names")
    text = check_data(f"folder={tmp_path}").to_text()
    assert "[red].txt" in text.replace("\n", "")


def test_real_people(people):
    report = check_data(f"market1501={people}", decode=True)
    assert (count(report, "train").images, count(report, "train").persons) == (8498, 498)
    assert (count(report, "query").images, count(report, "query").persons) == (267, 142)
    assert (count(report, "gallery").images, count(report, "gallery").persons) == (1040, 159)
    assert len(report.unmatched_queries) == 3
    assert report.in_train_and_test == ()
    assert report.unreadable == ()
