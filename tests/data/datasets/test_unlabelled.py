"""Images of whom nothing is known."""

import pytest

from passerby.data.reading.joining import images_in_train, join_splits, persons_in_train
from passerby.data.reading.reader import read_split
from passerby.tables.records import JUNK


def test_all_images_are_train_and_nobody_is_known(tmp_path, make_images):
    make_images(tmp_path, ["0001_c1s1_000001_01.jpg", "anna/cam1/2.jpg", "x/y/z/3.png"])
    (tmp_path / "x" / "notes.txt").touch()
    split = read_split(f"street:unlabelled={tmp_path}")
    assert len(split.train) == 3
    assert {(r.person, r.camera, r.source) for r in split.train} == {(JUNK, None, "street")}
    assert list(split.parts) == ["train"]
    assert [path.endswith("notes.txt") for path in split.ignored] == [True]


def test_training_refuses_what_distillation_takes(tmp_path, make_images, tiny):
    make_images(tmp_path, ["1.jpg"])
    split = read_split(f"unlabelled={tmp_path}")
    with pytest.raises(ValueError, match="no train part with persons: nobody is known"):
        persons_in_train(split)
    assert images_in_train(split) == split.train
    joint = join_splits([tiny, split], labelled=False)
    assert joint.train == (*persons_in_train(tiny), *split.train)
    assert images_in_train(joint) == joint.train


def test_it_is_never_guessed(tmp_path, make_images):
    make_images(tmp_path, ["1.jpg"])
    with pytest.raises(ValueError, match="holds no layout that is known"):
        read_split(str(tmp_path))


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(ValueError, match=r"no image in .* or below it \(other files: .*a.txt\)"):
        read_split(f"unlabelled={tmp_path}")
