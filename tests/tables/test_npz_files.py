"""The border of embeddings files: whatever lies there is read rightly or refused in a sentence."""

import io
import os
import pickle
import stat
import tracemalloc
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from passerby.tables.embeddings import Embeddings, read_in_batches

pytestmark = pytest.mark.hostile

VECTORS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
PERSONS = np.array([7, -1, 0])
GOOD = {"vectors": VECTORS, "persons": PERSONS}


def header(descr, shape, fortran=False, data=b""):
    """A member whose header promises what it likes."""
    text = repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def content(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def archive(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data if isinstance(data, bytes) else content(data))
    return path


def refused(path, *words):
    """Both ways of reading refuse it in words, without taking memory that it merely promises."""
    tracemalloc.start()
    try:
        for read in (Embeddings.load, lambda place: list(read_in_batches(place)[1])):
            with pytest.raises(ValueError, match="is not an embeddings file") as error:
                read(path)
            for word in words:
                assert word in str(error.value)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"vectors": header("<f4", (10**15, 512))}, "promises 2,048,000,000,000,000,000 bytes"),
        ({"vectors": header("<f4", (2**63, 0))}, "persons must be [9223372036854775808]"),
        ({"persons": header("<i8", (3,), data=bytes(16))}, "promises 24 bytes"),
        ({"persons": header("<i8", (3,), data=bytes(32))}, "promises 24 bytes"),
        ({"vectors": header("<f4", (-3, 2), data=bytes(24))}, "cannot have the shape [-3, 2]"),
        ({"vectors": header("<f4", (-3, -2), data=bytes(24))}, "cannot have the shape"),
        ({"vectors": header("|O", (3, 2), data=pickle.dumps([1]))}, "holds objects"),
        ({"vectors": header([("a", "<f4")], (3,), data=bytes(12))}, "records"),
        ({"vectors": VECTORS.astype(complex)}, "vectors must be real numbers, got complex128"),
        ({"vectors": np.array(5.0)}, "it has no column vectors"),
        ({"vectors": VECTORS.astype(np.float64) * 1e60}, "beyond the range of float32"),
        ({"vectors": np.where(VECTORS == 3, np.nan, VECTORS)}, "1 vectors hold NaN or infinite"),
        ({"vectors": np.where(VECTORS == 3, np.inf, VECTORS)}, "the first in row 1"),
        ({"persons": PERSONS.astype(complex)}, "persons must be integers, got complex128"),
        ({"persons": np.array([1, 2, 2**63], np.uint64)}, "is beyond 64-bit integers"),
        ({"persons": PERSONS[:2]}, "persons must be [3] like the vectors, got [2]"),
        ({"persons": PERSONS[:, None]}, "persons must be [3] like the vectors, got [3, 1]"),
        ({"cameras": np.array([1.5, 2, 3])}, "cameras must be integers"),
        ({"images": np.full(3, 0x110000, np.uint32).view("<U1")}, "no characters of Unicode"),
        ({"images": np.full(3, 0xFFFFFFFF, np.uint32).view("<U1")}, "no characters of Unicode"),
        ({"sources": np.array(["a", "b\0c", "d"])}, "sources must not hold the character NUL"),
        ({"sources": header("<U0", (3,))}, "cannot have the shape"),
        ({"images": header("<U40000", (3,), data=bytes(480_000))}, "cannot have the shape"),
        ({"times": np.array([1, 2, 3])}, "times must be times, got int64"),
        ({"times": np.array([2**55] * 3, "M8[s]")}, "times must lie in the years 1 to 9999"),
        ({"qualities": np.array([0.5, 2, 0])}, "qualities must lie between 0 and 1"),
        ({"local": VECTORS}, "local must be [3, S, D]"),
        ({"vectors": b"\x93NUMPY\x03\x00" + bytes(40)}, "npy version (3, 0) are not known"),
        ({"vectors": b""}, ""),
        ({"vectors": header("(" * 5000, (3, 2))}, ""),
        ({"vectors": b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535}, ""),
        ({"model": np.full(1, 0x110000, np.uint32).view("<U1").reshape(())}, ""),
    ],
)
def test_columns_that_promise_or_hold_something_else(columns, words, tmp_path):
    refused(archive(tmp_path / "e.npz", {**GOOD, **columns}), words)


def test_zeros_that_grow_beyond_measure(tmp_path):
    zeros = content(np.zeros((2_000_000, 64), np.float32))  # 512 MB
    path = archive(tmp_path / "e.npz", {**GOOD, "vectors": zeros}, zipfile.ZIP_DEFLATED)
    del zeros
    assert path.stat().st_size < 1_000_000
    refused(path, "would become 512,000", "no columns compress like that")


def test_compressed_files_of_other_tools_are_read(tmp_path):
    np.savez_compressed(
        tmp_path / "e.npz",
        vectors=np.asfortranarray(np.random.default_rng(0).normal(size=(9000, 4)).astype(">f8")),
        persons=np.arange(9000, dtype=">u2"),
        sources=np.full(9000, "market1501"),
    )
    read = Embeddings.load(tmp_path / "e.npz")
    assert read.persons.tolist() == list(range(9000))
    expected = np.random.default_rng(0).normal(size=(9000, 4)).astype(np.float32)
    np.testing.assert_array_equal(read.vectors, expected)
    assert read.vectors.flags.c_contiguous
    assert read.vectors.flags.writeable
    with pytest.raises(ValueError, match="Fortran's order cannot be read in pieces"):
        list(read_in_batches(tmp_path / "e.npz", rows=1000)[1])


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_strange_compressions(compression, tmp_path):
    refused(archive(tmp_path / "e.npz", GOOD, compression), "compressed by a method")


