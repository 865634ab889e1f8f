"""A gallery in a folder: what is forgotten is gone, and no fault loses what was acknowledged."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import lancedb
import numpy as np
import pytest
from filelock import FileLock

from passerby.data.crops import Labels
from passerby.gallery.enrol.adding import Inputs, add
from passerby.process.whole_files import DiskFull
from passerby.stores.about import About
from passerby.stores.engines.lancedb import folder as gallery_folder
from passerby.stores.engines.lancedb import index, maintenance
from passerby.stores.engines.lancedb.rows import LATER, to_arrow
from passerby.stores.engines.lancedb.store import LanceStore
from passerby.stores.engines.lancedb.table_state import TableState
from passerby.stores.opening import create_store, open_store
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings, with_columns

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = Path(__file__).with_name("lance_processes.py")
PATIENCE = 120

_spec = importlib.util.spec_from_file_location("lance_processes", PROCESSES)
assert _spec is not None
assert _spec.loader is not None
_processes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_processes)
numbered = _processes.numbered

Make = Callable[..., Sightings]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "gallery"


@pytest.fixture
def store(folder: Path, about: About) -> LanceStore:
    return LanceStore.create(str(folder), about)


@pytest.fixture
def older(folder: Path, about: About, sightings: Make) -> Sightings:
    """A gallery as it was made before galleries kept passages; what it holds."""
    given = plain(sightings(300))
    rows = to_arrow(given)
    rows = rows.select([name for name in rows.schema.names if name not in LATER])
    folder.mkdir()
    lancedb.connect(folder).create_table("sightings-1", rows)
    TableState("sightings-1").write(folder)
    (folder / "about.json").write_text(about.to_json(), "utf-8")
    return given


def plain(given: Sightings) -> Sightings:
    """The same without what makes passages."""
    return with_columns(given, untils=None, coherences=None, looks=None, pictures=None)


def test_an_older_gallery_gets_the_columns_of_passages(older, folder, sightings):
    before = {path.name: path.read_bytes() for path in folder.rglob("data/*.lance")}
    store = LanceStore.open(str(folder))
    after = {path.name: path.read_bytes() for path in folder.rglob("data/*.lance")}
    assert after == before  # only its description is new
    read = Sightings.joined([*store.read(with_thumbnails=True)])
    read = read[np.argsort(read.ids)]
    np.testing.assert_array_equal(read.ids, older.ids)
    np.testing.assert_array_equal(read.vectors, older.vectors)
    assert read.thumbnails == older.thumbnails
    assert np.isnat(read.untils).all()
    late = Where(since=datetime(2026, 5, 2, tzinfo=UTC))
    assert store.count(late) == late.keeps(older).sum()
    new = sightings(20, seed=5)
    store.write(new)
    store.compact()
    found = Sightings.joined([*store.read(Where(ids=tuple(new.ids)), with_thumbnails=True)])
    assert found[np.argsort(found.ids)].pictures == new.pictures


def test_an_older_gallery_that_cannot_be_written_says_what_it_needs(older, folder, monkeypatch):
    def full(*args: object) -> None:
        raise OSError("Read-only file system (os error 30)")

    monkeypatch.setattr("lancedb.table.LanceTable.add_columns", full)
    with pytest.raises(ValueError, match="made before passages, and is given their columns when"):
        LanceStore.open(str(folder))
    assert len(older) == 300


def test_pictures_of_a_forgotten_passage_leave_the_disk(store, folder, sightings):
    needle = random.Random(3).randbytes(400)
    looks = sightings(5).looks[2]
    given = with_columns(
        sightings(5),
        looks=[None, None, looks, None, None],
        pictures=[[], [], [needle, b"other"], [], []],
    )
    store.write(given)

    def on_disk(text: bytes) -> bool:
        return any(text in path.read_bytes() for path in folder.rglob("*") if path.is_file())

    assert on_disk(needle)
    assert on_disk(looks.to_bytes())
    store.delete(Where(ids=(str(given.ids[2]),)))
    store.compact()
    assert not on_disk(needle)
    assert not on_disk(looks.to_bytes())
    assert store.count() == 4


@pytest.fixture
def indexed_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index at a size that a test can afford, built in this process."""
    monkeypatch.setattr(index, "INDEX_FROM", 1000)
    monkeypatch.setattr(index, "EXACT_BELOW", 20)
    monkeypatch.setattr(maintenance, "run_apart", lambda _, work: maintenance.work_here(*work))


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(store: LanceStore) -> list[str]:
    return sorted(i for part in store.read(with_vectors=False) for i in part.ids.tolist())


