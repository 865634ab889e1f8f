"""What is read from images, folders, data sets and tables, in names."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from passerby.data.crops import Labels, content_id, read_crops
from passerby.tables.records import JUNK, Crop

EIGHT = datetime(2026, 5, 1, 8, tzinfo=UTC)


def names(found):
    return [Path(crop.image).name for crop in found.crops]


def table(folder, text, name="seen.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_several_images_in_their_order(crops):
    files = sorted(crops.iterdir())
    found = read_crops([files[3], files[1], files[3]])
    assert [crop.image for crop in found.crops] == [str(files[3]), str(files[1])]
    assert found.crops[0] == Crop(str(files[3]))  # a single file's name is not read


def test_names_like_market_1501s_tell_person_camera_and_frame(crops):
    found = read_crops(crops)
    first = found.crops[0]
    assert (first.person, first.camera, first.source) == ("crops/1", "1", "crops")
    assert (first.frame, first.time) == (0, None)  # a frame number is not a time
    assert "names are read as Market-1501's" in found.notes[0]
    assert read_crops(crops, Labels(source="lobby")).crops[0].person == "lobby/1"
    assert read_crops(crops, Labels(names="none")).crops[0] == Crop(first.image)


def test_one_name_that_is_not_like_market_1501s_is_enough_to_read_none(crops, draw_crop):
    draw_crop(crops / "below" / "me.jpg", 99)
    found = read_crops(crops)
    assert len(found.crops) == 11
    assert {crop.person for crop in found.crops} == {""}


def test_junk_and_distractors_are_nobody_known(tmp_path, make_images):
    make_images(tmp_path / "a", ["-1_c1s1_000001_01.jpg", "0000_c1s1_000001_01.jpg"])
    assert [crop.person for crop in read_crops(tmp_path / "a").crops] == ["", ""]


def test_own_patterns(tmp_path, make_images):
    make_images(tmp_path / "a", ["p7-k2.jpg", "p8-k3.jpg"])
    found = read_crops(tmp_path / "a", Labels(names=r"p(?P<person>\d+)-k(?P<camera>\d+)\.jpg"))
    assert [(c.person, c.camera) for c in found.crops] == [("a/7", "2"), ("a/8", "3")]
    with pytest.raises(ValueError, match="do not"):
        read_crops(tmp_path / "a", Labels(names=r"q(?P<person>\d+)\.jpg"))


def test_a_data_set_is_read_with_its_own_meaning(tiny_root, tiny):
    found = read_crops(f"{tiny_root}")
    records = [*tiny.train, *tiny.query, *tiny.gallery]
    assert len(found.crops) == len({record.image for record in records})
    by_image = {crop.image: crop for crop in found.crops}
    for record in records:
        crop = by_image[os.path.abspath(record.image)]
        assert (crop.number, crop.view) == (record.person, record.camera)
        nobody = record.person in (JUNK, tiny.distractor)
        assert crop.person == ("" if nobody else f"{record.source}/{record.person}")
    assert len(read_crops(f"{tiny_root}", Labels(part="test")).crops) == len(
        tiny.query + tiny.gallery
    )
    with pytest.raises(ValueError, match="no images in its part validation"):
        read_crops(f"{tiny_root}", Labels(part="validation"))


def test_one_folder_of_a_data_set(tmp_path, make_images):
    """Read with the others: who is a distractor is known from all."""
    test = ["0000_c1s1_000001_01.jpg", "0001_c1s1_000001_01.jpg"]
    for name in ("bounding_box_train", "bounding_box_test", "query"):
        make_images(tmp_path / name, test if "test" in name else ["0001_c2s1_000001_01.jpg"])
    found = read_crops(tmp_path / "bounding_box_test")
    assert names(found) == test
    assert [crop.person for crop in found.crops] == ["", "market1501/1"]
    assert [crop.number for crop in found.crops] == [0, 1]


def test_a_data_set_further_below_does_not_hide_the_rest(tmp_path, make_images):
    for name in ("bounding_box_train", "bounding_box_test", "query"):
        make_images(tmp_path / "all" / "set" / name, ["0001_c2s1_000001_01.jpg"])
    make_images(tmp_path / "all", ["mine.jpg"])
    assert len(read_crops(tmp_path / "all").crops) == 4


def test_a_data_set_of_named_persons(tmp_path, make_images):
    make_images(tmp_path / "set", ["anna/cam1/1.jpg", "anna/cam2/2.jpg", "bert/cam1/3.jpg"])
    found = read_crops(f"folder={tmp_path / 'set'}")
    assert sorted((c.person, c.camera) for c in found.crops) == [
        ("anna", "cam1"), ("anna", "cam2"), ("bert", "cam1"),
    ]  # fmt: skip
    assert {c.number for c in found.crops} == {None}


def test_a_table_and_folders_name_alike(tmp_path, make_images):
    """Or one gallery would know a person and a camera by two names."""
    make_images(tmp_path / "set", ["Ame\u0301lie/hall/1.jpg", "bert/door/2.jpg", "-1/door/3.jpg"])
    rows = "1.jpg,Am\u00e9lie,hall\n2.jpg,bert,door\n3.jpg,-1.0,door\n"
    by_table = read_crops(table(tmp_path, f"image,person,camera\n{rows}"))
    by_folder = read_crops(f"folder={tmp_path / 'set'}")
    said = [sorted((c.person, c.camera) for c in found.crops) for found in (by_table, by_folder)]
    assert said[0] == said[1] == [("", "door"), ("Am\u00e9lie", "hall"), ("bert", "door")]


def test_cameras_of_two_spellings_are_one_name(tmp_path):
    text = "image,person,camera\na.jpg,p,Cam 1\nb.jpg,p,cam01\nc.jpg,p,2.0\n"
    found = read_crops(table(tmp_path, text))
    assert [crop.camera for crop in found.crops] == ["Cam 1", "Cam 1", "2"]
    assert "spellings of one camera: 'Cam 1' and 'cam01'" in found.notes
    with pytest.raises(ValueError, match="one person or two"):
        read_crops(table(tmp_path, "image,person\na.jpg,Anna\nb.jpg,anna\n"))


def test_tables_keep_names(tmp_path, make_images):
    make_images(tmp_path, ["a/1.jpg", "a/2.jpg"])
    text = (
        "image,person,camera,time,frame,tracklet,quality,hat\n"
        "a/1.jpg,Anna B.,lobby,2026-05-01T10:00:00+02:00,7,3,0.5,red\na/2.jpg,,,,,,,\n"
    )
    found = read_crops(table(tmp_path, text))
    first = str(tmp_path / "a" / "1.jpg")
    assert found.crops[0] == Crop(first, "Anna B.", "lobby", "", EIGHT, 7, 3, 0.5)
    assert found.crops[1] == Crop(str(tmp_path / "a" / "2.jpg"))
    assert found.notes == ("columns of seen.csv that are not used: hat",)


def test_naive_times_are_refused_unless_their_zone_is_said(tmp_path):
    path = table(tmp_path, "image,time\na.jpg,2026-05-01T10:00:00\n")
    with pytest.raises(ValueError, match=r"line 2: .* has no zone(.|\n)*--zone Europe/Berlin"):
        read_crops(path)
    found = read_crops(path, Labels(zone=ZoneInfo("Europe/Berlin")))
    assert found.crops[0].time == EIGHT
    assert read_crops(path, Labels(time=EIGHT)).crops[0].time == EIGHT
    with pytest.raises(ValueError, match="has no zone"):
        Labels(time=datetime(2026, 5, 1))


@pytest.mark.parametrize(
    ("time", "word"), [("2026-10-25T02:30:00", "twice"), ("2026-03-29T02:30:00", "never")]
)
def test_times_at_which_clocks_change_are_not_guessed(time, word, tmp_path):
    path = table(tmp_path, f"image,time\na.jpg,{time}\n")
    with pytest.raises(ValueError, match=f"comes {word} in Europe/Berlin"):
        read_crops(path, Labels(zone=ZoneInfo("Europe/Berlin")))


def test_parquet_with_and_without_a_zone(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    naive = [datetime(2026, 5, 1, 10)]
    for kind, zone in ((pyarrow.timestamp("ns", "UTC"), None), (pyarrow.timestamp("us"), "UTC")):
        columns = {"image": ["a.jpg"], "time": pyarrow.array(naive, kind), "frame": [4]}
        parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
        found = read_crops(tmp_path / "t.parquet", Labels(zone=zone and ZoneInfo(zone)))
        assert found.crops[0].time == datetime(2026, 5, 1, 10, tzinfo=UTC)
        assert found.crops[0].frame == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("picture\na.jpg\n", "needs the column image"),
        ("image,image\na.jpg,b.jpg\n", "the column image twice"),
        ("image\n../secret.jpg\n", "leads out of the table's folder"),
        ("image\n/etc/passwd\n", "is an absolute path"),
        ("image\nC:\\x.jpg\n", "is an absolute path"),
        ("image,quality\na.jpg,7\n", "the quality is '7': expected a number from 0 to 1"),
        ("image,frame\na.jpg,soon\n", "the frame is 'soon'"),
        ("image,person\na.jpg\n", "more or fewer fields"),
        ("image\n", "no image in"),
    ],
)
def test_broken_tables_are_refused_as_a_whole(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_crops(table(tmp_path, text))


def test_what_is_said_of_all_wins(crops):
    labels = Labels(person="anna", camera="lobby", source="south", time=EIGHT)
    found = read_crops(crops, labels).crops
    assert {(c.person, c.camera, c.source, c.time) for c in found} == {
        ("anna", "lobby", "south", EIGHT)
    }
    assert {(c.number, c.view) for c in found} == {(None, None)}


def test_what_is_not_there_or_no_image(tmp_path):
    with pytest.raises(ValueError, match="no such file or folder"):
        read_crops(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match=r"no image in .*1 file is no image"):
        read_crops(tmp_path)
    with pytest.raises(ValueError, match="no such file"):
        read_crops(f"folder={tmp_path / 'nowhere'}")


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege on Windows")
def test_links_that_lead_back_end(crops):
    (crops / "again").symlink_to(crops, target_is_directory=True)
    assert len(read_crops(crops).crops) == 10


def test_content_tells_images_apart(crops):
    first, second = sorted(crops.iterdir())[:2]
    assert content_id(first.read_bytes()) != content_id(second.read_bytes())
    assert len(content_id(b"")) == 32
