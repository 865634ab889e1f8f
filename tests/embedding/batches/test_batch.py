"""`EmbedBatch`: a row out for each row in, on any engine, by one model a process."""

import pickle
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from passerby.data.crops import content_id
from passerby.embedding.batches import EmbedBatch
from passerby.embedding.batches.batch import _opened
from passerby.tables.parts.schema import vector_schema


@pytest.fixture
def embed(small_model):
    return EmbedBatch(str(small_model), device="cpu", batch_size=4)


def test_a_row_out_for_each_row_in(crops, embed):
    files = sorted(map(str, crops.iterdir()))
    (crops / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    paths = [*files[:3], str(crops / "broken.jpg"), None, "gone.jpg", *files[3:5]]
    made = embed(pa.table({"image": paths, "row": range(8), "own": ["x"] * 8}))
    assert made.schema == vector_schema(embed.embedder.dimensions)
    assert made["row"].to_pylist() == [*range(8)]
    assert made["image"].to_pylist() == paths
    lacking = [vector is None for vector in made["vector"].to_pylist()]
    assert lacking == [False, False, False, True, True, True, False, False]
    reasons = made["unreadable"].to_pylist()
    assert [reason is not None for reason in reasons] == lacking
    assert reasons[4:6] == ["no image is named", "No such file or directory"]
    vectors = np.array([v for v in made["vector"].to_pylist() if v is not None], np.float32)
    np.testing.assert_allclose(vectors, embed.embedder(files[:5]), atol=1e-5)
    ids = made["id"].to_pylist()
    assert ids[0] == content_id((crops / files[0]).read_bytes())
    assert [one is None for one in ids] == lacking
    assert {*made["fingerprint"].to_pylist()} == {embed.embedder.fingerprint}


def test_what_is_known_is_carried_over(crops, embed):
    file, time = str(min(crops.iterdir())), datetime(2026, 5, 1, 8, tzinfo=UTC)
    known = {"camera": ["door"], "time": [time], "tracklet": [7], "person_number": [3]}
    (row,) = embed(pa.table({"image": [file], **known})).to_pylist()
    assert (row["camera"], row["time"], row["tracklet"]) == ("door", time, 7)
    assert (row["person_number"], row["camera_number"], row["until"]) == (3, None, None)


def test_bytes_that_an_engine_has_read(crops, embed):
    """Where the images lie on no disk that the workers see."""
    files = sorted(map(str, crops.iterdir()))
    contents = [(crops / file).read_bytes() for file in files[:2]]
    table = pa.record_batch({"image": ["s3://a", "s3://b", None], "content": [*contents, b""]})
    made = embed(table)
    same = embed(pa.table({"image": [*files[:2], None]}))
    assert made["vector"][:2] == same["vector"][:2]
    assert made["id"][:2] == same["id"][:2]
    assert made["unreadable"].to_pylist() == [None, None, "there is no content"]


def test_no_row_is_no_row(embed):
    made = embed(pa.table({"image": pa.array([], pa.string())}))
    assert (made.num_rows, made.schema) == (0, vector_schema(embed.embedder.dimensions))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"image": ["a.jpg"]}, r'expected a pyarrow Table .* got dict: .*batch_format="pyarrow"'),
        (pa.table({"path": ["a"]}), "expected a column image with paths, got path"),
        (
            pa.table({"image": ["a"], "tracklet": ["x"]}),
            "column tracklet must be int64, got string",
        ),
        (
            pa.table({"image": ["a"], "time": pa.array([datetime(2026, 5, 1)])}),
            "column time has no zone",
        ),
    ],
)
def test_other_tables_are_refused(given, message, embed):
    with pytest.raises(ValueError, match=message):
        embed(given)


def test_it_is_pickled_without_the_model_which_is_opened_once(crops, embed):
    assert embed.embedder.dimensions > 0
    sent = pickle.dumps(embed)
    assert len(sent) < 1000
    again = pickle.loads(sent)
    assert again == embed
    assert again.embedder is embed.embedder
    assert _opened.cache_info().maxsize == 1


def test_making_one_opens_nothing():
    """On the machine that only sends it, torch is loaded and no model."""
    code = (
        "from passerby.embedding.batches import EmbedBatch; e = EmbedBatch('nowhere'); "
        "from passerby.embedding.batches.batch import _opened; print(_opened.cache_info().misses)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
    with pytest.raises(ValueError, match="nowhere"):
        EmbedBatch("nowhere")(pa.table({"image": ["a.jpg"]}))
