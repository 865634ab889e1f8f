"""CSV and Parquet, friendly and hostile."""

from datetime import UTC, datetime, timedelta

import pytest

from passerby.data.datasets.table import Table
from passerby.data.reading.reader import read_split

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


@pytest.mark.parametrize("delimiter", [";", "\t"])
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
        ('image,person\n"a/1.jpg,1\n', "no CSV"),
        ("image,person\nb/1.jpg,1\n", "none of the 1 images"),
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
    assert "1 images of the table do not exist" in split.notes[0]
    assert "line 6" in split.notes[0]


def test_columns_that_are_not_used_are_told(images):
    path = table(images, "image,person,camra,note\na/1.jpg,1,2,x\n")
    split = read_split(f"table={path}")
    assert "camra; did you mean 'camera'?, note" in split.notes[0]


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
