"""A check finds what is wrong, says what the index is worth, and fails on nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery
from passerby.gallery.upkeep.checking import check_store
from passerby.stores import Hits, IndexState
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.stores.recall import Truth, typical_filters
from passerby.tables.sightings import Sightings

ABOUT = About(model="m", pooling="plain", dimensions=8)


def sightings(count: int) -> Sightings:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(count, 8))
    return Sightings(
        [f"{number:032x}" for number in range(count)],
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        cameras=[f"cam {number % 3}" for number in range(count)],
        times=np.datetime64("2026-05-01", "us") + np.arange(count) * np.timedelta64(60, "s"),
    )


def test_a_whole_gallery(tmp_path: Path, steps: list[tuple[float, float]]) -> None:
    with Gallery.create(tmp_path / "gallery", ABOUT) as gallery:
        empty = gallery.check()
        assert (empty.whole, empty.rows, empty.trials) == (True, 0, ())
        gallery.store.write(sightings(600))
        del steps[:]
        found = gallery.check()
    assert found.whole
    assert (found.rows, found.sampled) == (600, 50)
    assert steps == [(600, 600)]
    assert [trial.filter for trial in found.trials] == [
        "plain",
        "other cameras",
        "one camera",
        "rare",
    ]
    assert all(trial.recall == 1 and 0 < trial.p50 <= trial.p95 for trial in found.trials)
    text = str(found)
    assert text.startswith("600 sightings: whole\nindex: none")
    assert len(text.splitlines()) == 9
    assert "without labels, false-match rates are of pairs by two cameras" in text


def test_what_is_wrong_is_said() -> None:
    store = MemoryStore(replace(ABOUT, dimensions=9))
    some = sightings(40)
    vectors = some.vectors.copy()
    vectors[0] *= 2
    vectors[1] = np.nan
    ids = some.ids.copy()
    ids[5:8] = ids[4]
    store._rows = Sightings(ids, vectors)
    problems = "\n".join(check_store(store).problems)
    for said in (
        "8 dimensions, its description says 9",
        "3 sightings are there more than once",
        "1 vector holds NaN",
        "1 vector is not of length 1",
    ):
        assert said in problems
    assert "NOT whole" in str(check_store(store))


def test_a_damaged_folder_is_a_result_and_no_crash(tmp_path: Path) -> None:
    gallery = Gallery.create(tmp_path / "gallery", ABOUT)
    gallery.store.write(sightings(500))
    for path in (tmp_path / "gallery").glob("*.lance/data/*"):
        path.write_bytes(path.read_bytes()[:-500])
    found = Gallery.open(tmp_path / "gallery").check()
    assert not found.whole
    assert "cannot be read to its end" in found.problems[0]


class Forgetful(MemoryStore):
    """Finds all but the nearest other."""

    def _search(self, vectors, k, where, *, exact, with_vectors):
        hits = super()._search(vectors, k, where, exact=exact, with_vectors=with_vectors)
        if exact:
            return hits
        keep = np.ones(len(hits.sightings), bool)
        counts = np.diff(hits.starts)
        keep[hits.starts[:-1][counts > 1] + 1] = False
        counts -= counts > 1
        starts = np.concatenate([[0], np.cumsum(counts)])
        return Hits(starts, hits.sightings[keep], hits.distances[keep], exact=False)

    def index_state(self) -> IndexState:
        return IndexState("LOSSY", 10, 100, "everything", 0.999)


def test_an_index_that_loses_is_found_out() -> None:
    store = Forgetful(ABOUT)
    store.write(sightings(100))
    found = check_store(store)
    assert found.trials[0].recall == pytest.approx(0.9)
    assert any("recall under the filter 'plain' is 0.9000" in p for p in found.problems)
    assert any("90 of 100 sightings are newer than the index" in p for p in found.problems)
    assert "LOSSY, 10 of 100 in it" in str(found)


def test_recall_counts_others_only() -> None:
    store = MemoryStore(ABOUT)
    some = sightings(50)
    store.write(some)
    truth = Truth.of(store, some[:4], k=5)
    similarity = some.vectors @ some.vectors[0]
    assert truth.nearest["plain"][0] == {*some.ids[np.argsort(-similarity)[1:6]].tolist()}
    assert truth.recall("plain", store.search) == 1


def test_typical_filters_keep_what_they_should() -> None:
    store = MemoryStore(ABOUT)
    some = sightings(2000)
    store.write(some)
    filters = typical_filters(store)
    kept = {name: int(where.keeps(some).sum()) for name, where in filters.items()}
    assert kept == {"plain": 2000, "other cameras": 1333, "one camera": 667, "rare": 10}
    bare = MemoryStore(ABOUT)
    bare.write(Sightings(some.ids, some.vectors))
    assert [*typical_filters(bare)] == ["plain"]
