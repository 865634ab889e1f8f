"""What every engine must do. Expected values come from arrays, not from an engine."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from passerby.stores import MOST_BYTES, Store, Written
from passerby.stores.about import OptOut
from passerby.stores.opening import create_store, open_store
from passerby.stores.opting_out import digests_of, distances_to, encoded
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings, days, with_columns, with_persons

NOON = datetime(2026, 5, 2, 12, tzinfo=UTC)
FILTERS = {
    "all": Where(),
    "persons": Where(persons=("person/3", "person/4", "nobody")),
    "cameras": Where(cameras=("cam 1", "cam 5")),
    "not_cameras": Where(not_cameras=("cam 1", "cam 2")),
    "sources": Where(sources=("north",)),
    "since": Where(since=NOON),
    "until": Where(until=NOON.astimezone(timezone(timedelta(hours=-7)))),
    "window": Where(since=NOON - timedelta(hours=5), until=NOON, cameras=("cam 0", "cam 3")),
    "known": Where(known=True),
    "unknown": Where(known=False),
    "quality": Where(min_quality=0.5),
    "rare": Where(cameras=("cam 2",), since=NOON, until=NOON + timedelta(hours=1)),
    "none": Where(persons=("nobody",)),
    "ids": Where(ids=("00000000" + "0" * 23 + "7",)),
}
HOSTILE = (
    "o'brien",
    "' OR 1=1 --",
    '"; drop table sightings; --',
    "back\\slash\\",
    "100%_like",
    "new\nline\ttab",
    "ünïcødé 人 🚶",
    "{id} $(x) ]",
)


def equal(found: Sightings, expected: Sightings, *, vectors: bool = True) -> None:
    """Same rows, whatever their order."""
    one, two = found[np.argsort(found.ids)], expected[np.argsort(expected.ids)]
    names = ("ids", "persons", "cameras", "sources", "frames", "tracklets", "images")
    for name in names:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), name)
    for name in ("times", "untils", "qualities", "coherences"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), name)
    if vectors:
        np.testing.assert_allclose(one.vectors, two.vectors, atol=1e-6)


def everything(store: Store, **options: bool) -> Sightings:
    return Sightings.joined([*store.read(**options)])


def test_what_is_written_is_read(store, sightings):
    given = sightings(300)
    written = store.write(given)
    assert (written.added, written.replaced, written.present) == (300, 0, 0)
    read = everything(store, with_thumbnails=True)
    equal(read, given)
    assert dict(zip(read.ids, read.thumbnails, strict=True)) == dict(
        zip(given.ids, given.thumbnails, strict=True)
    )
    assert everything(store, with_vectors=False).vectors.shape == (300, 0)


def test_looks_and_pictures_come_where_they_are_asked_for(store, sightings):
    given = sightings(60)
    store.write(given)
    for vectors, thumbnails in ((True, True), (True, False), (False, True), (False, False)):
        read = everything(store, with_vectors=vectors, with_thumbnails=thumbnails)
        read = read[np.argsort(read.ids)]
        looks = given.looks if vectors or thumbnails else (None,) * 60
        assert [each and each.to_bytes() for each in read.looks] == [
            each and each.to_bytes() for each in looks
        ]
        assert read.pictures == (given.pictures if thumbnails else ((),) * 60)
    near = store.search(given.vectors[:1], 60, with_vectors=True).sightings
    known = dict(zip(given.ids, given.looks, strict=True))
    for name, looks in zip(near.ids, near.looks, strict=True):
        assert (looks and looks.to_bytes()) == (known[name] and known[name].to_bytes())


def test_looks_of_another_model_are_refused(store, sightings):
    given = sightings(5)
    looks = given.looks[2]
    short = replace(looks, vectors=looks.vectors[:, :4])
    with pytest.raises(ValueError, match=r"looks must be of length 1 and \[K, 32\]"):
        store.write(with_columns(given, looks=[None, None, short, None, None]))
    assert store.count() == 0


def test_the_same_sighting_is_there_once(store, sightings):
    given = sightings(50)
    store.write(given[:30])
    other = sightings(50, seed=0)
    written = store.write(other)
    assert (written.added, written.replaced, written.present) == (20, 0, 30)
    twice = Sightings.joined([sightings(5, seed=9), sightings(5, seed=9)])
    written = store.write(twice)
    assert (written.added, written.present) == (5, 5)
    assert store.count() == 55


def test_replacing_changes_all_columns(store, sightings):
    given = sightings(40)
    store.write(given)
    changed = Sightings(given.ids[:10], -given.vectors[:10], persons=["new"] * 10)
    written = store.write(changed, replace=True)
    assert (written.added, written.replaced) == (0, 10)
    equal(everything(store), Sightings.joined([changed, given[10:]]))


@pytest.mark.parametrize("name", FILTERS)
def test_filters(name, store, sightings):
    given, where = sightings(400), FILTERS[name]
    store.write(given)
    expected = given[where.keeps(given)]
    assert name == "none" or len(expected) > 0
    assert store.count(where) == len(expected)
    found = [*store.read(where)]
    equal(Sightings.joined(found) if found else given[:0], expected)
    queries = sightings(5, seed=3).vectors
    hits = store.search(queries, 10, where, exact=True)
    assert hits.exact
    for number, query in enumerate(queries):
        distances = np.sort(1 - expected.vectors @ query)[:10]
        rows, measured = hits.of(number)
        np.testing.assert_allclose(measured, distances, atol=1e-5)
        assert where.keeps(rows).all()


@pytest.mark.hostile
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_names(name, store, sightings):
    given = sightings(30)
    texts = [name if row % 3 == 0 else "other" for row in range(30)]
    given = Sightings(given.ids, given.vectors, persons=texts, cameras=texts, sources=texts)
    store.write(given)
    for where in (
        Where(persons=(name,)),
        Where(cameras=(name,)),
        Where(sources=(name,)),
        Where(not_cameras=("other",)),
    ):
        assert store.count(where) == 10
        assert {*store.search(given.vectors[:1], 30, where).sightings.persons} == {name}
    assert store.groups("camera") == {name: 10, "other": 20}
    assert store.name_persons([str(given.ids[1])], [name]) == 1
    assert store.delete(Where(persons=(name,))) == 11
    assert store.count() == 19


@pytest.mark.parametrize("name", FILTERS)
def test_groups(name, store, sightings):
    given, where = sightings(200), FILTERS[name]
    store.write(given)
    given = given[where.keeps(given)]
    for by, column in (
        ("camera", given.cameras),
        ("person", given.persons),
        ("source", given.sources),
        ("day", days(given.times)),
    ):
        names, counts = np.unique(column, return_counts=True)
        assert store.groups(by, where) == dict(zip(names.tolist(), counts.tolist(), strict=True))


def test_persons_are_named_and_unnamed(store, sightings):
    given = sightings(60)
    store.write(given)
    ids = [*given.ids[:5].tolist(), "f" * 32]
    assert store.name_persons(ids, ["anna", "", "berta", "anna", "carl", "dora"]) == 5
    expected = given.persons.astype("<U32")
    expected[:5] = ["anna", "", "berta", "anna", "carl"]
    read = everything(store)
    assert dict(zip(read.ids, read.persons, strict=True)) == dict(
        zip(given.ids, expected, strict=True)
    )
    equal(read, Sightings(**{**columns(given), "persons": expected}))


def columns(sightings: Sightings) -> dict[str, object]:
    return {name: getattr(sightings, name) for name in sightings.__dataclass_fields__}


def test_what_is_removed_is_not_found(store, sightings):
    given = sightings(200)
    store.write(given)
    gone = Where(persons=("person/2",))
    count = int(gone.keeps(given).sum())
    assert store.delete(gone) == count > 0
    assert store.count(gone) == 0
    assert store.count() == 200 - count
    hits = store.search(given.vectors[gone.keeps(given)], 5)
    assert not gone.keeps(hits.sightings).any()
    store.compact()
    assert store.count() == 200 - count
    assert store.delete(gone) == 0
    with pytest.raises(ValueError, match="a removal needs a condition"):
        store.delete(Where())
    assert store.write(given).added == count  # what was forgotten may come again


def test_a_gallery_is_found_again(place, about, sightings):
    first = create_store(place, about)
    given = sightings(100)
    first.write(given)
    first.change_about(lambda _: replace(about, name="another"))
    first.close()
    again = open_store(place)
    assert again.about == replace(about, name="another")
    equal(everything(again), given)
    with pytest.raises(ValueError, match="exist"):
        create_store(place, about)
    again.close()


def test_what_another_process_said_of_a_gallery_is_kept(place, about):
    first = create_store(place, about)
    second = open_store(place)
    first.change_about(lambda now: replace(now, name="another"))
    made = second.change_about(lambda now: replace(now, place="elsewhere"))
    assert made == second.about == replace(about, name="another", place="elsewhere")
    assert first.refresh_about() == made

    def refused(now):
        raise ValueError(f"{now.name} stays")

    with pytest.raises(ValueError, match="another stays"):
        first.change_about(refused)
    assert second.refresh_about() == first.about == made
    first.close()
    second.close()


def test_searches_find_the_nearest(store, sightings):
    """Also after an index was built: recall at 10 of at least 0.99, under every filter."""
    given = sightings(3000, persons=200)
    store.write(given)
    store.compact()
    queries = sightings(40, seed=5, persons=200).vectors
    for where in FILTERS.values():
        expected = given[where.keeps(given)]
        k = min(10, len(expected))
        hits = store.search(queries, 10, where)
        found = 0
        for number, query in enumerate(queries):
            order = np.argsort(1 - expected.vectors @ query)[:k]
            rows, distances = hits.of(number)
            assert len(rows) == k
            assert np.all(np.diff(distances) >= 0)
            found += len({*rows.ids} & {*expected.ids[order]})
        assert found >= 0.99 * k * len(queries)


def test_the_version_tells_every_change(store, sightings):
    """Where an engine has versions: one for as long as the sightings stay as they are."""
    given = sightings(20)
    seen = [store.version()]
    for change in (
        lambda: store.write(given),
        lambda: store.write(given[:2], replace=True),
        lambda: store.name_persons([str(given.ids[3])], ["another"]),
        lambda: store.delete(Where(ids=(str(given.ids[4]),))),
    ):
        change()
        seen.append(store.version())
        store.count()
        store.search(given.vectors[:1], 3)
        assert store.version() == seen[-1]
    assert seen == [None] * 5 or len({*seen}) == 5


def test_fewer_than_asked_and_none(store, sightings):
    queries = sightings(3, seed=1).vectors
    assert len(store.search(queries, 10).sightings) == 0
    assert store.count() == 0
    assert [*store.read()] == [] or len(everything(store)) == 0
    store.write(sightings(4))
    hits = store.search(queries, 10, with_vectors=True)
    assert hits.starts.tolist() == [0, 4, 8, 12]
    assert hits.sightings.vectors.shape == (12, queries.shape[1])
    assert store.search(queries[:0], 10).starts.tolist() == [0]


ODD = (
    "o'brien", '"; drop table sightings; --', "back\\slash\\", "100%_like", "new\nline\ttab",
    "\u202eright to left", "שלום", "🚶\u200d♀️", "\x01\x7f\x9b", "{id} $(x) ]", "NULL", "é" * 512,
    "a\0b", "nul\0", "\ud800", "x" * 10_000,
)  # fmt: skip
NAMES = st.one_of(st.sampled_from(ODD), st.text(max_size=30))


@pytest.mark.hostile
@pytest.mark.parametrize("column", ["persons", "cameras", "sources", "images"])
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=NAMES)
@example(name="nul\0")
@example(name="\ud800")
@example(name="x" * 10_000)
def test_any_name_comes_back_or_is_refused(column, name, store, sightings):
    """The same in every engine: what one keeps the others keep, and only that name is met."""
    ids = [f"{row:032x}" for row in range(3)]
    vectors = sightings(3).vectors
    store.delete(Where(ids=tuple(ids)))
    possible = "\0" not in name and not any("\ud800" <= letter <= "\udfff" for letter in name)
    most = MOST_BYTES["path" if column == "images" else "name"]
    if not possible or len(unicodedata.normalize("NFC", name).encode()) > most:
        with pytest.raises(ValueError, match=r"NUL|Unicode|at most"):
            store.write(Sightings(ids, vectors, **{column: [name, "other", ""]}))
        assert store.count(Where(ids=tuple(ids))) == 0
        return
    given = Sightings(ids, vectors, **{column: [name, "other", ""]})
    assert store.write(given).added == 3
    equal(Sightings.joined([*store.read(Where(ids=tuple(ids)))]), given)
    if column == "images":
        return
    for where in (Where(**{column: (name,)}), Where(**{column: (name, "other")})):
        assert store.count(where) == where.keeps(given).sum()
        found = store.search(vectors[:1], 3, where, exact=True).sightings
        assert {*found.ids} == {*given.ids[where.keeps(given)]}
    if column == "cameras":
        others = Where(not_cameras=(name,))
        assert store.count(others) == others.keeps(given).sum()
    if column == "persons":
        assert store.name_persons(ids[1:2], [name]) == 1
        assert store.count(Where(persons=(name,))) == (3 if name == "" else 2)
        given = with_persons(given, [name, name, ""])
    gone = Where(**{column: (name,)}, ids=tuple(ids))
    assert store.delete(gone) == gone.keeps(given).sum()
    assert store.count(Where(ids=tuple(ids))) == (~gone.keeps(given)).sum()


def test_batches_that_are_written_together_are_counted_each(store, sightings):
    given = sightings(12)
    store.write(given[:2])
    far = encoded(sightings(1, seed=7).vectors[0])
    entry = OptOut(
        "cd" * 8, store.about.model, store.about.pooling, far, 1.0,
        digests_of("cd" * 8, given.ids[9:10].tolist()), 1e-3, 1e-3, "by hand",
    )  # fmt: skip
    store.change_about(lambda about: replace(about, opt_outs=(entry,)))
    batches = [given[:3], given[3:5], given[4:8], given[8:11]]
    written = store.write_each(batches)
    assert written == (Written(1, 0, 2), Written(2, 0, 0), Written(3, 0, 1), Written(2, 0, 0, 1))
    known = np.isin(given.ids, given.ids[[9, 11]], invert=True)
    equal(everything(store), given[known])
    again = store.write_each([given[1:2], given[10:12]], replace=True)
    assert again == (Written(0, 1, 0), Written(1, 1, 0))
    bad = with_columns(given[:1], persons=["x" * 2000])
    with pytest.raises(ValueError, match="at most 1,024 bytes"):
        store.write_each([sightings(3, seed=9), bad])
    assert store.count() == 11


def test_the_opt_out_list_refuses_and_counts(store, sightings):
    """By looks and by the very pictures; with ``replace``, too."""
    given = sightings(30)
    one, other = given[:1], given[1:2]
    entry = OptOut(
        "ab" * 8, store.about.model, store.about.pooling, encoded(one.vectors[0]), 1.0,
        digests_of("ab" * 8, other.ids.tolist()), 1e-3, 1e-3, "by hand",
    )  # fmt: skip
    store.change_about(lambda about: replace(about, opt_outs=(entry,)))
    near = distances_to(given, entry, store.about.dimensions) < 1e-3
    wanted = int((near | np.isin(given.ids, other.ids)).sum())
    written = store.write(given, replace=True)
    assert (written.added, written.refused) == (30 - wanted, wanted)
    assert wanted >= 2
    assert store.count(Where(ids=(str(one.ids[0]), str(other.ids[0])))) == 0
    assert store.refresh_about().opt_outs[0].refused == wanted
    store.change_about(lambda about: replace(about, opt_outs=()))
    assert store.write(given).added == wanted
