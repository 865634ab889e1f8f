"""The border of folders of parts: what lies there is read rightly, or refused in a sentence."""

import hashlib
import json
import mmap
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from passerby.assessment.score import score_files
from passerby.tables.embeddings import Embeddings, read_in_batches
from passerby.tables.parts.folder import Manifest, part_file, read_manifest, write_manifest
from passerby.tables.parts.part_files import write_part
from passerby.tables.parts.reading import load_to_score, map_parts
from passerby.tables.parts.schema import HELD, to_arrow, vector_schema, vectors_to_arrow

MORNING = np.datetime64("2026-05-01T08:00", "us")
RANDOM = np.random.default_rng(0)


def embeddings(count, persons=40):
    """With every column, and gaps in those that may have some."""
    rows = np.arange(count)
    return Embeddings(
        RANDOM.standard_normal((count, 8), np.float32),
        rows % persons - 1,
        rows % 3,
        images=[f"{row}.jpg" for row in rows],
        times=np.where(rows % 4, MORNING + rows, np.datetime64("NaT")),
        tracklets=rows % 5 - 1,
        sources=["a"] * count,
        hashes=[f"{row:032x}" for row in rows],
        frames=rows,
        qualities=np.where(rows % 2, 0.5, np.nan),
        named_persons=[f"p{row % persons - 1}" if row % persons else "" for row in rows],
        named_cameras=[f"c{row % 3}" for row in rows],
        untils=np.full(count, np.datetime64("2026-05-02", "us")),
        model="0123456789abcdef",
        pooling="flip",
    )  # fmt: skip


def written(folder: Path, stored: Embeddings, size: int, lost: tuple[int, ...] = ()) -> Path:
    """A folder of parts of some size; the images ``lost`` could not be read."""
    parts = []
    schema = vector_schema(stored.vectors.shape[1])
    for number, start in enumerate(range(0, len(stored), size)):
        part = stored[start : start + size]
        rows = np.arange(start, start + len(part))
        readable = ~np.isin(rows, lost)
        known = {name: to_arrow(name, getattr(part, column.name)) for name, column in HELD.items()}
        made = {
            "row": pa.array(rows),
            **known,
            "vector": vectors_to_arrow(part.vectors, readable),
            "unreadable": pa.array([None if good else "torn" for good in readable], pa.string()),
            "fingerprint": pa.array([stored.model] * len(part)),
        }
        table = pa.table([made[name] for name in schema.names], schema=schema)
        parts.append(write_part(part_file(folder, number), table, stored.model, stored.pooling))
    write_manifest(folder, Manifest(stored.model, stored.pooling, 8, tuple(parts)))
    return folder


def same(one: Embeddings, other: Embeddings) -> None:
    for name in ("vectors", *(column.name for column in HELD.values())):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    assert (one.model, one.pooling) == (other.model, other.pooling)


@pytest.mark.parametrize("size", [7, 50])
def test_every_column_comes_back(tmp_path, size):
    stored = embeddings(50)
    folder = written(tmp_path, stored, size, lost=(3, 14, 15))
    expected = stored[~np.isin(np.arange(50), (3, 14, 15))]
    same(Embeddings.load(folder), expected)
    count, batches = read_in_batches(folder)
    parts = list(batches)
    assert (count, len(parts)) == (47, -(-50 // size))
    assert sum(map(len, parts)) == 47
    first = np.setdiff1d(np.arange(size), (3, 14, 15))
    same(parts[0], stored[first])


def test_what_is_not_known_is_no_column(tmp_path):
    bare = Embeddings(np.eye(3, 8), [1, 2, 3], model="m", pooling="plain")
    whole = replace_absent(bare)
    back = Embeddings.load(written(tmp_path, whole, 2))
    assert [getattr(back, column.name) is None for column in HELD.values()].count(False) == 1
    assert back.persons.tolist() == [1, 2, 3]


def replace_absent(bare):
    columns = {column.name: column.absent(len(bare)) for column in HELD.values()}
    columns["persons"] = bare.persons
    return Embeddings(bare.vectors, **columns, model=bare.model, pooling=bare.pooling)


def test_a_part_whose_images_are_all_torn(tmp_path):
    stored = embeddings(6)
    folder = written(tmp_path, stored, 2, lost=(2, 3))
    assert Embeddings.load(folder).frames.tolist() == [0, 1, 4, 5]
    assert [len(part) for part in read_in_batches(folder)[1]] == [2, 0, 2]


def test_scores_are_those_of_the_file(tmp_path):
    """To the last bit, with the vectors on the disk, and nothing left beside the parts."""
    gallery, query = embeddings(2500), embeddings(40)
    gallery.save(tmp_path / "g.npz")
    query.save(tmp_path / "q.npz")
    folder = written(tmp_path / "g", gallery, 300)
    asked = written(tmp_path / "q", query, 300)
    expected = score_files(str(tmp_path / "q.npz"), str(tmp_path / "g.npz"))
    made = score_files(str(asked), str(folder))
    np.testing.assert_array_equal(made.average_precisions, expected.average_precisions)
    assert made.to_text() == expected.to_text()
    names = {path.name for path in folder.iterdir()}
    assert names == {"_manifest.json", *(part_file(folder, n).name for n in range(9))}


def test_vectors_lie_on_the_disk_and_names_are_left_out(tmp_path):
    folder = written(tmp_path, embeddings(10), 5)
    mapped = load_to_score(folder)
    assert is_mapped(mapped.vectors)
    assert (mapped.images, mapped.hashes) == (None, None)
    assert map_parts(folder).images is not None
    before = (tmp_path / "part-000000.parquet").read_bytes()
    mapped.vectors[:] = 0  # one's own copy: what is written there reaches no file
    assert (tmp_path / "part-000000.parquet").read_bytes() == before


def is_mapped(array):
    while array is not None and not isinstance(array, mmap.mmap):
        array = getattr(array, "base", None)
    return array is not None


def refused(folder, message):
    """Both ways of reading refuse it."""
    for read in (Embeddings.load, lambda place: list(read_in_batches(place)[1])):
        with pytest.raises(ValueError, match=r".") as error:
            read(folder)
        assert re.search(message, str(error.value))


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "written by a newer Passerby"),
        ({"format": None}, "it states no format"),
        ({"dimensions": 0}, "counts cannot be"),
        ({"dimensions": 9}, "other columns than the layout has: vector"),
        ({"model": "fedcba9876543210"}, "is of another model"),
        ({"pooling": "plain"}, "is of another pooling"),
        ({"name": "../../etc"}, "unknown field 'name'"),
        ({"parts": [{"rows": 1, "vectors": 2, "bytes": 1, "sha256": ""}]}, "counts cannot be"),
        ({"parts": [{"file": "../x"}]}, "unknown field 'file'"),
        ({"parts": 7}, "parts must be a list"),
    ],
)
def test_a_manifest_from_elsewhere(tmp_path, change, message):
    written(tmp_path, embeddings(4), 2)
    file = tmp_path / "_manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    refused(tmp_path, message)


