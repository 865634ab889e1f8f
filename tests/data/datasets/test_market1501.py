"""Market-1501 layout: the set itself, its many relatives, and broken copies."""

import shutil

import pytest

from passerby.data.datasets.market1501 import Market1501
from passerby.data.reading.reader import open_reader, read_split
from passerby.tables.records import Record

SET = {"bounding_box_train/0002_c1s1_000451_03.jpg": None}


def test_persons_cameras_and_parts(market):
    split = Market1501().read(market)
    assert [(r.person, r.camera, r.frame) for r in split.train] == [
        (2, 1, 451),
        (2, 2, 776),
        (7, 3, 77419),
    ]
    assert [(r.person, r.camera) for r in split.query] == [(1, 1), (3, 6)]
    assert [r.person for r in split.gallery] == [-1, 0, 1, 3]
    assert split.distractor == 0
    assert split.has_cameras
    assert not split.separate_namespaces
    path = str(market / "query" / "0001_c1s1_001051_00.jpg")
    assert split.query[0] == Record(path, 1, 1, "market1501", frame=1051)


@pytest.mark.parametrize("below", ["", "query", ".."])
def test_root_its_parent_and_its_child(market, below):
    assert open_reader(f"market1501={market / below}")[1].resolve() == market


def test_a_relative_root_inside(market, monkeypatch):
    monkeypatch.chdir(market / "query")
    assert len(read_split("market1501=.").train) == 3


def test_two_sets_below_a_root_are_not_confused(market, make_images):
    make_images(market.parent / "labeled", ["bounding_box_train/0001_c1_1.png"])
    with pytest.raises(ValueError, match="name one of labeled, market"):
        read_split(f"market1501={market.parent}")


def test_strays_are_ignored_and_listed(market, make_images):
    strays = ["Thumbs.db", ".DS_Store", "._0001_c1s1_1.jpg", "readme.txt"]
    make_images(market / "bounding_box_test", strays)
    make_images(market / "query" / "old", ["0001_c1s1_001051_00.jpg"])
    split = Market1501().read(market)
    assert len(split.gallery) == 4
    assert sorted(split.ignored) == sorted(
        [str(market / "bounding_box_test" / name) for name in strays]
        + [f"{market / 'query' / 'old'}/"]
    )


@pytest.mark.parametrize(
    ("name", "person", "camera"),
    [
        ("0001_c14s1_000001_00.jpg", 1, 14),  # more than nine cameras
        ("0001_c012_00030600_0.jpg", 1, 12),  # VeRi-776
        ("0003_c1_21.png", 3, 1),  # CUHK03-NP
        ("0005_c2_f0046985.jpg", 5, 2),  # Occluded-Duke
        ("12345_c1_1.JPEG", 12345, 1),
        ("0001_c1.bmp", 1, 1),
        ("0001_c1s2-extra name.Jpg", 1, 1),
        ("0001_c1s1_000001_00.jpg.jpg", 1, 1),
    ],
)
def test_variants_of_names(tmp_path, make_images, name, person, camera):
    make_images(tmp_path / "bounding_box_train", [name])
    (record,) = read_split(f"market1501={tmp_path}").train
    assert (record.person, record.camera) == (person, camera)


def test_other_folder_names(tmp_path, make_images):
    names = ["image_train/0001_c001_1_0.jpg", "image_query/0002_c001_1_0.jpg"]
    make_images(tmp_path, [*names, "image_test/0002_c002_1_0.jpg"])
    call = "market1501(train=image_train, query=image_query, gallery=image_test, source=veri)"
    reader, root = open_reader(f"{call}={tmp_path}")
    split = reader.read(root)
    assert {part: len(records) for part, records in split.parts.items()} == {
        "train": 1,
        "query": 1,
        "gallery": 1,
    }
    assert split.source == "veri"
    assert not reader.published


def test_a_pattern_of_ones_own(tmp_path, make_images):
    make_images(tmp_path / "bounding_box_train", ["p7=cam(3)=t5.jpg"])
    pattern = r"p(?P<person>\d+)=cam\((?P<camera>\d+)\)=t(?P<tracklet>\d+)\.jpg"
    (record,) = read_split(f"market1501(pattern=r'{pattern}')={tmp_path}").train
    assert (record.person, record.camera, record.tracklet) == (7, 3, 5)


def test_a_pattern_without_cameras(tmp_path, make_images):
    make_images(tmp_path, ["query/1_a.jpg", "bounding_box_test/1_b.jpg"])
    split = Market1501(pattern=r"(?P<person>\d+)_.*").read(tmp_path)
    assert not split.has_cameras


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "no regular expression"),
        (r"(?P<camera>\d+)", "needs a group"),
        (r"(?P<person>\d+)_(?P<camra>\d+)", "did you mean 'camera'"),
    ],
)
def test_bad_patterns(pattern, message):
    with pytest.raises(ValueError, match=message):
        Market1501(pattern=pattern)


@pytest.mark.parametrize("name", ["anna_c1.jpg", "0001c1s1_1.jpg", "0001_cs1_1.jpg", "x.png"])
def test_names_that_do_not_match_are_named(market, make_images, name):
    make_images(market / "query", [name])
    with pytest.raises(ValueError, match=r"1 of 3 image names(.|\n)*pattern") as caught:
        Market1501().read(market)
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["x_1.jpg", "9999999999999999999999_1.jpg"])
def test_numbers_that_are_none_or_too_large(tmp_path, make_images, name):
    make_images(tmp_path / "bounding_box_train", [name])
    with pytest.raises(ValueError, match="18 digits"):
        Market1501(pattern="(?P<person>[^_]+)_.*").read(tmp_path)


def test_cameras_for_some_only(market):
    pattern = r"(?P<person>-?\d+)_c(?:1|(?P<camera>\d+)).*"
    with pytest.raises(ValueError, match="camera for all or for none"):
        Market1501(pattern=pattern).read(market)


def test_test_parts_alone_and_train_alone(market):
    shutil.rmtree(market / "bounding_box_train")
    assert set(read_split(str(market)).parts) == {"query", "gallery"}


def test_train_alone(market):
    shutil.rmtree(market / "query")
    shutil.rmtree(market / "bounding_box_test")
    split = read_split(str(market))
    assert set(split.parts) == {"train"}
    assert split.distractor is None


@pytest.mark.parametrize("lost", ["query", "bounding_box_test"])
def test_half_an_evaluation_is_refused(market, lost):
    shutil.rmtree(market / lost)
    with pytest.raises(ValueError, match="needs both"):
        Market1501().read(market)


def test_no_image_at_all(tmp_path):
    (tmp_path / "bounding_box_train").mkdir()
    with pytest.raises(ValueError, match="no image"):
        Market1501().read(tmp_path)


def test_junk_stays_in_the_gallery_only(market, make_images):
    make_images(market, ["bounding_box_train/-1_c1s1_1.jpg", "query/-1_c1s1_1.jpg"])
    split = Market1501().read(market)
    assert [sum(r.person == -1 for r in part) for part in split.parts.values()] == [0, 0, 1]
    assert len(split.notes) == 2


def test_person_0_is_a_person_where_it_trains_or_asks(market, make_images):
    make_images(market, ["bounding_box_train/0000_c1s1_1.jpg"])
    assert Market1501().read(market).distractor is None
    assert Market1501(separate_namespaces=True).read(market).distractor == 0


def test_real_people(people):
    split = read_split(f"market1501={people}")
    counts = {part: (len(r), len({x.person for x in r})) for part, r in split.parts.items()}
    assert counts == {"train": (8498, 498), "query": (267, 142), "gallery": (1040, 159)}
