"""One folder per person."""

import pytest

from passerby.data.datasets.folder import Folder
from passerby.data.reading.reader import read_split
from passerby.tables.records import JUNK

SET = {"anna/1.jpg": None, "bert/1.jpg": None}

PERSONS = ["anna", "Bérénice", "陈伟", "d'Arc", "e f"]


def test_names_are_numbered_and_kept(tmp_path, make_images):
    make_images(tmp_path, [f"{person}/{i}.jpg" for person in PERSONS for i in range(3)])
    split = read_split(f"folder={tmp_path}")
    assert sorted(split.person_names.values()) == sorted(PERSONS)
    for records in split.parts.values():
        for record in records:
            assert f"/{split.person_names[record.person]}/" in record.image.replace("\\", "/")
            assert record.camera is None
    assert split.source == tmp_path.name
    assert not {r.person for r in split.train} & {r.person for r in split.gallery}
    assert any("train_share=0.5" in note for note in split.notes)
    assert "no cameras are known" in split.notes


def test_integers_stay(tmp_path, make_images):
    make_images(tmp_path, ["0007/a.jpg", "12/a.jpg", "-1/a.jpg"])
    split = Folder(train_share=0).read(tmp_path)
    assert {r.person for r in split.gallery} == {7, 12, -1}
    assert not split.person_names


def test_two_spellings_of_one_integer_are_one_person(tmp_path, make_images):
    make_images(tmp_path, ["7/01/a.jpg", "007/1/a.jpg", "anna/cam 2/a.jpg"])
    split = Folder(train_share=1).read(tmp_path)
    assert split.person_names == {1: "7", 2: "anna"}
    assert sorted((r.person, r.camera) for r in split.train) == [(1, 1), (1, 1), (2, 2)]


def test_junk_among_named_persons(tmp_path, make_images):
    for part in ("query", "gallery"):
        make_images(tmp_path / part, ["anna/1.jpg", "-1/1.jpg", "-1.0/2.jpg"])
    split = Folder().read(tmp_path)
    assert split.person_names == {1: "anna"}
    assert [r.person for r in split.query] == [1]
    assert sorted(r.person for r in split.gallery) == [JUNK, JUNK, 1]
    assert "2 images of person -1 (junk) are left out of query" in split.notes


def test_which_persons_train_does_not_follow_from_their_spelling_here(tmp_path, make_images):
    """By the names as they are written, as in all versions: a division is part of a result."""
    make_images(tmp_path, [f"{person:04d}/{i}.jpg" for person in range(1, 9) for i in range(2)])
    split = Folder().read(tmp_path)
    assert sorted({r.person for r in split.train}) == [3, 4, 5, 8]


def test_the_rule_for_queries(tmp_path, make_images):
    make_images(
        tmp_path,
        [
            *("a/c1/1.jpg", "a/c1/2.jpg", "a/c2/1.jpg", "a/c2/2.jpg"),  # a query per camera
            *("b/c1/1.jpg", "b/c2/1.jpg"),  # no camera twice: the first image
            *("c/c1/1.jpg", "c/c2/1.jpg", "c/c2/2.jpg"),  # keeps the only image of c1 to be found
            "d/c1/1.jpg",  # nothing to find: gallery
        ],
    )
    split = Folder(train_share=0).read(tmp_path)
    queries = [r.image.removeprefix(str(tmp_path))[1:].replace("\\", "/") for r in split.query]
    assert queries == ["a/c1/1.jpg", "a/c2/1.jpg", "b/c1/1.jpg", "c/c2/1.jpg"]
    assert len(split.gallery) == 6
    assert not split.train
    assert {r.camera for r in split.gallery} == {1, 2}


def test_train_share(tmp_path, make_images):
    make_images(tmp_path, [f"p{p}/{i}.jpg" for p in range(10) for i in range(2)])
    shares = {s: Folder(train_share=s).read(tmp_path) for s in (0, 0.3, 1)}
    assert [len({r.person for r in split.train}) for split in shares.values()] == [0, 3, 10]
    assert not shares[1].query
    assert not shares[1].gallery
    assert Folder(train_share=0.3).read(tmp_path) == shares[0.3]
    with pytest.raises(ValueError, match="from 0 to 1"):
        Folder(train_share=2)


def test_parts_as_folders(tmp_path, make_images):
    make_images(
        tmp_path,
        ["train/x/1.jpg", "query/anna/cam1.jpg", "gallery/anna/cam2.jpg", "gallery/bert/cam2.jpg"],
    )
    make_images(tmp_path, ["other/x/1.jpg"])
    split = Folder().read(tmp_path)
    assert [len(split.train), len(split.query), len(split.gallery)] == [1, 1, 2]
    assert split.query[0].person == split.gallery[0].person
    assert split.ignored == (str(tmp_path / "other") + "/",)


def test_half_an_evaluation_is_refused(tmp_path, make_images):
    make_images(tmp_path, ["train/x/1.jpg", "query/anna/1.jpg"])
    with pytest.raises(ValueError, match="only one of query and gallery"):
        Folder().read(tmp_path)


@pytest.mark.parametrize("pattern", [r"_c(\d+)", r"_(?P<camera>c\d+)"])
def test_cameras_in_names(tmp_path, make_images, pattern):
    make_images(tmp_path, ["a/1_c3.jpg", "a/2_c12.jpg"])
    split = read_split(f"folder(train_share=1, camera=r'{pattern}')={tmp_path}")
    assert [r.camera for r in split.train] == [3, 12]


def test_cameras_with_names_are_numbered_and_told(tmp_path, make_images):
    make_images(tmp_path, ["a/hall/1.jpg", "a/door/1.jpg"])
    split = Folder(train_share=1).read(tmp_path)
    assert sorted(r.camera for r in split.train) == [1, 2]
    assert "cameras: 'door' is 1, 'hall' is 2" in split.notes


def test_bad_camera_patterns(tmp_path, make_images):
    make_images(tmp_path, ["a/1_c3.jpg", "a/2.jpg"])
    with pytest.raises(ValueError, match=r"2\.jpg"):
        Folder(camera=r"_c(\d+)").read(tmp_path)
    with pytest.raises(ValueError, match="needs a group"):
        Folder(camera=r"_c\d+")
    with pytest.raises(ValueError, match="no regular expression"):
        Folder(camera="(")


def test_cameras_for_some_only(tmp_path, make_images):
    make_images(tmp_path, ["a/cam1/1.jpg", "a/2.jpg"])
    with pytest.raises(ValueError, match="camera for all or for none"):
        Folder().read(tmp_path)


def test_strays(tmp_path, make_images):
    make_images(tmp_path, ["a/1.jpg", "a/Thumbs.db", "loose.jpg", "notes.txt", "a/c/d/1.jpg"])
    make_images(tmp_path, ["b/1.jpg"])
    split = Folder(train_share=1).read(tmp_path)
    assert len(split.train) == 2
    assert len(split.ignored) == 4


def test_no_image(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(ValueError, match="does not hold the layout"):
        read_split(f"folder={tmp_path}")