@pytest.mark.hostile
def test_a_changed_part_is_refused_before_it_is_read(tmp_path):
    folder = written(tmp_path, embeddings(4), 2)
    path = part_file(folder, 1)
    data = bytearray(path.read_bytes())
    for place in (4, len(data) // 2, len(data) - 5):
        data[place] ^= 1
        path.write_bytes(data)
        refused(folder, "is not the file that the manifest names: it was changed or damaged")
        data[place] ^= 1
    path.write_bytes(data[:-1])
    refused(folder, "has another size than the manifest says")


def forged(folder, table, said=None, **numbers):
    """The only part replaced by another file, of which the manifest tells the truth or not."""
    stored = read_manifest(folder)
    path = part_file(folder, 0)
    if said is None:
        part = write_part(path, table, stored.model, stored.pooling)
    else:
        parquet.write_table(table.replace_schema_metadata(said), path)
        data = path.read_bytes()
        part = replace(stored.parts[0], bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    write_manifest(folder, replace(stored, parts=(replace(part, **numbers),)))
    return folder


@pytest.mark.hostile
def test_a_part_that_a_stranger_wrote(tmp_path):
    folder = written(tmp_path, embeddings(4), 4)
    good = parquet.read_table(part_file(folder, 0))
    refused(forged(folder, good, {}), "does not say that Passerby wrote it")
    refused(forged(folder, good, {"passerby": "[" * 1000}), "is not a part of embeddings")
    refused(forged(folder, good, {"passerby": '{"format": 1}'}), "how many vectors it holds")
    refused(forged(folder, good, {"passerby": '{"format": 2}'}), "written by a newer Passerby")
    refused(forged(folder, good, rows=5), "4 rows, expected 5")
    refused(forged(folder, good, vectors=3), "does not hold the 3 vectors")
    lacking = good.drop_columns(["row"])
    refused(forged(folder, lacking), "other columns than the layout has: row")
    objects = good.append_column("code", pa.array([b"x"] * 4))
    refused(forged(folder, objects), "other columns than the layout has: code")
    strange = good.set_column(
        good.schema.get_field_index("fingerprint"), "fingerprint", pa.array(["other"] * 4)
    )
    refused(forged(folder, strange), "holds vectors of another model")
    endless = good.set_column(
        good.schema.get_field_index("vector"),
        good.schema.field("vector"),
        vectors_to_arrow(np.full((4, 8), np.inf, np.float32), np.ones(4, bool)),
    )
    refused(forged(folder, endless), "4 vectors of a part hold NaN or infinite values")
    far = good.set_column(
        good.schema.get_field_index("quality"), "quality", pa.array([7.0] * 4, pa.float32())
    )
    refused(forged(folder, far), "qualities must lie between 0 and 1")


@pytest.mark.hostile
def test_a_folder_that_is_none_or_unfinished(tmp_path):
    (tmp_path / "_plan").mkdir()
    (tmp_path / "_plan" / "plan.json").write_text("{}")
    refused(tmp_path, "is not finished: run the same passerby embed again")
    with pytest.raises(ValueError, match="holds no parts"):
        read_manifest(tmp_path / "nowhere")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes in folders")
@pytest.mark.hostile
def test_a_pipe_in_place_of_a_part(tmp_path):
    folder = written(tmp_path, embeddings(4), 4)
    part_file(folder, 0).unlink()
    os.mkfifo(part_file(folder, 0))
    refused(folder, "another size than the manifest says")


def test_the_schema_is_that_of_version_1():
    """What others have on their disks: a change of it is a new version."""
    described = {field.name: str(field.type) for field in vector_schema(4)}
    assert described == {
        "row": "int64",
        "id": "string",
        "image": "string",
        "person": "string",
        "person_number": "int64",
        "camera": "string",
        "camera_number": "int64",
        "source": "string",
        "time": "timestamp[us, tz=UTC]",
        "until": "timestamp[us, tz=UTC]",
        "frame": "int64",
        "tracklet": "int64",
        "quality": "float",
        "vector": "fixed_size_list<item: float>[4]",
        "unreadable": "string",
        "fingerprint": "string",
    }
