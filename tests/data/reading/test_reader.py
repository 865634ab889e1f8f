"""Guessing the kind of a root, and what is said when it cannot be guessed."""

import runpy
from pathlib import Path

import pytest

import passerby.data.datasets
from passerby.data.reading.reader import open_reader, read_split
from passerby.registry import DATASETS

KINDS = DATASETS.names()
GUESSED = [kind for kind in KINDS if not DATASETS.build(kind).generic]


def made(kind, folder, make_images):
    """A small set as the tests of a kind's reader say: ``SET`` in datasets/test_KIND.py."""
    tests = runpy.run_path(str(Path(__file__).parents[1] / "datasets" / f"test_{kind}.py"))
    for name, content in tests["SET"].items():
        if content is None:
            make_images(folder, [name])
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
    return folder


def test_every_reader_is_registered():
    files = Path(passerby.data.datasets.__file__).parent.glob("[a-z]*.py")
    assert sorted(path.stem for path in files) == KINDS
    assert all(DATASETS.describe(name).summary for name in KINDS)


# "unlabelled" never is: its own test says so.
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "unlabelled"])
def test_each_layout_is_guessed(kind, tmp_path, make_images):
    reader, root = open_reader(str(made(kind, tmp_path / "data", make_images)))
    assert type(reader).__name__.lower() == kind
    assert root in (tmp_path / "data", tmp_path / "data" / "set.csv")


@pytest.mark.parametrize("kind", GUESSED)
def test_named_layouts_are_found_one_folder_down(kind, tmp_path, make_images):
    made(kind, tmp_path / "data", make_images)
    reader, root = open_reader(str(tmp_path))
    assert type(reader).__name__.lower() == kind
    assert root == tmp_path / "data"


def test_two_sets_in_one_folder(tmp_path, make_images):
    made("market1501", tmp_path / "a", make_images)
    made("dukemtmc", tmp_path / "b", make_images)
    with pytest.raises(ValueError, match="could be dukemtmc or market1501"):
        open_reader(str(tmp_path))
    assert open_reader(f"market1501={tmp_path}")[1] == tmp_path / "a"


def test_folder_and_table_in_one(tmp_path, make_images):
    made("folder", tmp_path, make_images)
    made("table", tmp_path, make_images)
    with pytest.raises(ValueError, match="could be folder or table"):
        open_reader(str(tmp_path))


def test_an_occluded_duke_is_read_by_either(tmp_path, make_images):
    made("dukemtmc", tmp_path, make_images)
    assert type(open_reader(f"market1501={tmp_path}")[0]).__name__ == "Market1501"


def test_parts_under_other_names_are_no_persons(tmp_path, make_images):
    make_images(tmp_path, ["image_train/1_c1.jpg", "image_query/1_c1.jpg"])
    with pytest.raises(
        ValueError, match=r"no layout that is known(.|\n)*image_query/, image_train/"
    ):
        open_reader(str(tmp_path))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("market1501={}/gone", "no such file or folder"),
        ("{}/gone", "no such file or folder"),
        ("{}", "an empty folder"),
        ("market1501={}", r"Expected:\nROOT/\n  bounding_box_train"),
        ("~nobody-of-this-name/set", "no such file or folder: ~nobody-of-this-name"),
        ("folder=~nobody-of-this-name/set", "no such file or folder: ~nobody-of-this-name"),
        ("x" * 5_000, "no such file or folder"),
        ("folder=" + "x" * 5_000, "no such file or folder"),
        ("{}\0", "no such file or folder"),
        ("market={}", "did you mean"),
        ("market1501(patern=x)={}", "did you mean 'pattern'"),
        ("market1501(pattern=)={}", "expected name"),
        ("msmt17(val=merge)={}", "does not hold the layout"),
    ],
)
def test_errors_say_what_to_do(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        open_reader(data.format(tmp_path))


def test_a_root_with_an_equals_sign(tmp_path, make_images, monkeypatch):
    made("market1501", tmp_path / "market1501=x", make_images)
    monkeypatch.chdir(tmp_path)
    assert open_reader("market1501=x")[1].name == "market1501=x"
    made("market1501", tmp_path / "a)=b", make_images)
    assert open_reader("market1501(train=bounding_box_train)=a)=b")[1].name == "a)=b"


def test_real_people_are_guessed(people):
    reader, root = open_reader(str(people))
    assert type(reader).__name__ == "Market1501"
    assert root == people


def test_a_name_becomes_the_source_of_all_records(tmp_path, make_images, monkeypatch):
    made("market1501", tmp_path / "set", make_images)
    for data in (f"lobby:{tmp_path}/set", f"lobby:market1501={tmp_path}/set"):
        split = read_split(data)
        assert split.source == "lobby"
        assert {r.source for part in split.parts.values() for r in part} == {"lobby"}
        assert type(open_reader(data)[0]).__name__ == "Market1501"
    plain = read_split(f"{tmp_path}/set")
    assert plain.of_source("lobby") == split
    # One letter is a drive of Windows; a path that is there is no name.
    with pytest.raises(ValueError, match=r"no such file or folder: C:\\data"):
        read_split(r"C:\data")
    monkeypatch.chdir(tmp_path)
    made("market1501", tmp_path / "ab:set", make_images)
    assert read_split("ab:set").source == "market1501"