# What is forgotten


def test_what_was_removed_is_gone_from_the_disk(
    store: LanceStore, folder: Path, sightings: Make, indexed_early: None
) -> None:
    """Vectors, thumbnails, names, ids, old versions: no byte of them, and no file of before."""
    many = sightings(1500)
    jpeg = b"\xff\xd8thumbnail of somebody\xff\xd9"
    who = replace_columns(
        many[:40],
        ids=[f"fade{number:028x}" for number in range(40)],  # across no two others' border either
        persons=["Doe, Jane 4711"] * 40,
        images=["crops/doe-jane.jpg"] * 40,
        cameras=["camera behind the door"] * 40,
        thumbnails=[jpeg] * 40,
    )
    store.write(who)
    store.write(many[40:])
    store.compact()
    assert store.index_state().indexed == 1500
    store.name_persons([str(who.ids[0])], ["Doe, Jane 4712"])
    store.write(replace_columns(who[1:2], persons=["Doe, Jane 4713"]), replace=True)
    secrets = {
        "vector": who.vectors[5].tobytes(),
        "thumbnail": jpeg,
        "person": b"Jane 471",
        "image": b"doe-jane",
        "camera": b"behind the door",
        "id": str(who.ids[5]).encode(),
    }
    before = files(folder)
    for name, secret in secrets.items():  # the search for bytes is able to find them
        compressed = name == "id"
        assert compressed or any(secret in content for content in before.values()), name
    gone = Where(cameras=("camera behind the door",))
    assert store.delete(gone) == 40
    erased = store.compact()
    after = files(folder)
    for name, secret in secrets.items():
        assert [p for p, content in after.items() if secret in content] == [], name
        assert not any(secret.decode("latin1") in str(path) for path in after), name
    # Compressed or quantised, bytes might hide: nothing of before is there but these.
    kept = {path.name for path in before.keys() & after.keys()}
    assert kept == {"about.json", "table.json", "writers.lock"}
    assert store.count() == 1460
    assert store.index_state().indexed == 1460
    assert erased.bytes_before is not None
    assert erased.bytes_before > erased.bytes_after
    assert erased.bytes_after == sum(map(len, after.values()))
    assert "gone" in erased.meaning


def replace_columns(sightings: Sightings, **columns: object) -> Sightings:
    there = {name: getattr(sightings, name) for name in sightings.__dataclass_fields__}
    return Sightings(**{**there, **columns})


def test_compacting_twice_does_nothing_and_says_so(
    store: LanceStore, sightings: Make, steps: list[tuple[float, float]]
) -> None:
    store.write(sightings(50))
    store.compact()
    assert steps == [(50, 50)]
    erased = store.compact()
    assert erased.meaning == "nothing has changed since the last compaction"


def test_an_index_built_anew_is_no_compaction(
    store: LanceStore, folder: Path, sightings: Make, indexed_early: None
) -> None:
    """What was removed before it is gone only after one."""
    some = sightings(1200)
    store.write(some)
    store.delete(Where(ids=(str(some.ids[7]),)))
    assert store.update_index().indexed == 1199
    store.compact()
    secret = some.vectors[7].tobytes()
    assert not any(secret in content for content in files(folder).values())


