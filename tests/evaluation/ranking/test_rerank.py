"""rerank() against the algorithm of Zhong et al. written out, dense and slow, in float64."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import passerby
from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.ranking.distances import Distances, VectorDistances
from passerby.evaluation.ranking.neighbours import Neighbours, UnitVectors, nearest, neighbours
from passerby.evaluation.ranking.rerank import Reranked, encode, memory_needed, rerank
from passerby.tables.embeddings import Embeddings

UNLIMITED = 10**15


def reference(squared, queries, k1, k2, weight):
    """Re-ranked distances [Q, G] from squared distances [N, N], queries first, step by step."""
    everyone = len(squared)
    original = np.array([[d / (max(row) or 1) for d in row] for row in squared])
    ranked = [sorted(range(everyone), key=lambda j: (row[j], j)) for row in squared]

    def mutual(i, k):
        return [j for j in ranked[i][: k + 1] if i in ranked[j][: k + 1]]

    encoded = np.zeros((everyone, everyone))
    for i in range(everyone):
        own = mutual(i, k1)
        expanded = set(own)
        for candidate in own:
            theirs = mutual(candidate, int(np.around(k1 / 2)))
            if 3 * len(set(own) & set(theirs)) > 2 * len(theirs):
                expanded |= set(theirs)
        weights = {j: math.exp(-original[i, j]) for j in expanded}
        for j, value in weights.items():
            encoded[i, j] = value / sum(weights.values())
    if k2 > 1:
        encoded = np.array([encoded[ranked[i][:k2]].mean(axis=0) for i in range(everyone)])
    final = np.empty((queries, everyone - queries))
    for i in range(queries):
        for g in range(queries, everyone):
            common = sum(np.minimum(encoded[i], encoded[g]))
            jaccard = 1 - common / (2 - common)
            final[i, g - queries] = (1 - weight) * jaccard + weight * original[i, g]
    return final


class Table(Distances):
    """Distances written down."""

    def __init__(self, table):
        self._table = np.array(table, np.float32)
        self.shape = self._table.shape

    def block(self, rows):
        return self._table[rows].copy()


def squared_distances(vectors):
    unit = vectors.astype(np.float64)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    return ((unit[:, None] - unit) ** 2).sum(axis=2)


def reranked_table(squared, queries, k1, k2, weight):
    """What rerank() does after the distances, from the given ones."""
    found = Neighbours(
        nearest(squared, min(len(squared), max(k1 + 1, k2))).astype(np.int32), squared.max(axis=1)
    )
    encodings = encode(found, lambda i, j: squared[i, j], k1, k2, queries)
    cosines = Table(squared[:queries, queries:] / 2)
    return Reranked(cosines, found.farthest[:queries], encodings, weight, UNLIMITED).dense()


def people(*, queries=30, images=170, width=16, persons=20, noise=0.6, seed=0):
    """Vectors around one centre a person."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(persons, width))

    def part(count):
        numbers = rng.integers(0, persons, count)
        vectors = centres[numbers] + noise * rng.normal(size=(count, width))
        return Embeddings(vectors, numbers, rng.integers(1, 4, count))

    return part(queries), part(images)


def together(query, gallery):
    return np.concatenate([query.vectors, gallery.vectors])


SETTINGS = [(20, 6, 0.3), (5, 1, 0.3), (7, 3, 0.5), (20, 6, 0.0), (20, 6, 1.0), (4, 9, 0.1)]


@pytest.mark.parametrize(("k1", "k2", "weight"), SETTINGS)
@pytest.mark.parametrize("seed", [0, 1])
def test_against_the_literal_algorithm(k1, k2, weight, seed):
    query, gallery = people(seed=seed)
    squared = squared_distances(together(query, gallery))
    expected = reference(squared, len(query), k1, k2, weight)
    measured = rerank(query, gallery, k1, k2, weight).dense()
    assert measured.dtype == np.float32
    np.testing.assert_allclose(measured, expected, atol=1e-5)
    given_same = reranked_table(squared, len(query), k1, k2, weight)
    np.testing.assert_allclose(given_same, expected, atol=1e-6)


@pytest.mark.parametrize(("k1", "k2"), [(9, 3), (10, 4), (11, 2), (3, 1), (1, 1), (2, 5)])
def test_halves_and_two_thirds(k1, k2):
    """Small k1, where the rounding of k1 / 2 and the strict two thirds decide often."""
    query, gallery = people(images=60, persons=6, noise=1.2, seed=k1)
    squared = squared_distances(together(query, gallery))
    expected = reference(squared, len(query), k1, k2, 0.3)
    np.testing.assert_allclose(rerank(query, gallery, k1, k2).dense(), expected, atol=1e-5)


@pytest.mark.parametrize(("k1", "k2"), [(11, 6), (12, 30), (40, 2), (5000, 6000)])
def test_more_neighbours_than_images(k1, k2):
    query, gallery = people(queries=4, images=8)
    squared = squared_distances(together(query, gallery))
    expected = reference(squared, 4, k1, k2, 0.3)
    np.testing.assert_allclose(rerank(query, gallery, k1, k2).dense(), expected, atol=1e-5)


