"""CSV and Parquet, friendly and hostile."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from passerby.data.crops import read_crops
from passerby.data.datasets.table import Table
from passerby.data.reading.reader import read_split
from passerby.tables.records import JUNK

SET = {".img/1.jpg": None, "set.csv": "image,person\n.img/1.jpg,1\n"}

FULL = """image,person,camera,time,tracklet,frame,split
a/1.jpg,7,1,2024-05-01T08:30:00+02:00,3,10,train
a/2.jpg,7,2,2024-05-01T06:31:00Z,4,,train
a/3.jpg,9,1,,,,query
a/4.jpg,9,2,,,,gallery
"""


@pytest.fixture
def images(tmp_path, make_images):
    return make_images(tmp_path, [f"a/{i}.jpg" for i in range(1, 7)])


def table(folder, text, name="set.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_all_columns(images):
    split = read_split(f"table={table(images, FULL)}")
    first, second = split.train
    assert (first.person, first.camera, first.tracklet, first.frame) == (7, 1, 3, 10)
    assert first.time == datetime(2024, 5, 1, 6, 30, tzinfo=UTC)
    assert second.time - first.time == timedelta(minutes=1)
    assert second.frame is None
    assert first.source == "set"
    assert [len(part) for part in split.parts.values()] == [2, 1, 1]


def test_the_folder_will_do(images):
    table(images, "a,b\n1,2\n", "other.csv")
    table(images, FULL)
    assert len(read_split(f"table={images}").train) == 2
    table(images, FULL, "second.csv")
    with pytest.raises(ValueError, match=r"several tables: name one of second.csv, set.csv"):
        read_split(f"table={images}")


def test_tab_separated_values(images):
    path = table(images, "image\tperson\na/1.jpg\tAnn, B.; C.\n", "set.TSV")
    assert Table(train_share=1).read(path).person_names == {1: "Ann, B.; C."}


def test_a_folder_named_like_a_table(images):
    path = table(images, FULL)
    (images / "x.csv").mkdir()
    assert len(read_split(f"table={images}").train) == 2
    with pytest.raises(ValueError, match="does not hold the layout"):
        read_split(f"table={images / 'x.csv'}")
    path.rename(images / "x.csv" / "set.csv")
    assert Table().locate(images / "x.csv") == images / "x.csv" / "set.csv"


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_spreadsheet_dialects(images, delimiter):
    text = "\ufeff" + FULL.replace(",", delimiter).replace("\n", "\r\n") + "\r\n"
    assert len(read_split(f"table={table(images, text)}").train) == 2


def test_named_persons_without_split(images):
    text = "image,person\na/1.jpg,Zoë\na/2.jpg,Zoë\na/3.jpg,Ann\n"
    split = Table(train_share=0).read(table(images, text))
    assert split.person_names == {1: "Ann", 2: "Zoë"}
    assert not split.has_cameras
    assert [len(split.query), len(split.gallery)] == [1, 2]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a/5.jpg,,1,,,,train", "line 6: the person is empty"),
        ("a/5.jpg,1", "line 6: it has more or fewer fields"),
        ("a/5.jpg,1,1,,,,train,x", "line 6: it has more or fewer fields"),
        (",1,1,,,,train", "line 6: the image is ''"),
        ("a/5.jpg,1,1,2024-05-01T08:30:00,,,train", "line 6: the time .* has no zone"),
        ("a/5.jpg,1,1,yesterday,,,train", "line 6: the time .*ISO 8601"),
        ("a/5.jpg,1,1,,x,,train", "line 6: the tracklet"),
        ("a/5.jpg,1,1,,,1.5,train", "line 6: the frame"),
        ("a/5.jpg,1,1,,,,galery", "did you mean 'gallery'"),
        ("a/1.jpg,1,1,,,,train", "line 6: it names the image of line 2 again"),
        ("a/./1.jpg,1,1,,,,train", "line 6: it names the image of line 2 again"),
        ("../secret.jpg,1,1,,,,train", "line 6: .*leads out"),
        ("a/../../secret.jpg,1,1,,,,train", "leads out"),
        ("a\\..\\..\\secret.jpg,1,1,,,,train", "leads out"),
        ("/etc/passwd,1,1,,,,train", "absolute path"),
        ("C:\\secret.jpg,1,1,,,,train", "absolute path"),
        ("\\\\host\\share\\x.jpg,1,1,,,,train", "absolute path"),
        ("a/5.jpg\0,1,1,,,,train", ""),
        ("a/5.jpg,1,,,,,train", "camera for all or for none"),
        ("a/5.jpg,1,1,,,,", "a part for all or for none"),
    ],
)
def test_broken_rows_are_named(images, row, message):
    path = table(images, FULL + row + "\n")
    with pytest.raises(ValueError, match=message or "line"):
        read_split(f"table={path}")


def test_many_broken_rows_are_counted(images):
    path = table(images, FULL + "x.jpg,,,,,,\n" * 9)
    with pytest.raises(ValueError, match=r"9 broken rows(.|\n)*and 4 more"):
        read_split(f"table={path}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("image,person\n", "no row"),
        ("picture,person\na/1.jpg,1\n", "needs the columns image and person"),
        ("image,person,person\na/1.jpg,1,1\n", "twice"),
        ("image,person," + ",".join(map(str, range(2_000))) + "\n", "has 2002 columns"),
        (f"image,person\na/1.jpg,{'x' * 100_000}\n", "line 2: a cell holds 'xxxxx"),
        (f"image,person\na/1.jpg,{'x' * 2_000_000}\n", "longer than 1000000 characters"),
        ("image,person\na/1.jpg,x\0y\n", "a NUL character"),
        ('image,person\na/1.jpg,"' + '\n","' * 300_000, "longer than|larger than field"),
        ('image,person\n"a/1.jpg,1\n', "no CSV"),
        ("image,person\nb/1.jpg,1\n", "none of the 1 image"),
    ],
)
def test_broken_tables(images, text, message):
    with pytest.raises(ValueError, match=message):
        read_split(f"table={table(images, text)}")


def test_not_utf8(images):
    (images / "set.csv").write_bytes("image,person\na/1.jpg,Zoë\n".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        read_split(f"table={images / 'set.csv'}")


def test_missing_images_are_left_out_and_told(images):
    split = read_split(f"table={table(images, FULL + 'a/99.jpg,7,1,,,,train')}")
    assert len(split.train) == 2
    assert "1 image of the table does not exist" in split.notes[0]
    assert "line 6" in split.notes[0]


def test_columns_that_are_not_used_are_told(images):
    path = table(images, "image,person,hat,note\na/1.jpg,1,2,x\n")
    split = read_split(f"table={path}")
    assert split.notes[0] == "columns of set.csv that are not used: hat, note"


@pytest.mark.parametrize(
    ("header", "meant"),
    [("persn,camera", "person"), ("person,cam", "camera"), ("person,camra", "camera")],
)
def test_mistyped_columns_are_refused_with_the_nearest(images, header, meant):
    path = table(images, f"image,{header}\na/1.jpg,1,2\n")
    with pytest.raises(ValueError, match=f"did you mean '{meant}' by"):
        read_split(f"table={path}")


def spelled(images, *rows):
    """The split of six images with a person and a camera in the spellings given."""
    lines = [f"a/{i}.jpg,{row}" for i, row in enumerate(rows, 1)]
    return Table(train_share=1).read(table(images, "\n".join(["image,person,camera", *lines])))


def test_one_number_in_two_spellings_is_one(images):
    split = spelled(images, "13,1", "13.0,1.0", "013,01", "\uff11\uff13,\uff11", "13 ,1.", "5,2")
    assert [(r.person, r.camera) for r in split.train] == [(13, 1)] * 5 + [(5, 2)]


def test_one_camera_in_two_spellings_is_one_and_told(images):
    split = spelled(images, "a,Hall 1", "a,hall1", "a,HALL_01", "a,Cam\u00e9ra", "a,Came\u0301ra")
    assert [r.camera for r in split.train] == [2, 2, 2, 1, 1]
    assert "spellings of one camera: 'Hall 1' and 'hall1' and 'HALL_01'" in split.notes


def test_one_name_in_two_unicode_forms_is_one_person(images):
    split = spelled(images, "Am\u00e9lie,1", "Ame\u0301lie,2")
    assert split.person_names == {1: "Am\u00e9lie"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["Anna,1", "anna,2"],
            "'Anna' (first at {}/a/1.jpg) and 'anna' (first at {}/a/2.jpg) one p",
        ),
        (
            ["p 1,1", "x,1", "P-01,2"],
            "'p 1' (first at {}/a/1.jpg) and 'P-01' (first at {}/a/3.jpg)",
        ),
        (["x,cam1", "y,c1"], "'cam1' (first at {}/a/1.jpg) and 'c1' (first at {}/a/2.jpg) one c"),
        (["x,1", "y,cam1", "z,hall"], "'1' (first at {}/a/1.jpg) and 'cam1'"),
    ],
)
def test_what_only_the_user_can_tell_is_refused(images, rows, message):
    with pytest.raises(ValueError, match=re.escape(message.format(images, images))):
        spelled(images, *rows)


def test_names_that_differ_in_more_than_their_look_are_two(images):
    split = spelled(images, "1-11,1", "11-1,2", "111,3", "-1,1")
    assert len(split.person_names) == 3
    assert {r.camera for r in split.train} == {1, 2, 3}


@pytest.mark.parametrize("junk", ["-1", "-1.0", " -01 ", "\u22121"])
def test_junk_is_nobody_in_every_spelling(images, junk):
    rows = ["a/1.jpg,anna,query", "a/2.jpg,anna,gallery", f"a/3.jpg,{junk},gallery"]
    split = Table().read(table(images, "\n".join(["image,person,split", *rows])))
    assert [r.person for r in split.gallery] == [1, JUNK]
    assert split.person_names == {1: "anna"}
    assert [c.person for c in read_crops(images / "set.csv").crops] == ["anna", "anna", ""]


@pytest.mark.parametrize("missing", ["nan", "NaN", "<NA>", ""])
def test_what_pandas_writes_for_nothing_is_nothing(images, missing):
    rows = f"a/1.jpg,1,{missing},{missing}\na/2.jpg,1,{missing},{missing}"
    split = Table(train_share=1).read(table(images, f"image,person,camera,frame\n{rows}"))
    assert [(r.camera, r.frame) for r in split.train] == [(None, None)] * 2


def test_images_elsewhere(images):
    (images / "tables").mkdir()
    path = table(images / "tables", FULL.replace("a/", ""))
    for folder in ("../a", str(images / "a")):
        assert len(Table(images=folder).read(path).train) == 2


def test_parquet(images):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        "image": ["a/1.jpg", "a/2.jpg", "a/3.jpg"],
        "person": [4, 4, 5],
        "camera": [1.0, 2.0, 1.0],  # what pandas makes of integers with gaps
        "time": pyarrow.array([1_000_000_001, 2, None], pyarrow.timestamp("ns", "UTC")),
        "split": ["train", "train", "train"],
    }
    parquet.write_table(pyarrow.table(columns), images / "set.parquet")
    split = read_split(f"table={images / 'set.parquet'}")
    assert [(r.person, r.camera) for r in split.train] == [(4, 1), (4, 2), (5, 1)]
    assert split.train[0].time == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert split.train[2].time is None
    columns["time"] = pyarrow.array([1, 2, None], pyarrow.timestamp("us"))
    parquet.write_table(pyarrow.table(columns), images / "set.parquet")
    with pytest.raises(ValueError, match=r"row 1: .* has no zone"):
        read_split(f"table={images / 'set.parquet'}")
    (images / "set.parquet").write_bytes(b"not parquet")
    with pytest.raises(ValueError, match="no Parquet"):
        read_split(f"table={images / 'set.parquet'}")