def test_what_a_killed_compaction_left_is_removed(
    store: LanceStore, folder: Path, sightings: Make
) -> None:
    store.write(sightings(10))
    shutil.copytree(folder / "sightings-1.lance", folder / "sightings-2.lance")
    (folder / "scratch-x").mkdir()
    (folder / "table.json.part").write_text("half")
    open_store(str(folder)).write(sightings(20))
    assert {path.name for path in folder.iterdir()} == {
        "about.json",
        "table.json",
        "writers.lock",
        "sightings-1.lance",
    }


def test_a_reader_goes_on_while_another_process_compacts(
    store: LanceStore, folder: Path, sightings: Make
) -> None:
    given_ = sightings(300)
    store.write(given_)
    reader = LanceStore.open(str(folder))
    assert len(reader.search(given_.vectors[:1], 5).sightings) == 5
    store.delete(Where(persons=("person/1",)))
    store.compact()
    assert reader.count() == store.count() < 300
    assert len(reader.search(given_.vectors[:2], 400).sightings) == 2 * reader.count()
    assert names(reader) == names(store)
    batches = reader.read(batch=10)
    read = len(next(batches))
    before = store.count()
    store.write(sightings(5, seed=8))
    store.compact()
    try:  # what it had opened it may still read to the end
        assert read + sum(map(len, batches)) == before
    except ValueError as error:
        assert "compacted while it was read; read again" in str(error)  # noqa: PT017


# The index


def test_an_index_is_built_when_it_pays_and_says_its_recall(
    store: LanceStore, sightings: Make, indexed_early: None
) -> None:
    many = sightings(3000, persons=200)
    store.write(many[:900])
    assert store.update_index().kind == ""
    store.write(many[900:2000])
    state = store.update_index()
    assert (state.kind, state.indexed, state.rows) == ("IVF_SQ", 2000, 2000)
    assert state.recall is not None
    assert store.recall() == state.recall
    assert state.recall >= 0.99
    assert "partitions" in state.effort
    store.write(many[2000:2100])  # a tail too small to build it again
    assert store.update_index().indexed == 2000
    queries = sightings(50, seed=4, persons=200)
    check_recall(store, many[:2100], queries)
    store.delete(Where(cameras=("cam 3",)))
    check_recall(store, many[:2100][many[:2100].cameras != "cam 3"], queries)
    store.write(many[2100:])
    assert store.update_index().indexed == store.count()
    check_recall(store, _left(many), queries)
    assert store.search(queries.vectors[:1], 5).exact is False
    assert store.search(queries.vectors[:1], 5, exact=True).exact is True
    assert store.search(np.tile(queries.vectors, (6, 1)), 5).exact is True  # in one pass


def _left(many: Sightings) -> Sightings:
    """What of all is there when camera 3 was removed between the two parts."""
    keep = (many.cameras != "cam 3") | (np.arange(len(many)) >= 2100)
    return many[keep]


def check_recall(store: LanceStore, there: Sightings, queries: Sightings) -> None:
    for where in (
        Where(),
        Where(not_cameras=("cam 1",)),
        Where(cameras=("cam 2",), known=True),
        Where(cameras=("cam 2",), persons=("person/3", "person/4", "person/5")),
    ):
        kept = there[where.keeps(there)]
        k, met = min(10, len(kept)), 0
        hits = store.search(queries.vectors, 10, where)
        for number, query in enumerate(queries.vectors):
            nearest = np.argsort(-(kept.vectors @ query))[:k]
            found, distances = hits.of(number)
            met += len({*found.ids.tolist()} & {*kept.ids[nearest].tolist()})
            rows = {name: row for row, name in enumerate(kept.ids.tolist())}
            true = [1 - float(kept.vectors[rows[i]] @ query) for i in found.ids.tolist()]
            np.testing.assert_allclose(distances, true, atol=1e-5)
        assert met >= 0.99 * k * len(queries), where