@st.composite
def tables(draw):
    """A symmetric table of few different distances, zero on the diagonal."""
    count = draw(st.integers(2, 14))
    size = count * (count - 1) // 2
    values = draw(st.lists(st.integers(0, 5), min_size=size, max_size=size))
    table = np.zeros((count, count))
    table[np.triu_indices(count, 1)] = values
    k = st.integers(1, 8)
    weight = draw(st.sampled_from([0.0, 0.3, 1.0]))
    return table + table.T, draw(st.integers(1, count - 1)), draw(k), draw(k), weight


# An image outside its own list, among many copies, has an encoding of zero: both agree on that.
@given(tables())
@settings(max_examples=300)
def test_small_tables_with_ties(case):
    squared, queries, k1, k2, weight = case
    expected = reference(squared, queries, k1, k2, weight)
    np.testing.assert_allclose(
        reranked_table(squared, queries, k1, k2, weight), expected, atol=1e-6
    )


def with_copies(seed=3):
    """A gallery in which some images come twice, one four times and one thirty times."""
    query, gallery = people(queries=12, images=90, seed=seed)
    rows = np.r_[np.arange(90), 5, 7, 7, 7, 60, np.full(29, 11)]
    rows = np.random.default_rng(seed).permutation(rows)
    vectors = query.vectors.copy()
    vectors[3] = gallery.vectors[7]
    vectors[8] = vectors[9] = query.vectors[8]
    return Embeddings(vectors, query.persons, query.cameras), gallery[rows], rows


@pytest.mark.parametrize(("k1", "k2", "weight"), SETTINGS)
def test_copies_against_the_literal_algorithm(k1, k2, weight):
    query, gallery, _ = with_copies()
    squared = squared_distances(together(query, gallery))
    expected = reference(squared, len(query), k1, k2, weight)
    np.testing.assert_allclose(rerank(query, gallery, k1, k2, weight).dense(), expected, atol=1e-5)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_copies_have_equal_distances(weight):
    query, gallery, rows = with_copies()
    table = rerank(query, gallery, weight=weight).dense()
    first = [rows.tolist().index(row) for row in rows]
    np.testing.assert_array_equal(table, table[:, first])
    np.testing.assert_array_equal(table[8], table[9])


def test_all_vectors_equal():
    same = Embeddings(np.ones((40, 3)), np.zeros(40, int), np.ones(40, int))
    np.testing.assert_allclose(rerank(same[:5], same[5:]).dense(), 0, atol=1e-5)


def test_weight_one_is_the_original_distance():
    query, gallery = people()
    squared = squared_distances(together(query, gallery))
    expected = squared[:30, 30:] / squared[:30].max(axis=1, keepdims=True)
    np.testing.assert_allclose(rerank(query, gallery, weight=1).dense(), expected, atol=1e-6)


def test_lengths_of_vectors_do_not_matter():
    query, gallery = people()
    longer = Embeddings(
        gallery.vectors * np.linspace(0.1, 50, len(gallery))[:, None],
        gallery.persons,
        gallery.cameras,
    )
    np.testing.assert_allclose(
        rerank(query, longer).dense(), rerank(query, gallery).dense(), atol=1e-5
    )


@pytest.mark.parametrize("size", [1, 7, 256])
def test_blocks_are_slices_of_the_whole(size):
    query, gallery = people(queries=300)
    distances = rerank(query, gallery)
    whole = distances.dense()
    assert whole.shape == distances.shape == (300, 170)
    for start in range(0, 300, size):
        rows = slice(start, start + size)
        block = distances.block(rows)
        np.testing.assert_array_equal(block, whole[rows])
        block[:] = np.inf  # the caller may overwrite it
        np.testing.assert_array_equal(distances.block(rows), whole[rows])


@pytest.mark.parametrize("tile", [2, 3, 13, 64, 500])
def test_tiles_find_the_same_neighbours(tile):
    query, gallery, _ = with_copies()
    vectors = UnitVectors([query.vectors, gallery.vectors])
    found = neighbours(vectors, 21, tile=tile)
    squared = squared_distances(together(query, gallery)).round(12)  # copies are tied exactly
    np.testing.assert_array_equal(found.nearest, nearest(squared, 21))
    np.testing.assert_allclose(found.farthest, squared.max(axis=1), atol=1e-6)


def test_neighbours_on_a_grid_of_ties():
    """Orthogonal vectors: all cosines are exactly 0 or 1, whatever the order of summation."""
    rows = np.random.default_rng(0).integers(0, 40, 300)
    vectors = np.eye(40, dtype=np.float32)[rows]
    squared = 2.0 - 2 * (rows[:, None] == rows)
    for tile in (7, 300):
        found = neighbours(UnitVectors([vectors[:100], vectors[100:]]), 30, tile=tile)
        np.testing.assert_array_equal(found.nearest, nearest(squared, 30))


