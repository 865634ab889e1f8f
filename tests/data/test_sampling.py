"""P × K batches: their form, their randomness, and persons with few images."""

from collections import Counter
from functools import lru_cache
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.data.sampling import Mix, PersonBatches, sites_of
from passerby.tables.records import Record

counts = st.lists(st.integers(1, 12), min_size=3, max_size=10)


def _labels(images_per_person: list[int]) -> list[int]:
    return [person for person, count in enumerate(images_per_person) for _ in range(count)]


@given(counts, st.integers(2, 3), st.integers(1, 5), st.integers(0, 3))
def test_every_batch_has_p_persons_with_k_images(
    images: list[int], persons: int, k: int, epoch: int
) -> None:
    labels = _labels(images)
    batches = PersonBatches(labels, persons, k, seed=1).epoch(epoch)
    assert batches
    for batch in batches:
        assert list(Counter(labels[row] for row in batch).values()) == [k] * persons
        groups = [batch[i * k : (i + 1) * k] for i in range(persons)]
        assert all(len({labels[row] for row in group}) == 1 for group in groups)


@given(counts, st.integers(1, 4))
def test_no_image_comes_twice_while_its_person_has_enough(images: list[int], k: int) -> None:
    labels = _labels(images)
    seen = Counter(row for batch in PersonBatches(labels, 2, k, seed=0).epoch(0) for row in batch)
    for row, times in seen.items():
        assert times == 1 or images[labels[row]] < k


def test_a_person_with_few_images_is_filled_up_evenly() -> None:
    batches = PersonBatches([0, 0, 1, 1, 1, 1, 1], 2, 5, seed=0).epoch(0)
    rows = Counter(row for row in batches[0] if row < 2)
    assert sorted(rows.values()) == [2, 3]


def test_batches_depend_on_seed_and_epoch_alone() -> None:
    labels = _labels([6] * 8)
    first = PersonBatches(labels, 4, 2, seed=3)
    first.epoch(0)
    assert first.epoch(5) == PersonBatches(labels, 4, 2, seed=3).epoch(5)
    assert first.epoch(5) != first.epoch(6)
    assert first.epoch(5) != PersonBatches(labels, 4, 2, seed=4).epoch(5)


def test_an_epoch_covers_equal_persons_whole() -> None:
    labels = _labels([8] * 4)
    rows = [row for batch in PersonBatches(labels, 4, 4, seed=0).epoch(0) for row in batch]
    assert sorted(rows) == list(range(32))


def test_the_limit_bounds_how_often_a_person_comes() -> None:
    labels = _labels([40, 4, 4, 4])
    rows = [row for b in PersonBatches(labels, 2, 4, seed=0, limit=2).epoch(0) for row in b]
    assert Counter(labels[row] for row in rows)[0] <= 8


@pytest.mark.parametrize(("persons", "images"), [(1, 4), (2, 0), (9, 1)])
def test_impossible_batches_are_refused(persons: int, images: int) -> None:
    with pytest.raises(ValueError, match="batch"):
        PersonBatches([0, 0, 1, 1], persons, images, seed=0)


# Several sources

sizes = st.lists(st.integers(3, 9), min_size=2, max_size=4)


def _of_sources(persons: list[int], images: int = 4) -> tuple[list[int], list[str]]:
    """The labels and sources of sources with so many persons, of ``images`` images each."""
    names = [f"set{number}" for number, count in enumerate(persons) for _ in range(count * images)]
    return _labels([images] * sum(persons)), names


def _persons_by_source(batch: list[int], labels: list[int], names: list[str]) -> dict[str, int]:
    pairs = {(names[row], labels[row]) for row in batch}
    return dict(Counter(name for name, _ in pairs))


