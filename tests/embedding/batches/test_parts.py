"""Folders of parts: the same by one process, by several, killed or not."""

from __future__ import annotations

import csv
import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from passerby.data.crops import read_crops
from passerby.embedding.batches import EmbedBatch, EmbedParts
from passerby.embedding.batches.parts import embed_to_parts
from passerby.embedding.embedder import load
from passerby.embedding.saving import embed_to_file
from passerby.tables.embeddings import Embeddings
from passerby.tables.parts.folder import read_manifest

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def embedder(small_model):
    return load(small_model, device="cpu", batch_size=2)  # many parts of few images


def same(one: Embeddings, other: Embeddings) -> None:
    """Every column, to the last bit."""
    names = [name for name in Embeddings.__annotations__ if name not in ("model", "pooling")]
    for name in names:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    assert (one.model, one.pooling) == (other.model, other.pooling)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.*") if path.is_file()}


def test_they_hold_what_the_file_holds(crops, embedder, tmp_path, steps):
    (crops / "0009_c1s1_000001_01.jpg").write_bytes(b"\xff\xd8\xff")
    found = read_crops(crops).crops
    saved = embed_to_parts(embedder, found, tmp_path / "p")
    assert (saved.parts, saved.count, saved.set_aside) == (6, 10, 1)
    assert "10 embeddings of 512 numbers in 6 parts" in str(saved)
    assert steps[-1] == (6, 6)
    same(
        Embeddings.load(tmp_path / "p"),
        Embeddings.load(embed_to_file(embedder, found, tmp_path / "e.npz").path),
    )
    assert saved.report is not None
    with saved.report.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["image"].endswith("0009_c1s1_000001_01.jpg")
    assert row["reason"]


def test_other_programs_read_them(crops, embedder, tmp_path):
    """As one table, by the names that Spark, DuckDB and Arrow pass over or take."""
    from pyarrow import dataset

    (crops / "broken.jpg").write_bytes(b"x")
    saved = embed_to_parts(embedder, read_crops(crops).crops, tmp_path / "p")
    table = dataset.dataset(saved.path, format="parquet").to_table()
    assert sorted(table["row"].to_pylist()) == [*range(11)]
    assert table["vector"].type == pa.list_(pa.float32(), 512)
    assert table["vector"].null_count == 1
    if os.name != "nt":
        assert {stat.S_IMODE(p.stat().st_mode) for p in saved.path.glob("*.parquet")} == {0o600}


def test_it_goes_on_with_the_parts_that_are_missing(crops, embedder, tmp_path):
    found = read_crops(crops).crops
    embed_to_parts(embedder, found, tmp_path / "p")
    expected = contents(tmp_path / "p")
    (tmp_path / "p" / "part-000001.parquet").unlink()
    (tmp_path / "p" / "part-000002.parquet").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"part-000001\.parquet, which the manifest names"):
        Embeddings.load(tmp_path / "p")
    before = (tmp_path / "p" / "part-000003.parquet").stat().st_mtime_ns
    embed_to_parts(embedder, found, tmp_path / "p")
    assert contents(tmp_path / "p") == expected
    assert (tmp_path / "p" / "part-000003.parquet").stat().st_mtime_ns == before


def test_other_work_is_refused(crops, embedder, make_model, tmp_path):
    found = read_crops(crops).crops
    embed_to_parts(embedder, found, tmp_path / "p")
    with pytest.raises(ValueError, match=r"parts of other work \(other count, images\)"):
        embed_to_parts(embedder, found[:-1], tmp_path / "p")
    other = load(make_model(1), device="cpu")
    with pytest.raises(ValueError, match=r"parts of other work \(other model\)"):
        embed_to_parts(other, found, tmp_path / "p")
    with pytest.raises(ValueError, match="holds other things"):
        embed_to_parts(embedder, found, crops)
    with pytest.raises(ValueError, match="no image to embed"):
        embed_to_parts(embedder, [], tmp_path / "q")


def test_a_worker_with_another_model_is_refused(crops, small_model, make_model, tmp_path):
    work = EmbedParts(tmp_path / "p", EmbedBatch(str(small_model), device="cpu"))
    work.plan(read_crops(crops).crops)
    stranger = EmbedParts(tmp_path / "p", EmbedBatch(str(make_model(1)), device="cpu"))
    with pytest.raises(ValueError, match="is planned for another model"):
        stranger.make(0)
    mirrored = EmbedParts(tmp_path / "p", EmbedBatch(str(small_model), device="cpu", flip=True))
    with pytest.raises(
        ValueError, match=r"another pooling \(plain\) than this worker has \(flip\)"
    ):
        mirrored.make(0)
    with pytest.raises(ValueError, match="no part 7: they have the numbers 0 to 0"):
        work.make(7)