def test_encrypted_members_and_members_that_lie(tmp_path):
    whole = bytearray(archive(tmp_path / "e.npz", GOOD).read_bytes())
    place = whole.find(b"PK\1\2")
    encrypted = bytearray(whole)
    encrypted[place + 8] |= 1
    (tmp_path / "e.npz").write_bytes(encrypted)
    refused(tmp_path / "e.npz", "vectors is encrypted")
    larger = bytearray(whole)
    larger[place + 20 : place + 28] = (2**31).to_bytes(4, "little") * 2  # sizes of the member
    (tmp_path / "e.npz").write_bytes(larger)
    refused(tmp_path / "e.npz")


def test_names_of_members(tmp_path):
    refused(archive(tmp_path / "e.npz", {**GOOD, "../up": PERSONS}), "unknown columns: '../up'")
    many = {f"x{number}": b"" for number in range(2000)}
    refused(archive(tmp_path / "e.npz", many), "its list of members takes")
    with zipfile.ZipFile(tmp_path / "e.npz", "w") as file:
        file.writestr("vectors.npy", content(VECTORS))
        file.writestr("persons.npy", content(PERSONS))
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("persons.npy", content(PERSONS))
    refused(tmp_path / "e.npz", "a column is there twice")


@pytest.mark.parametrize("data", [b"", b"vectors", pickle.dumps(GOOD), content(VECTORS)])
def test_what_is_no_archive(data, tmp_path):
    (tmp_path / "e.npz").write_bytes(data)
    refused(tmp_path / "e.npz", "it is no zip archive, or only the beginning of one")


def test_a_folder_and_a_missing_file(tmp_path):
    refused(tmp_path)
    for read in (Embeddings.load, read_in_batches):
        with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.npz: expected emb"):
            read(tmp_path / "none.npz")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_only_the_owner_reads_what_is_written(tmp_path):
    path = Embeddings(**GOOD).save(tmp_path / "e.npz")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_byte_is_found(tmp_path):
    path = Embeddings(**GOOD, model="abc").save(tmp_path / "e.npz")
    data = bytearray(path.read_bytes())
    data[data.find(VECTORS.tobytes()) + 5] ^= 1
    path.write_bytes(data)
    refused(path)


SHAPES = st.lists(st.integers(-2, 2**70) | st.integers(0, 4), max_size=4).map(tuple)
DESCRIPTIONS = st.sampled_from(
    ["<f4", ">f8", "<f2", "<i8", ">u8", "|b1", "|O", "<c16", "<U3", ">U3", "|S4", "<M8[us]", "<M8",
     "<m8[s]", "|V4", "f4,f4", "", "<U0", "<U99999999", "<M8[999999999999Y]"]
)  # fmt: skip
ARRAYS = st.one_of(
    st.builds(header, DESCRIPTIONS, SHAPES, st.booleans(), st.binary(max_size=64)),
    st.binary(max_size=64).map(lambda data: b"\x93NUMPY\x01\x00" + data),
    st.sampled_from([content(VECTORS), content(PERSONS), content(np.array("abc"))]),
)
NAMES = st.sampled_from(
    ["vectors", "persons", "cameras", "images", "times", "local", "model", "qualities", "frames"]
)


def read_or_refused(data, place):
    place.write_bytes(data)
    with suppress(ValueError):  # of this kind alone, and in a sentence
        read = Embeddings.load(place)
        assert len(read.persons) == len(read.vectors)
        assert np.isfinite(read.vectors).all()


@pytest.fixture(scope="module")
def examples(request):
    """How many inputs are tried: some in every run, many with ``--long``."""
    return 10_000 if request.config.getoption("long") else 150


def test_columns_by_chance_are_read_or_refused(examples, tmp_path):
    @settings(max_examples=examples, deadline=None)
    @given(st.dictionaries(NAMES, ARRAYS, max_size=4), st.booleans())
    def check(members, whole):
        data = {**GOOD, **members} if whole else members
        path = archive(tmp_path / "made.npz", data)
        read_or_refused(path.read_bytes(), tmp_path / "e.npz")

    check()


def test_changed_bytes_are_read_or_refused(examples, tmp_path):
    columns = {
        **GOOD,
        "images": np.array(["a", "ü", "c"]),
        "times": np.array(["NaT"] * 3, "M8[us]"),
    }
    whole = archive(tmp_path / "whole.npz", columns, zipfile.ZIP_DEFLATED).read_bytes()

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.large_base_example]
    )
    @given(
        st.lists(
            st.tuples(st.integers(0, len(whole) - 1), st.binary(min_size=1, max_size=8)), max_size=6
        ),
        st.integers(0, len(whole)),
    )
    def check(changes, end):
        data = bytearray(whole)
        for place, patch in changes:
            data[place : place + len(patch)] = patch
        read_or_refused(bytes(data[: end or None]), tmp_path / "e.npz")

    check()