def test_nearest_is_a_stable_sort():
    table = np.random.default_rng(0).integers(0, 4, (50, 30)).astype(np.float32)
    for k in (1, 5, 30):
        np.testing.assert_array_equal(
            nearest(table, k), np.argsort(table, axis=1, kind="stable")[:, :k]
        )


def test_rows_and_pairs_of_unit_vectors():
    query, gallery = people()
    vectors = UnitVectors([query.vectors, gallery.vectors])
    assert (len(vectors), vectors.width) == (200, 16)
    rows = np.random.default_rng(0).permutation(200)
    unit = together(query, gallery)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors.rows(rows), unit[rows], atol=1e-6)
    measured = vectors.squared_distances(rows, np.roll(rows, 1))
    expected = squared_distances(together(query, gallery))[rows, np.roll(rows, 1)]
    np.testing.assert_allclose(measured, expected, atol=1e-6)


def test_evaluate_takes_them_and_they_help():
    query, gallery = people(queries=60, images=400, noise=1.3, seed=5)
    plain = evaluate(query, gallery)
    report = evaluate(query, gallery, distances=passerby.rerank(query, gallery))
    assert report.metric == "Reranked"
    assert report.mean_average_precision > plain.mean_average_precision + 3
    table = rerank(query, gallery).dense()
    assert evaluate(query, gallery, distances=Table(table)).figures() == report.figures()


def test_threads_change_nothing():
    query, gallery = people()
    one = rerank(query, gallery).dense()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        two = rerank(query, gallery).dense()
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_a_small_budget_is_refused_before_the_work(steps):
    query, gallery = people()
    with pytest.raises(ValueError, match=r"can take [\d.]+ MB, more than memory='20MB'.* give mem"):
        rerank(query, gallery, memory="20MB")
    assert steps == []
    needed = memory_needed(30, 170, 16)
    assert rerank(query, gallery, memory=needed).shape == (30, 170)
    with pytest.raises(ValueError, match="more than memory="):
        rerank(query, gallery, memory=needed - 1)


def test_dense_needs_room():
    query, gallery = people()
    tight = rerank(query, gallery, memory=memory_needed(30, 170, 16))
    with pytest.raises(ValueError, match=r"30 × 170 distances take 0.1 MB and 0.0 MB are left"):
        tight.dense()
    assert tight.block(slice(0, 2)).shape == (2, 170)


def test_market_and_msmt17_fit_the_default():
    assert memory_needed(3368, 15913, 2048) < 0.7e9
    assert memory_needed(11659, 82161, 2048) < 2e9
    assert memory_needed(11659, 82161, 2048, k1=40) > memory_needed(11659, 82161, 2048)


def test_progress_counts_up_to_its_total(steps):
    query, gallery = people(queries=500, images=3700, width=4)
    rerank(query, gallery)
    assert steps == [(done, 6) for done in range(1, 7)]


def test_an_interrupt_ends_it(steps):
    query, gallery = people()
    before = query.vectors.copy()
    steps.at_each = steps.interrupt
    with pytest.raises(KeyboardInterrupt):
        rerank(query, gallery)
    steps.at_each = lambda done, total: None
    np.testing.assert_array_equal(query.vectors, before)
    assert rerank(query, gallery).shape == (30, 170)


@pytest.mark.parametrize("part", ["query", "gallery"])
@pytest.mark.parametrize(
    ("bad", "message"),
    [(np.nan, "hold NaN or infinite"), (np.inf, "hold NaN or infinite"), (0, "row 2 is a zero")],
)
def test_vectors_that_cannot_be_ranked(part, bad, message):
    parts = dict(zip(("query", "gallery"), people(), strict=True))
    parts[part].vectors[2] = bad
    with pytest.raises(ValueError, match=f"{part} .*{message}|{message}"):
        rerank(**parts)


def test_other_slips_are_named():
    query, gallery = people()
    other = people(width=7)[1]
    with pytest.raises(ValueError, match="query vectors have 16 dimensions and gallery vectors 7"):
        rerank(query, other)
    with pytest.raises(ValueError, match="queries and a gallery, got 0 and 170 images"):
        rerank(query[[]], gallery)
    with pytest.raises(ValueError, match="queries and a gallery, got 30 and 0 images"):
        rerank(query, gallery[[]])
    with pytest.raises(ValueError, match="at least 1, got 0 and 6"):
        rerank(query, gallery, k1=0)
    with pytest.raises(ValueError, match="at least 1, got 20 and -2"):
        rerank(query, gallery, k2=-2)
    for weight in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="weight must be between 0 and 1"):
            rerank(query, gallery, weight=weight)


def test_the_original_is_twice_the_cosine_distance_over_the_farthest():
    query, gallery = people()
    found = neighbours(UnitVectors([query.vectors, gallery.vectors]), 3)
    cosine = VectorDistances(query.vectors, gallery.vectors, "cosine").block(slice(0, 30))
    np.testing.assert_allclose(
        rerank(query, gallery, weight=1).dense(),
        2 * cosine / found.farthest[:30, None],
        atol=1e-6,
    )
