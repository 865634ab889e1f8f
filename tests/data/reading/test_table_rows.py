"""Tables by chance: each is read, or refused in a sentence."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from passerby.data.crops import Labels, read_crops
from passerby.data.datasets.table import Table
from passerby.data.reading.reader import read_split

pytestmark = pytest.mark.hostile

COLUMNS = ("image", "person", "camera", "time", "tracklet", "frame", "split", "source", "quality")
GOOD = "image,person,camera,frame,time\na/1.jpg,ann,1,3,2026-05-01T08:00:00Z\na/2.jpg,13.0,02,,\n"
WORDS = st.sampled_from(
    [
        "a/1.jpg",
        "-1",
        "-1.0",
        "nan",
        "１",
        "1e400",
        "9" * 30,
        "2026-13-01",
        "0001-01-01T00:00:00+14",
    ]
)
TEXTS = st.text(max_size=12) | WORDS
PARQUET = st.one_of(
    st.lists(TEXTS, min_size=2, max_size=2),
    st.lists(st.floats(), min_size=2, max_size=2),
    st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=2).map(
        lambda numbers: pyarrow.array(numbers, pyarrow.uint64())
    ),
    st.lists(st.binary(max_size=9), min_size=2, max_size=2),
    st.lists(st.booleans(), min_size=2, max_size=2),
    st.lists(st.lists(st.integers(0, 9), max_size=2), min_size=2, max_size=2),
    st.lists(st.datetimes(), min_size=2, max_size=2),
    st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=2), min_size=2, max_size=2),
    st.lists(st.none(), min_size=2, max_size=2),
)


@pytest.fixture(scope="module")
def examples(request):
    """How many inputs are tried: some in every run, many with ``--long``."""
    return 5_000 if request.config.getoption("long") else 100


def read_or_refused(path):
    """By both readers of tables; whatever else they raise fails the test."""
    with suppress(ValueError):
        read_crops(path, Labels(zone=ZoneInfo("Europe/Berlin")))
    with suppress(ValueError):
        split = Table(train_share=1).read(path)
        assert split.train


def hostile(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.large_base_example, HealthCheck.too_slow],
    )


def test_text_by_chance(examples, tmp_path, make_images):
    make_images(tmp_path, ["a/1.jpg", "a/2.jpg"])

    @hostile(examples)
    @given(
        st.lists(st.sampled_from(COLUMNS) | TEXTS, max_size=6),
        st.lists(st.lists(TEXTS, max_size=6), max_size=4),
        st.sampled_from(",;\t|"),
        st.sampled_from(["set.csv", "set.tsv"]),
    )
    def check(header, rows, delimiter, name):
        lines = [delimiter.join(cells) for cells in [["image", "person", *header], *rows]]
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
        read_or_refused(tmp_path / name)

    check()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_changed_bytes(kind, examples, tmp_path, make_images):
    make_images(tmp_path, ["a/1.jpg", "a/2.jpg"])
    path = tmp_path / f"set.{kind}"
    columns = {"image": ["a/1.jpg", "a/2.jpg"], "person": ["ann", "13"], "camera": [1.0, 2.0]}
    times = [datetime(2026, 5, 1), None]
    columns["time"] = pyarrow.array(times, pyarrow.timestamp("us", "UTC"))
    parquet.write_table(pyarrow.table(columns), tmp_path / "set.parquet")
    (tmp_path / "set.csv").write_text(GOOD, encoding="utf-8")
    whole = path.read_bytes()
    assert Table(train_share=1).read(path).train

    @hostile(examples)
    @given(
        st.lists(
            st.tuples(st.integers(0, len(whole) - 1), st.binary(min_size=1, max_size=8)), max_size=6
        ),
        st.integers(0, len(whole)),
    )
    def check(changes, end):
        data = bytearray(whole)
        for place, new in changes:
            data[place : place + len(new)] = new
        path.write_bytes(data if end % 2 else data[:end])
        read_or_refused(path)

    check()


def test_parquet_columns_of_every_type(examples, tmp_path, make_images):
    make_images(tmp_path, ["a/1.jpg", "a/2.jpg"])

    @hostile(examples)
    @given(st.dictionaries(st.sampled_from(COLUMNS[1:]), PARQUET, max_size=5))
    def check(columns):
        try:
            made = pyarrow.table({"image": ["a/1.jpg", "a/2.jpg"], **columns})
        except (pyarrow.ArrowInvalid, UnicodeEncodeError):  # lone surrogates are no text there
            return
        parquet.write_table(made, tmp_path / "set.parquet")
        read_or_refused(tmp_path / "set.parquet")

    check()


def test_one_long_cell_is_not_multiplied(tmp_path):
    """A dictionary page of 5 MB stands for 10,000 rows: 50 GB once each row has its own."""
    cells = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array([0] * 10_000, pyarrow.int32()), pyarrow.array(["x" * 5_000_000])
    )
    made = pyarrow.table({"image": [f"{i}.jpg" for i in range(10_000)], "person": cells})
    parquet.write_table(made, tmp_path / "set.parquet", store_schema=False)
    assert (tmp_path / "set.parquet").stat().st_size < 10_000_000
    with pytest.raises(ValueError, match="a cell holds 5000000 characters"):
        read_crops(tmp_path / "set.parquet")


def test_parquet_of_many_columns_or_rows(tmp_path, monkeypatch):
    made = pyarrow.table({"image": ["a"], **{f"c{i}": [0] for i in range(1_200)}})
    parquet.write_table(made, tmp_path / "set.parquet")
    with pytest.raises(ValueError, match="has 1201 columns: expected at most 1000"):
        read_crops(tmp_path / "set.parquet")
    monkeypatch.setattr("passerby.data.reading.table_rows._MOST_ROWS", 5)
    parquet.write_table(pyarrow.table({"image": list("abcdefg")}), tmp_path / "set.parquet")
    with pytest.raises(ValueError, match="7 rows are more than the bound of 5"):
        read_crops(tmp_path / "set.parquet")


def test_columns_of_parquet_in_upper_case(tmp_path):
    parquet.write_table(
        pyarrow.table({"Image": ["a.jpg"], "PERSON": [7.0]}), tmp_path / "a.parquet"
    )
    assert read_crops(tmp_path / "a.parquet").crops[0].person == "7"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_what_is_no_ordinary_file_is_refused_unopened(tmp_path):
    """A pipe would be waited for without end."""
    path = tmp_path / "pipe.csv"
    os.mkfifo(path)
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    for odd in (path, "/dev/null"):
        with pytest.raises(ValueError, match="is no data set"):
            read_split(str(odd))
        with pytest.raises(ValueError, match="does not hold the layout of table"):
            read_split(f"table={odd}")
    for odd in (path, tmp_path / "loop.csv"):
        with pytest.raises(ValueError, match="is not an ordinary file"):
            read_crops(odd)
    with pytest.raises(ValueError, match="no such file or folder"):
        read_crops(tmp_path / "gone.tsv")
