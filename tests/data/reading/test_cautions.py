"""What is said of sets that look as if they were misread."""

import pytest

from passerby.data.crops import read_crops
from passerby.data.reading.reader import read_split


@pytest.fixture
def said(capsys):
    """What reading a set says."""

    def read(data):
        read_split(str(data))
        return capsys.readouterr().out

    return read


def test_nothing_is_said_of_an_ordinary_set(tmp_path, make_images, said):
    make_images(tmp_path, [f"{p}/cam{c}/1.jpg" for p in "abc" for c in (1, 2)])
    make_images(tmp_path, ["a/Thumbs.db", "a/.DS_Store"])
    assert not said(tmp_path)


def test_files_that_are_passed_over_are_named(tmp_path, make_images, said):
    make_images(
        tmp_path, ["query/a/1.jpg", "gallery/a/2.jpg", "gallery/a/3.heic", "train_all/a/1.jpg"]
    )
    text = said(tmp_path)
    assert "2 files or folders are passed over" in text
    assert "3.heic" in text
    assert "train_all" in text


def test_tracklet_folders_are_no_cameras(tmp_path, make_images, said):
    names = [f"{p:04d}/{p * 10 + c:04d}/{p:04d}C{c}F{i:04d}.jpg"
             for p in range(4) for c in (1, 2) for i in range(2)]  # fmt: skip
    make_images(tmp_path, names)
    text = said(tmp_path)
    assert "8 of 8 cameras saw one person only: are tracklets taken for cameras?" in text
    assert r"folder(camera='C(\\d+)')=ROOT reads it" in text
    split = read_split(rf"folder(camera='C(\d+)')={tmp_path}")  # the advice works
    assert {r.camera for r in split.train + split.gallery} == {1, 2}
    assert not said(rf"folder(camera='C(\d+)')={tmp_path}")


def test_cameras_in_names_are_told_of(tmp_path, make_images, said):
    """The layout of layumi's baseline: a folder a person, names as in Market-1501."""
    for part in ("query", "gallery"):
        names = [f"{p:04d}/{p:04d}_c{c}s1_{part}.jpg" for p in (13, 14) for c in (1, 2, 3)]
        make_images(tmp_path / part, [*names, "-1/-1_c9s1_1.jpg"][: 6 + (part == "gallery")])
    text = said(tmp_path)
    assert "no cameras are known, but file names seem to carry the camera (0013_c1s1_query" in text
    assert r"folder(camera='_c(\\d+)')=ROOT" in text


def test_a_folder_a_person_is_told_of_where_crops_are_read(tmp_path, make_images):
    make_images(tmp_path, ["anna/1.jpg", "bert/1.jpg"])
    assert f"give folder={tmp_path}" in read_crops(tmp_path).notes[-1]
    assert {crop.person for crop in read_crops(f"folder={tmp_path}").crops} == {"anna", "bert"}
    make_images(tmp_path, ["2026/05/01/1.jpg"])  # where that reading would pass images over
    assert not read_crops(tmp_path).notes


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, make_images, monkeypatch):
    make_images(tmp_path, ["a/1.jpg"])

    def refused(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("passerby.data.reading.listing.os.scandir", refused)
    with pytest.raises(ValueError, match="cannot be listed: Permission denied"):
        read_split(f"folder={tmp_path}")
