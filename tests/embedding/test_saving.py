"""`passerby embed`: the same file by one process or two, killed or not."""

from __future__ import annotations

import csv
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from passerby.data.crops import Labels, content_id, read_crops
from passerby.embedding import saving
from passerby.embedding.embedder import load
from passerby.embedding.saving import embed_to_file
from passerby.tables.embeddings import Embeddings, read_in_batches

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def embedder(small_model):
    opened = load(small_model, device="cpu")
    opened.batch_size = 2  # many parts of few images
    return opened


def test_the_vectors_are_those_of_the_embedder(crops, embedder, tmp_path, steps):
    found = read_crops(crops)
    saved = embed_to_file(embedder, found.crops, tmp_path / "e")
    assert (saved.path, saved.count, saved.report) == (tmp_path / "e.npz", 10, None)
    stored = Embeddings.load(saved.path)
    files = [crop.image for crop in found.crops]
    np.testing.assert_allclose(stored.vectors, embedder(files), atol=1e-5)
    assert stored.images.tolist() == files
    assert stored.hashes.tolist() == [content_id(Path(file).read_bytes()) for file in files]
    assert stored.persons.tolist() == [n // 2 + 1 for n in range(10)]
    assert stored.cameras.tolist() == [n % 2 + 1 for n in range(10)]
    assert stored.frames.tolist() == list(range(10))
    assert stored.named_persons.tolist()[0] == "crops/1"
    assert (stored.model, stored.pooling) == (embedder.fingerprint, "plain")
    assert stored.times is None
    assert steps[-1] == (10, 10)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["crops", "e.npz"]


def test_records_and_crops_embed_alike(tiny, tiny_root, embedder, tmp_path):
    """What evaluate reads of the file is what it computes itself."""
    crops = read_crops(f"{tiny_root}", Labels(part="gallery")).crops
    stored = Embeddings.load(embed_to_file(embedder, crops, tmp_path / "g.npz").path)
    direct = embedder.embed(tiny.gallery).embeddings
    order, other = np.argsort(stored.images), np.argsort(direct.images)
    np.testing.assert_allclose(stored.vectors[order], direct.vectors[other], atol=1e-5)
    for name in ("persons", "cameras", "sources"):
        np.testing.assert_array_equal(
            getattr(stored, name)[order], getattr(direct, name)[other], name
        )


def test_what_cannot_be_read_is_named_and_left_out(crops, embedder, tmp_path):
    files = sorted(crops.iterdir())
    files[4].write_bytes(files[4].read_bytes()[:300])
    bmp = struct.pack("<2sIIIIiiHH24x", b"BM", 54, 0, 54, 40, 60_000, 60_000, 1, 24)
    (crops / "0009_c1s1_000001_01.bmp").write_bytes(bmp)
    saved = embed_to_file(embedder, read_crops(crops).crops, tmp_path / "e.npz")
    assert (saved.count, saved.set_aside) == (9, 2)
    assert saved.report == tmp_path / "e.unreadable.csv"
    with saved.report.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} == {
        str(files[4]), str(crops / "0009_c1s1_000001_01.bmp"),
    }  # fmt: skip
    assert all(row["reason"] for row in rows)
    files[4].unlink()
    (crops / "0009_c1s1_000001_01.bmp").unlink()
    assert embed_to_file(embedder, read_crops(crops).crops, tmp_path / "e.npz").report is None
    assert not saved.report.exists()  # an old report is not left beside a new file


def test_when_none_can_be_read(tmp_path, embedder):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"none of 1 image can be read; the first: .*a\.jpg"):
        embed_to_file(embedder, read_crops(tmp_path).crops, tmp_path / "e.npz")
    assert not (tmp_path / "e.npz").exists()
    assert not (tmp_path / "e.npz.parts").exists()


def test_it_goes_on_with_the_parts_that_are_missing(crops, embedder, tmp_path, monkeypatch):
    found = read_crops(crops).crops
    expected = embed_to_file(embedder, found, tmp_path / "whole.npz").path.read_bytes()
    calls, of_inputs = [], embedder.of_inputs

    def failing(images, cameras=None):
        calls.append(len(images))
        if len(calls) == 4:
            raise RuntimeError("killed")
        return of_inputs(images, cameras)

    monkeypatch.setattr(embedder, "of_inputs", failing)
    with pytest.raises(RuntimeError, match="killed"):
        embed_to_file(embedder, found, tmp_path / "cut.npz")
    with pytest.raises(ValueError, match=r"parts of other work \(other images, count\)"):
        embed_to_file(embedder, found[:-1], tmp_path / "cut.npz")
    saved = embed_to_file(embedder, found, tmp_path / "cut.npz")
    assert len(calls) == 4 + 2  # three of five batches were kept
    assert saved.path.read_bytes() == expected


def test_names_and_times_of_a_table(tmp_path, draw_crop, embedder):
    for number in range(3):
        draw_crop(tmp_path / f"{number}.jpg", number)
    text = "image,person,camera,time\n0.jpg,anna,lobby,2026-05-01T08:00:00Z\n1.jpg,bert,hall,\n"
    (tmp_path / "t.csv").write_text(text + "2.jpg,,hall,\n", encoding="utf-8")
    crops = read_crops(tmp_path / "t.csv").crops
    stored = Embeddings.load(embed_to_file(embedder, crops, tmp_path / "e.npz").path)
    assert stored.named_persons.tolist() == ["anna", "bert", ""]
    assert stored.persons[2] == -1
    lobby, hall = stored.cameras[:2]
    assert stored.cameras.tolist() == [lobby, hall, hall]
    assert lobby != hall
    assert stored.times[0] == np.datetime64("2026-05-01T08:00")
    assert np.isnat(stored.times[1:]).all()