def test_workers_in_any_order_twice_or_late(crops, small_model, tmp_path):
    found = read_crops(crops).crops
    embed = EmbedBatch(str(small_model), device="cpu", batch_size=2)
    embed_to_parts(embed.embedder, found, tmp_path / "whole")
    work = pickle.loads(pickle.dumps(EmbedParts(tmp_path / "p", embed)))
    assert work.plan(found).parts == 5
    with pytest.raises(ValueError, match="is not finished: run the same passerby embed again"):
        Embeddings.load(tmp_path / "p")
    done = work(pa.table({"part": [4, 1, 4]}))
    assert done.to_pylist()[0] == {"part": 4, "rows": 2, "vectors": 2}
    with pytest.raises(ValueError, match=r"3 of 5 parts .* are missing, the first is 0"):
        work.finish()
    (batch,) = work.each([pa.record_batch({"part": work.missing()})])
    assert batch["part"].to_pylist() == [0, 2, 3]
    assert work.missing() == []
    # What a worker leaves that was killed while it wrote is no part.
    (tmp_path / "p" / "part-000001.parquet.0a1b2c3d.part").write_bytes(b"half")
    work.finish()
    assert contents(tmp_path / "p") == contents(tmp_path / "whole")


def test_a_kill_before_the_plan_was_there(crops, small_model, tmp_path):
    """The list of images alone is no plan, and no other thing."""
    work = EmbedParts(tmp_path / "p", EmbedBatch(str(small_model), device="cpu"))
    work.plan(read_crops(crops).crops)
    (tmp_path / "p" / "_plan" / "plan.json").unlink()
    assert work.plan(read_crops(crops).crops).parts == 1


def test_when_none_can_be_read(tmp_path, embedder):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    crops = read_crops(tmp_path / "a.jpg").crops
    with pytest.raises(ValueError, match=r"none of 1 image can be read; the first: .*a\.jpg"):
        embed_to_parts(embedder, crops, tmp_path / "p")
    assert not (tmp_path / "p" / "_manifest.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_no_text(tmp_path, draw_crop, embedder):
    draw_crop(tmp_path / "c" / "a.jpg", 0)
    broken = os.fsdecode(bytes(tmp_path / "c") + b"/\xff.jpg")
    os.rename(draw_crop(tmp_path / "c" / "b.jpg", 1), broken)
    saved = embed_to_parts(embedder, read_crops(tmp_path / "c").crops, tmp_path / "p")
    assert (saved.count, saved.set_aside) == (1, 1)


def command(*arguments: object, processes: int = 1) -> list[str]:
    shared = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    shared += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    start = [*(shared if processes > 1 else []), "-m", "passerby", "embed", "--parts"]
    return [sys.executable, *start, *map(str, arguments), "--device", "cpu"]


@pytest.fixture(scope="module")
def many(tmp_path_factory, draw_crop):
    folder = tmp_path_factory.mktemp("many")
    for number in range(300):
        draw_crop(folder / "crops" / f"{number}.jpg", number)
    (folder / "crops" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    return folder / "crops"


@pytest.fixture(scope="module")
def whole(many, make_model, tmp_path_factory):
    """By one process, and the model."""
    model = make_model(0)
    folder = tmp_path_factory.mktemp("whole") / "p"
    return embed_to_parts(load(model, device="cpu"), read_crops(many).crops, folder).path, model


@pytest.mark.parametrize("processes", [2, pytest.param(4, marks=pytest.mark.long)])
def test_processes_of_torchrun_write_what_one_writes(many, whole, processes, tmp_path):
    expected, model = whole
    given = command(many, "--model", model, "--out", tmp_path / "p", processes=processes)
    done = subprocess.run(
        given, env=ENVIRONMENT, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("300 embeddings") == 1  # one process speaks
    assert contents(tmp_path / "p") == contents(expected)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_command_goes_on(many, whole, tmp_path):
    expected, model = whole
    given = command(many, "--model", model, "--out", tmp_path / "p")
    with subprocess.Popen(given, env=ENVIRONMENT, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not any(tmp_path.glob("p/part-*.parquet")):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "p" / "_manifest.json").exists()
    subprocess.run(given, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    assert contents(tmp_path / "p") == contents(expected)
    rows = [
        row
        for path in sorted((tmp_path / "p").glob("part-*.parquet"))
        for row in parquet.read_table(path, columns=["row"])["row"].to_pylist()
    ]
    assert rows == [*range(301)]


def test_the_command(crops, small_model, tmp_path, passerby_command):
    given = ("embed", crops, "--model", small_model, "--device", "cpu", "--parts", "--out")
    done = passerby_command(*given, tmp_path / "p")
    assert done.code == 0, done.err
    assert "10 embeddings of 512 numbers in 1 part" in done.out
    manifest = json.loads((tmp_path / "p" / "_manifest.json").read_text())
    assert manifest["format"] == 1
    assert read_manifest(tmp_path / "p").count == 10
    assert passerby_command(*given, tmp_path / "p").code == 0  # there is nothing left to do
    for wrong in ((tmp_path / "e.npz",), (tmp_path / "q", "--cameras")):
        done = passerby_command(*given, *wrong)
        assert done.code == 2
        assert "--parts writes a folder, without --cameras" in done.err