def test_building_an_index_writes_nowhere_else(
    store: LanceStore,
    folder: Path,
    sightings: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not to the place for temporary files, where a kill would leave vectors; and the process that
    builds ends with the one that asked for it."""
    monkeypatch.setattr(index, "INDEX_FROM", 1000)
    store.write(sightings(1000))
    monkeypatch.setenv("TMPDIR", str(folder.parent / "nowhere"))
    assert store.update_index().indexed == 1000
    assert not (folder.parent / "nowhere").exists()
    assert not [*folder.glob("scratch-*")]
    alone = subprocess.run(
        [sys.executable, "-c", f"from {maintenance.__name__} import main; main()"],
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=PATIENCE,
        check=False,
    )
    assert alone.returncode == 1


def test_adding_has_the_index_built_and_says_so(
    store: LanceStore, sightings: Make, indexed_early: None, tmp_path: Path
) -> None:
    some, path = sightings(1100, persons=100), tmp_path / "some.npz"
    Embeddings(some.vectors, np.arange(1100), model=store.about.model).save(path)
    inputs = Inputs.of([path], Labels())
    notes = add(store, inputs, lambda: pytest.fail("no model is needed")).notes
    assert [note for note in notes if "the index now holds 1,100 of 1,100 sightings, its" in note]
    assert store.index_state().indexed == 1100
    assert not any("index" in note for note in add(store, inputs, pytest.fail).notes)


def test_what_searches_show_follows_every_change(store: LanceStore, sightings: Make) -> None:
    """Columns are kept in memory while a gallery stands still, and only then."""
    many = sightings(100)
    store.write(many)
    query = many.vectors[:1]
    for _ in range(6):
        first = store.search(query, 1).sightings
    assert first.ids[0] == many.ids[0]
    store.name_persons([str(many.ids[0])], ["renamed"])
    assert store.search(query, 1).sightings.persons[0] == "renamed"
    for _ in range(6):
        found = store.search(query, 100).sightings
    assert found.persons[0] == "renamed"
    found = found[np.argsort(found.ids)]
    np.testing.assert_array_equal(found.times, many.times)
    np.testing.assert_array_equal(found.qualities, many.qualities)
    np.testing.assert_array_equal(found.cameras, many.cameras)


# Refusals


def test_vectors_that_do_not_fit_are_refused(store: LanceStore, sightings: Make) -> None:
    some = sightings(3)
    with pytest.raises(ValueError, match=r"32 dimensions, got the shape \[3, 31\]"):
        store.write(Sightings(some.ids, some.vectors[:, :31]))
    with pytest.raises(ValueError, match=r"32 dimensions, got the shape \[3, 31\]"):
        store.search(some.vectors[:, :31], 5)
    for wrong in (2 * some.vectors, np.full_like(some.vectors, np.nan)):
        with pytest.raises(ValueError, match="of length 1"):
            store.write(Sightings(some.ids, wrong))
    assert store.count() == 0


def test_no_gallery_and_folders_of_others(tmp_path: Path, about: About) -> None:
    with pytest.raises(ValueError, match=r"no gallery there .*about\.json"):
        open_store(str(tmp_path / "nothing"))
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(ValueError, match="not empty"):
        create_store(str(tmp_path), about)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_newer_gallery_is_refused(store: LanceStore, folder: Path) -> None:
    described = json.loads((folder / "about.json").read_text())
    (folder / "about.json").write_text(json.dumps(described | {"format": 99}))
    with pytest.raises(ValueError, match=r"format 99.*upgrade"):
        open_store(str(folder))


def test_a_table_of_a_newer_engine_is_refused(
    store: LanceStore, folder: Path, sightings: Make
) -> None:
    """Its files say which version wrote them; whatever the engine makes of it, it is told."""
    store.write(sightings(5))
    holds = json.loads((folder / "table.json").read_text())
    (folder / "table.json").write_text(json.dumps(holds | {"engine": "lancedb 99.0"}))
    for path in folder.glob("sightings-1.lance/_versions/*.manifest"):
        path.write_bytes(b"LANC" * 100)
    with pytest.raises(ValueError, match=r"written by lancedb 99\.0"):
        open_store(str(folder))


@pytest.mark.parametrize(
    "missing",
    ["table.json", "sightings-2.lance", "sightings-2.lance/_versions", "sightings-2.lance/data/*"],
)
def test_a_half_copied_gallery_is_refused(
    missing: str, store: LanceStore, folder: Path, sightings: Make, tmp_path: Path
) -> None:
    store.write(sightings(5))
    store.compact()
    store.write(sightings(10))
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    path = next(copy.glob(missing))
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ValueError, match="incomplete, as after a copy that was cut off"):
        open_store(str(copy))


@pytest.mark.parametrize("missing", ["_indices", "_deletions"])
def test_a_copy_that_lacks_what_only_searches_need_is_told(
    missing: str, store: LanceStore, folder: Path, sightings: Make, indexed_early: None
) -> None:
    some = sightings(1200)
    store.write(some)
    store.compact()
    store.delete(Where(cameras=("cam 1",)))
    shutil.rmtree(next(folder.glob(f"*.lance/{missing}")))
    with pytest.raises(ValueError, match="incomplete, as after a copy that was cut off"):
        LanceStore.open(str(folder)).search(some.vectors[:1], 5)


@pytest.mark.parametrize("size", [0, 100, 0.5])
def test_a_cut_data_file_is_told(
    size: float, store: LanceStore, folder: Path, sightings: Make
) -> None:
    store.write(sightings(500))
    (data,) = folder.glob("sightings-1.lance/data/*")
    content = data.read_bytes()
    data.write_bytes(content[: int(size * len(content)) if size < 1 else int(size)])
    with pytest.raises(ValueError, match="gallery"):
        names(LanceStore.open(str(folder)))


# The disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB, where this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    try:
        subprocess.run(mount, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_on_a_full_disk_nothing_acknowledged_is_lost(
    small_disk: Path, about: About, sightings: Make
) -> None:
    store = LanceStore.create(str(small_disk / "gallery"), about)
    many = plain(sightings(40_000))
    acknowledged = 0

    def fill() -> None:
        nonlocal acknowledged
        for start in range(0, 40_000, 4000):
            store.write(many[start : start + 4000])
            acknowledged = start + 4000

    with pytest.raises(DiskFull, match=r"no room for the gallery .* MB are free"):
        fill()
    assert 0 < acknowledged < 40_000
    again = LanceStore.open(str(small_disk / "gallery"))
    assert names(again) == many.ids[:acknowledged].tolist()
    # What the failed batch left is removed: a smaller one still fits.
    files_there = len([*(small_disk / "gallery").glob("*.lance/data/*")])
    assert files_there == acknowledged // 4000
    assert again.write(many[acknowledged : acknowledged + 100]).added == 100
    with pytest.raises(DiskFull):
        again.compact()
    assert again.count() == acknowledged + 100
    assert again.delete(Where(cameras=("cam 1",))) > 0


def test_in_a_read_only_folder_one_can_search(
    small_disk: Path, about: About, sightings: Make
) -> None:
    place = str(small_disk / "gallery")
    some = sightings(50)
    with_some = create_store(place, about)
    with_some.write(some)
    with_some.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    store = open_store(place)
    assert store.search(some.vectors[:1], 3).sightings.ids[0] == some.ids[0]
    assert store.count(Where(known=True)) > 0
    for change in (
        lambda: store.write(sightings(60)),
        lambda: store.delete(Where(known=True)),
        store.compact,
        lambda: store.change_about(lambda _: replace(about, name="x")),
    ):
        with pytest.raises(ValueError, match="cannot be written: searching works"):
            change()
    assert store.count() == 50


# Several processes


def start(*arguments: object) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(PROCESSES), *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


@pytest.fixture
def small(folder: Path) -> Path:
    """An empty gallery of the dimensions that the processes write."""
    create_store(str(folder), About(model="m", pooling="plain", dimensions=8)).close()
    return folder


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_while_adding_nothing_acknowledged_is_lost_and_nothing_is_twice(
    kill_trial: int, small: Path
) -> None:
    chance = random.Random(kill_trial)
    process = start("add", small, 0, 100_000)
    assert process.stdout is not None
    acknowledged = int(process.stdout.readline())
    time.sleep(chance.uniform(0, 0.6))
    process.kill()
    rest, complaint = process.communicate(timeout=PATIENCE)
    acknowledged = int([str(acknowledged), *rest.split()][-1])
    assert process.returncode == -9, complaint
    store = LanceStore.open(str(small))
    there = names(store)
    assert len(there) in (acknowledged, acknowledged + 10)  # whole batches, perhaps the last one
    assert there == [f"{number:032x}" for number in range(len(there))]
    store.write(numbered(0, acknowledged + 50))  # the same command again
    assert names(store) == [f"{number:032x}" for number in range(acknowledged + 50)]
    read = Sightings.joined([*store.read(with_thumbnails=True)])
    assert sorted(read.thumbnails) == sorted(
        b"\xff\xd8" + str(number).encode() for number in range(acknowledged + 50)
    )


def test_two_add_the_same_and_more_while_a_third_searches(small: Path) -> None:
    searching = start("search", small, 150)
    adding = [start("add", small, 0, 100), start("add", small, 50, 150)]
    for process in (*adding, searching):
        out, complaint = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, complaint
    assert out == "whole\n"
    assert names(LanceStore.open(str(small))) == [f"{number:032x}" for number in range(150)]


def test_what_two_processes_answer_at_once_is_all_kept(small: Path) -> None:
    answering = [start("answer", small, 0, 40), start("answer", small, 40, 80)]
    for process in answering:
        _, complaint = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, complaint
    kept = {answer.first for answer in LanceStore.open(str(small)).about.answers}
    assert kept == {f"{number:032x}" for number in range(80)}


def test_a_store_sees_what_another_wrote_and_removed(
    store: LanceStore, folder: Path, sightings: Make
) -> None:
    other = LanceStore.open(str(folder))
    store.write(sightings(10))
    assert other.write(sightings(15)).added == 5
    assert store.write(sightings(15)).present == 15
    other.delete(Where(ids=(str(sightings(1).ids[0]),)))
    assert store.write(sightings(15)).added == 1


def test_a_writer_does_not_wait_for_ever(
    store: LanceStore, folder: Path, sightings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery_folder, "PATIENCE", 0.1)
    store.write(sightings(5))
    with FileLock(folder / "writers.lock"):
        with pytest.raises(ValueError, match="another process has been writing for"):
            store.write(sightings(6))
        assert store.count() == 5  # readers wait for nobody
    assert store.write(sightings(6)).added == 1


@pytest.mark.parametrize("versions", [20, 1000])
def test_many_small_batches_are_joined(
    versions: int, store: LanceStore, sightings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a gallery that is written to one by one still opens and searches quickly."""
    monkeypatch.setattr(gallery_folder, "PIECES", 8)
    monkeypatch.setattr(gallery_folder, "SMALL", 20)
    monkeypatch.setattr(gallery_folder, "VERSIONS", versions)
    many = sightings(60)
    for row in range(60):
        assert store.write(many[row : row + 1]).added == 1
    read = Sightings.joined([*store.read(with_thumbnails=True)])
    order = np.argsort(read.ids)
    assert read.ids[order].tolist() == many.ids.tolist()
    np.testing.assert_array_equal(read.vectors[order], many.vectors)
    assert [read.thumbnails[row] for row in order] == [*many.thumbnails]
    pieces = store._folder.table().stats()["fragment_stats"]["num_fragments"]
    assert pieces <= 2 * gallery_folder.PIECES
