"""Who can be found is counted again after every write, by whatever process, and only then."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery
from passerby.gallery.search import population as counting
from passerby.gallery.search.population import Population, Populations, population
from passerby.stores.about import About
from passerby.stores.engines.memory import MemoryStore
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import Sightings

ABOUT = About(model="m", pooling="plain", dimensions=8)


def some(persons, first=0):
    vectors = np.random.default_rng(first).normal(size=(len(persons), 8))
    ids = [f"{first + number:032x}" for number in range(len(persons))]
    return Sightings(ids, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), persons=persons)


def test_the_population_of_a_filter(make_store, crowd):
    persons = ["a", "a", "b", "", "", "c"]
    cameras = ["1", "2", "1", "1", "2", "2"]
    store = make_store(crowd.persons(6), persons=persons, cameras=cameras)
    assert population(store) == Population({"a": 2, "b": 1, "c": 1}, 2)
    assert population(store, Where(cameras=("1",))) == Population({"a": 1, "b": 1}, 1)
    assert population(store, Where(known=True)) == Population({"a": 2, "b": 1, "c": 1}, 0)
    assert population(store, Where(known=False)) == Population({}, 2)
    assert population(store).candidates == 5
    assert population(store).sightings == 6


@pytest.fixture
def counts(monkeypatch):
    """The filters under which a store was counted."""
    counted = []
    monkeypatch.setattr(
        counting,
        "population",
        lambda store, where: counted.append(where) or population(store, where),
    )
    return counted


def test_a_search_counts_once_until_somebody_writes(tmp_path, counts):
    place = tmp_path / "gallery"
    known = Where(known=True)
    with Gallery.create(place, ABOUT) as gallery, Gallery.open(place) as other:
        gallery.store.write(some(["anna", "anna", ""]))
        query = some(["anna"]).vectors[0]
        for where, searched in ((EVERYTHING, 3), (known, 2)) * 3:
            assert gallery.search(query, where=where).searched == searched
        assert counts == [EVERYTHING, known]
        other.store.write(some(["berta"], first=10))  # as another process would
        assert gallery.search(query).searched == 4
        other.store.name_persons([f"{2:032x}"], ["carl"])
        assert gallery.search(query, where=known).searched == 4
        other.remove(Where(persons=("anna",)))
        assert gallery.search(query).searched == 2
        other.compact()
        assert gallery.search(query).searched == 2
        assert len(counts) == 6


def test_an_engine_without_versions_is_counted_at_every_search(counts, monkeypatch):
    monkeypatch.setattr(MemoryStore, "version", lambda self: None)
    store = MemoryStore(ABOUT)
    populations = Populations(store)
    for persons in range(3):
        assert populations.under(EVERYTHING).population.sightings == persons
        store.write(some([f"person {persons}"], first=persons))
    assert len(counts) == 3


def test_what_is_kept_is_bounded(counts, monkeypatch):
    monkeypatch.setattr(counting, "NAMES", 5)
    store = MemoryStore(ABOUT)
    store.write(some(["a", "b", "c"]))
    populations = Populations(store)
    for where in (EVERYTHING, Where(persons=("a", "b"))) * 2:
        assert populations.under(where).population == population(store, where)
    assert counts == [EVERYTHING, Where(persons=("a", "b"))]
    assert populations.under(Where(persons=("c",))).population.candidates == 1
    assert populations.under(EVERYTHING).population.candidates == 3
    assert counts[-2:] == [Where(persons=("c",)), EVERYTHING]


@pytest.mark.parametrize("cameras", ["aabb", "abcd", "aaaa", "ab a"])
def test_cameras_are_those_that_a_source_has(make_store, crowd, cameras):
    """What two sources have of one name are two; no source has another's cameras."""
    cameras = [one.strip() for one in cameras]
    sources = ["monday", "monday", "tuesday", "tuesday"]
    store = make_store(crowd.persons(4), cameras=cameras, sources=sources)
    expected = {f"{source}/{camera}" for source, camera in zip(sources, cameras, strict=True)}
    assert Populations(store).cameras() == expected