def test_names_have_the_same_numbers_in_files_made_apart(tmp_path, draw_crop, embedder):
    """Or query and gallery, embedded apart, would match strangers."""
    rows = {"query": ["bert,hall,0"], "gallery": ["anna,door,1", "bert,hall,2", "7,cam3,3"]}
    for number in range(4):
        draw_crop(tmp_path / f"{number}.jpg", number)
    made = {}
    for part, listed in rows.items():
        text = "\n".join(["person,camera,image", *(f"{row}.jpg" for row in listed)])
        (tmp_path / f"{part}.csv").write_text(text, encoding="utf-8")
        crops = read_crops(tmp_path / f"{part}.csv").crops
        made[part] = Embeddings.load(embed_to_file(embedder, crops, tmp_path / part).path)
    assert made["query"].persons[0] == made["gallery"].persons[1] != made["gallery"].persons[0]
    assert made["query"].cameras[0] == made["gallery"].cameras[1] != made["gallery"].cameras[0]
    assert (made["gallery"].persons[2], made["gallery"].cameras[2]) == (7, 3)


def test_a_file_is_read_in_batches(crops, embedder, tmp_path):
    path = embed_to_file(embedder, read_crops(crops).crops, tmp_path / "e.npz").path
    whole = Embeddings.load(path)
    count, batches = read_in_batches(path, rows=4)
    parts = list(batches)
    assert (count, [len(part) for part in parts]) == (10, [4, 4, 2])
    np.testing.assert_array_equal(np.concatenate([part.vectors for part in parts]), whole.vectors)
    assert [image for part in parts for image in part.images] == whole.images.tolist()
    assert parts[2].model == whole.model
    damaged = bytearray(path.read_bytes())
    damaged[2000] ^= 1
    (tmp_path / "damaged.npz").write_bytes(damaged)
    with pytest.raises(ValueError, match="is not an embeddings file"):
        list(read_in_batches(tmp_path / "damaged.npz")[1])
    (tmp_path / "text.npz").write_text("no")
    with pytest.raises(ValueError, match="is not an embeddings file"):
        read_in_batches(tmp_path / "text.npz")


def test_another_call_at_work_is_noticed(crops, embedder, tmp_path):
    (tmp_path / "e.npz.parts").mkdir()
    with (
        saving._locked(tmp_path / "e.npz.parts"),
        pytest.raises(ValueError, match="another process is at work"),
    ):
        embed_to_file(embedder, read_crops(crops).crops, tmp_path / "e.npz")


def command(*arguments: object, processes: int = 1) -> list[str]:
    shared = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    shared += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    start = [*(shared if processes > 1 else []), "-m", "passerby", "embed"]
    return [sys.executable, *start, *map(str, arguments), "--device", "cpu"]


@pytest.fixture(scope="module")
def many(tmp_path_factory, draw_crop):
    folder = tmp_path_factory.mktemp("many")
    for number in range(300):
        draw_crop(folder / "crops" / f"{number}.jpg", number)
    (folder / "crops" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    return folder / "crops"


def test_two_processes_write_what_one_writes(many, small_model, tmp_path):
    for count in (1, 2):
        given = command(many, "--model", small_model, "--out", tmp_path / f"{count}.npz",
                        "--flip", processes=count)  # fmt: skip
        done = subprocess.run(
            given, env=ENVIRONMENT, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.count("300 embeddings") == 1  # one process speaks
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    assert Embeddings.load(tmp_path / "2.npz").pooling == "flip"
    assert (tmp_path / "2.unreadable.csv").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_command_goes_on(many, small_model, tmp_path):
    given = command(many, "--model", small_model, "--out", tmp_path / "e.npz")
    with subprocess.Popen(given, env=ENVIRONMENT, stdout=subprocess.DEVNULL) as process:
        parts = tmp_path / "e.npz.parts"
        while process.poll() is None and not any(parts.glob("part-*.npz")):
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    kept = {path.name: path.stat().st_mtime_ns for path in parts.glob("part-*.npz")}
    assert kept
    assert not (tmp_path / "e.npz").exists()
    subprocess.run(given, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    stored = Embeddings.load(tmp_path / "e.npz")
    assert len(stored) == 300
    assert len({*stored.hashes.tolist()}) == 300
    assert not parts.exists()


def test_the_command_takes_several_inputs(
    crops, small_model, tiny_root, tmp_path, passerby_command
):
    files = sorted(crops.iterdir())
    given = ("--model", small_model, "--out", tmp_path / "e.npz", "--device", "cpu")
    done = passerby_command("embed", files[0], files[1], f"synthetic={tiny_root}", *given)
    assert done.code == 0, done.err
    stored = Embeddings.load(tmp_path / "e.npz")
    assert len(stored) > 2
    assert stored.images[:2].tolist() == [str(file) for file in files[:2]]
    assert stored.persons[:2].tolist() == [-1, -1]  # nobody known
    assert stored.cameras is None  # not all are known, and evaluations need all or none
    assert stored.named_cameras[:3].tolist() == ["", "", "1"]
    for wrong, message in (
        (("embed", tmp_path / "e.npz", *given), "passerby gallery add takes it"),
        (("embed", tmp_path / "nowhere", *given), "no such file or folder"),
        (("embed", crops, "--zone", "Nowhere", *given), "no time zone is named"),
    ):
        done = passerby_command(*wrong)
        assert done.code == 2
        assert message in done.err