@given(sizes, st.integers(4, 7), st.integers(0, 3))
def test_even_batches_hold_equal_shares_that_go_round(
    persons: list[int], size: int, epoch: int
) -> None:
    labels, names = _of_sources(persons)
    batches = PersonBatches(labels, size, 4, seed=1, mix="even", sources=names).epoch(epoch)
    total: Counter[str] = Counter()
    for batch in batches:
        assert list(Counter(labels[row] for row in batch).values()) == [4] * size
        shares = _persons_by_source(batch, labels, names)
        assert set(shares.values()) <= {size // len(persons), -(-size // len(persons))}
        total.update(shares)
        assert max(total.values()) - min(total[name] for name in set(names)) <= 1


@given(sizes, st.integers(0, 3))
def test_alternate_batches_come_from_one_source_in_turn(persons: list[int], epoch: int) -> None:
    labels, names = _of_sources(persons)
    batches = PersonBatches(labels, 3, 4, seed=1, mix="alternate", sources=names).epoch(epoch)
    order = [{names[row] for row in batch} for batch in batches]
    assert order == [{f"set{i % len(persons)}"} for i in range(len(batches))]


@pytest.mark.parametrize("mix", ["even", "alternate"])
@given(persons=sizes)
def test_an_epoch_goes_once_through_the_largest_source(mix: Mix, persons: list[int]) -> None:
    """As slowly counted: persons of each source struck off a list that is renewed when short."""
    labels, names = _of_sources(persons)
    size = 3 if mix == "alternate" else len(persons)
    share = 3 if mix == "alternate" else 1
    batches = PersonBatches(labels, size, 4, seed=2, mix=mix, sources=names).epoch(0)
    turns = max(count // share for count in persons)
    assert len(batches) == turns * (1 if mix == "even" else len(persons))
    for number, count in enumerate(persons):
        unseen: set[int] = set()
        for batch in batches:
            own = {labels[row] for row in batch if names[row] == f"set{number}"}
            if own and len(unseen) < share:
                unseen = set(range(sum(persons[:number]), sum(persons[:number]) + count))
            assert own <= unseen
            unseen -= own


@pytest.mark.parametrize("mix", ["even", "alternate"])
@given(persons=sizes, limit=st.integers(1, 2))
def test_the_limit_holds_also_where_a_source_begins_anew(
    mix: Mix, persons: list[int], limit: int
) -> None:
    labels, names = _of_sources(persons)
    size = 3 if mix == "alternate" else len(persons)
    made = PersonBatches(labels, size, 4, seed=2, limit=limit, mix=mix, sources=names).epoch(0)
    times = Counter(labels[row] for batch in made for row in batch)
    assert max(times.values()) <= 4 * limit
    assert made


def test_every_share_of_an_even_batch_is_even() -> None:
    """Processes take consecutive slices of a batch."""
    labels, names = _of_sources([8, 8])
    for batch in PersonBatches(labels, 8, 4, seed=0, mix="even", sources=names).epoch(0):
        for start in (0, 16):
            share = Counter(names[row] for row in batch[start : start + 16])
            assert share == {"set0": 8, "set1": 8}


@pytest.mark.parametrize("mix", ["joint", "even", "alternate"])
def test_one_source_is_sampled_as_ever(mix: Mix) -> None:
    labels = _labels([9, 4, 6, 3, 8, 5])
    names = ["only"] * len(labels)
    plain = PersonBatches(labels, 3, 4, seed=3).epoch(2)
    assert PersonBatches(labels, 3, 4, seed=3, mix=mix, sources=names).epoch(2) == plain


def test_batches_that_sources_cannot_fill_are_refused_by_name() -> None:
    labels, names = _of_sources([2, 6])
    with pytest.raises(ValueError, match=r"4 persons of set0 .* from 2: .*sampling\.persons=2"):
        PersonBatches(labels, 4, 4, seed=0, mix="alternate", sources=names)
    with pytest.raises(ValueError, match=r"3 persons of set0 .* from 2: .*sampling\.persons=4"):
        PersonBatches(labels, 6, 4, seed=0, mix="even", sources=names)
    labels, names = _of_sources([4, 4, 4])
    with pytest.raises(ValueError, match="from 3 sources evenly"):
        PersonBatches(labels, 2, 4, seed=0, mix="even", sources=names)


# Cameras within a person


def _most_cameras(counts: list[int], groups: int, size: int) -> int:
    """The most (group, camera) pairs that any division has: all divisions are tried."""

    def best(left: tuple[int, ...], groups: int) -> int:
        if groups == 0:
            return 0
        choices = product(*(range(min(count, size) + 1) for count in left))
        return max(
            sum(taken > 0 for taken in choice)
            + best(tuple(sorted(a - b for a, b in zip(left, choice, strict=True))), groups - 1)
            for choice in choices
            if sum(choice) == size
        )

    return lru_cache(None)(best)(tuple(sorted(counts)), groups)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(2, 4), st.integers(0, 9))
def test_a_persons_groups_hold_as_many_cameras_as_any_division_could(
    counts: list[int], size: int, seed: int
) -> None:
    cameras = [camera for camera, count in enumerate(counts) for _ in range(count)]
    labels = [0] * len(cameras) + [1] * len(cameras)
    made = PersonBatches(labels, 2, size, seed=seed, cameras=cameras * 2).epoch(0)
    groups = [
        batch[start : start + size]
        for batch in made
        for start in (0, size)
        if labels[batch[start]] == 0
    ]
    seen = Counter(row for group in groups for row in group)
    if len(cameras) >= size:
        assert len(groups) == len(cameras) // size
        assert max(seen.values()) == 1
        pairs = sum(len({cameras[row] for row in group}) for group in groups)
        assert pairs == _most_cameras(counts, len(groups), size)
    else:
        assert len({cameras[row] for row in groups[0]}) == len(counts)
        assert set(seen.values()) <= {size // len(cameras), -(-size // len(cameras))}


def test_cameras_are_spread_where_chance_leaves_some_out() -> None:
    cameras = [0, 0, 0, 0, 0, 0, 1, 2] * 6
    labels = _labels([8] * 6)
    balanced = PersonBatches(labels, 3, 4, seed=0, cameras=cameras, limit=1).epoch(0)
    plain = PersonBatches(labels, 3, 4, seed=0, limit=1).epoch(0)
    seen = [
        sum(len({(labels[row], cameras[row]) for row in batch}) for batch in made)
        for made in (balanced, plain)
    ]
    assert seen[0] == 6 * 3 > seen[1]


def test_sites_are_persons_linked_by_cameras_in_common() -> None:
    seen = [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (4, 3), (5, 1)]
    sources = ["a", "a", "a", "a", "a", "a", "b"]
    records = [
        Record(f"{row}.jpg", person, camera, source)
        for row, ((person, camera), source) in enumerate(zip(seen, sources, strict=True))
    ]
    sites = sites_of(records, [person for person, _ in seen])
    assert sites == [0, 0, 0, 1, 2, 1, 3]
    unknown = [Record(f"{row}.jpg", row, None, "a") for row in range(3)]
    assert sites_of(unknown, [0, 1, 2]) == [0, 0, 0]


@given(st.lists(st.integers(0, 3), min_size=6, max_size=14), st.integers(0, 3))
def test_a_batch_takes_a_second_site_only_when_the_first_is_used_up(
    site_of: list[int], epoch: int
) -> None:
    labels = _labels([4] * len(site_of))
    sites = [site_of[label] for label in labels]
    left = Counter(site_of)
    batches = PersonBatches(labels, 3, 4, seed=2, sites=sites).epoch(epoch)
    assert len(batches) == len(site_of) // 3
    for batch in batches:
        chosen = Counter(site_of[label] for label in {labels[row] for row in batch})
        complete = [site for site, taken in chosen.items() if taken == left[site]]
        assert len(complete) >= len(chosen) - 1
        left -= chosen
