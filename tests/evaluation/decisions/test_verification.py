"""Streamed verification against all pairs, sorted; and against distributions that are known."""

import json
import math
from itertools import combinations, product

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from passerby.evaluation.decisions import pairs as pairs_module
from passerby.evaluation.decisions.pairs import (
    BIN_WIDTH,
    PairCounts,
    Pairs,
    count_pairs,
    sample_pairs,
)
from passerby.evaluation.decisions.verification import (
    det_curve,
    equal_error_rate,
    operating_points,
    verify,
)
from passerby.evaluation.ranking.distances import Distances, VectorDistances
from passerby.tables.embeddings import Embeddings


class Table(Distances):
    """Distances written down."""

    def __init__(self, table):
        self._table = np.array(table, np.float32)
        self.shape = self._table.shape

    def block(self, rows):
        return self._table[rows].copy()


def people(seed, *, images=60, persons=9, cameras=3, sources=True, junk=True):
    random = np.random.default_rng(seed)
    numbers = random.integers(-1 if junk else 0, persons, images)
    centres = random.normal(size=(persons + 1, 6))
    return Embeddings(
        centres[numbers] + random.normal(size=(images, 6)),
        numbers,
        random.integers(1, cameras + 1, images),
        sources=np.array(["a", "b"])[random.integers(0, 2, images)] if sources else None,
    )


def literal_pairs(query, gallery, metric, camera_rule, cross_camera):
    """(distance, same person?) of every pair that counts, one after the other."""
    once = gallery is None
    gallery = query if once else gallery
    table = VectorDistances(query.vectors, gallery.vectors, metric).block(slice(0, len(query)))
    named = query.sources is not None and gallery.sources is not None
    found = []
    indices = (
        combinations(range(len(query)), 2)
        if once
        else product(range(len(query)), range(len(table.T)))
    )
    for q, g in indices:
        source = not named or query.sources[q] == gallery.sources[g]
        same = source and query.persons[q] == gallery.persons[g]
        camera = source and query.cameras[q] == gallery.cameras[g]
        if query.persons[q] == -1 or gallery.persons[g] == -1:
            continue
        if same and camera and camera_rule:
            continue
        if camera and cross_camera:
            continue
        found.append((float(table[q, g]), same))
    return sorted(found)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("with_gallery", [True, False])
@pytest.mark.parametrize(("camera_rule", "cross_camera"), [(1, 0), (1, 1), (0, 0)])
def test_as_all_pairs_sorted(metric, with_gallery, camera_rule, cross_camera, monkeypatch):
    monkeypatch.setattr(pairs_module, "_BLOCK", 200)
    query = people(1)
    gallery = people(2) if with_gallery else None
    expected = literal_pairs(query, gallery, metric, camera_rule, cross_camera)
    rates = (0.003, 0.02, 0.1, 0.5)
    found = verify(
        query, gallery, metric, bool(camera_rule), rates=rates, cross_camera=bool(cross_camera)
    )
    same = [d for d, s in expected if s]
    different = [d for d, s in expected if not s]
    assert (found.same, found.different) == (len(same), len(different))
    for point in found.points:
        # Literally: the highest threshold is the distance of the first pair that is too much.
        allowed = math.floor(point.false_match_rate * len(different) + 1e-9)
        limit = different[allowed]
        true = sum(d < limit for d in same) / len(same)
        assert point.true_match_rate <= true <= point.true_match_rate_bound
        assert limit * (1 - BIN_WIDTH) - 1e-9 <= point.threshold <= limit
        assert sum(d < point.threshold for d in same) / len(same) == point.true_match_rate
        assert sum(d < point.threshold for d in different) == point.false_matches
        assert point.measured == pytest.approx(point.false_matches / len(different))
    false, true, _ = roc_curve([s for _, s in expected], [-d for d, _ in expected])
    crossing = np.flatnonzero(false <= 1 - true)[-1]
    rise = (false[crossing + 1] - false[crossing], true[crossing] - true[crossing + 1])
    step = (1 - true[crossing] - false[crossing]) / (rise[0] - rise[1])
    error = false[crossing] + step * rise[0]
    assert found.equal_error_rate.low - 1e-9 <= error <= found.equal_error_rate.high + 1e-9
    width = max(1 / len(same), 1 / len(different))
    assert found.equal_error_rate.high - found.equal_error_rate.low <= 2 * width


def test_two_gaussians():
    # d' = 2: the error rates are equal at Φ(−1).
    random = np.random.default_rng(0)
    persons = np.repeat(np.arange(600), 2)
    table = np.abs(10 + random.normal(size=(600, 600)) + 2 * (1 - np.eye(600)))
    everybody = Embeddings(np.ones((1200, 1)), persons, np.tile([1, 2], 600))
    found = verify(everybody[::2], everybody[1::2], distances=Table(table), replicates=50)
    middle = (found.equal_error_rate.low + found.equal_error_rate.high) / 2
    assert middle == pytest.approx(0.5 * math.erfc(1 / math.sqrt(2)), abs=0.03)
    # At a false-match rate of Φ(−1) the threshold is 11, one deviation above the true mean.
    point = operating_points(count_pairs(_table_pairs(everybody, table)), [0.15865])[0]
    assert point.threshold == pytest.approx(11, abs=0.02)
    assert point.true_match_rate == pytest.approx(0.8413, abs=0.03)
    assert found.metric == "Table"
    for point in found.points:
        low, high = point.true_match_rate_interval.low, point.true_match_rate_interval.high
        assert low <= point.true_match_rate <= high
        assert 0 < high - low < 0.2
        assert point.threshold_interval.low <= point.threshold * (1 + BIN_WIDTH)
        assert point.threshold <= point.threshold_interval.high


def _table_pairs(everybody, table):
    return Pairs(everybody[::2], everybody[1::2], distances=Table(table))


def test_intervals_are_a_literal_bootstrap():
    everybody = people(3, images=40, sources=False)
    query = everybody[everybody.persons >= 0]  # junk is nobody who could be drawn
    count = len(query)
    found = verify(everybody, rates=(0.05, 0.2), replicates=100, seed=7, level=0.8)
    table = VectorDistances(query.vectors, query.vectors).block(slice(0, count))
    names = sorted({str(p) for p in query.persons})
    assert found.persons == len(names)
    thresholds = []
    for counts in np.random.default_rng([7, 3]).multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=100
    ):
        often = dict(zip(names, counts, strict=True))
        different = []
        for a, b in combinations(range(count), 2):
            p, q = str(query.persons[a]), str(query.persons[b])
            if p != q:
                different += int(often[p] * often[q]) * [table[a, b]]
        different.sort()
        thresholds.append([different[math.floor(r * len(different) + 1e-9)] for r in (0.05, 0.2)])
    for k, point in enumerate(found.points):
        low, high = np.quantile(np.array(thresholds)[:, k], [0.1, 0.9])
        assert point.threshold_interval.low == pytest.approx(low)
        assert point.threshold_interval.high == pytest.approx(high)


def test_a_thinned_sample_stands_for_all_pairs():
    query = people(4, images=300, persons=40)
    pairs = Pairs(query)
    counts = count_pairs(pairs)
    whole, thinned = sample_pairs(pairs, counts), sample_pairs(pairs, counts, limit=4000)
    total, same = int(counts.different.sum()), int(counts.same.sum())
    assert len(whole.distances) == total + same
    assert (whole.weights == 1).all()
    assert (np.diff(thinned.distances) >= 0).all()
    assert len(thinned.distances) - same == pytest.approx(4000, rel=0.05)
    assert thinned.same.sum() == same
    assert thinned.weights[~thinned.same].sum() == pytest.approx(total, rel=0.05)
    near = np.flatnonzero(~whole.same)[:1500]
    kept = np.flatnonzero(~thinned.same)[:1500]
    assert np.array_equal(whole.distances[near], thinned.distances[kept])
    assert (thinned.weights[kept] == 1).all()


def test_perfect_and_useless_vectors():
    persons = np.repeat(np.arange(5), 2)
    perfect = Embeddings(np.eye(5)[persons], persons, np.tile([1, 2], 5))
    found = verify(perfect)
    assert found.equal_error_rate.high == 0
    assert [point.true_match_rate for point in found.points] == [1, 1, 1, 1]
    collapsed = verify(Embeddings(np.ones((10, 3)), persons, np.tile([1, 2], 5)))
    assert (collapsed.equal_error_rate.low, collapsed.equal_error_rate.high) == (0, 1)
    point = collapsed.points[0]
    assert (point.true_match_rate, point.true_match_rate_bound, point.false_matches) == (0, 1, 0)


def test_what_is_written():
    found = verify(people(5), people(6), replicates=20)
    content = json.loads(found.to_json())
    assert content["bin_width"] == 2**-14
    assert content["points"][0]["false_match_rate"] == 1e-4
    assert len(content["curve"]["thresholds"]) <= 400
    assert "TPR" in str(found)
    assert "few false matches" in str(found)


def test_the_curve_keeps_both_ends():
    counts = PairCounts(
        lower=np.arange(1000) / 1000,
        upper=np.arange(1, 1001) / 1000,
        same=np.arange(1000, 0, -1),
        different=np.arange(1, 1001),
    )
    curve = det_curve(counts, points=50)
    assert len(curve.thresholds) <= 100
    assert list(curve.thresholds) == sorted(curve.thresholds)
    assert curve.false_match_rates[-1] == 1
    assert curve.false_non_match_rates[-1] == 0
    assert min(f for f in curve.false_match_rates if f > 0) == pytest.approx(1 / 500500)
    error = equal_error_rate(counts)
    assert error.low <= error.high <= error.low + 0.003


@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf, 2.0**20])
def test_unusable_distances_are_refused(bad):
    query = people(7, images=10, persons=2, sources=False)
    table = np.ones((10, 10))
    table[3, 4] = bad
    with pytest.raises(ValueError, match="distances must lie from 0"):
        verify(query, query, distances=Table(table))


def test_what_cannot_be_verified_is_refused():
    query = people(8, sources=False)
    with pytest.raises(ValueError, match="no camera numbers"):
        verify(Embeddings(query.vectors, query.persons))
    with pytest.raises(ValueError, match="pairs across cameras need"):
        verify(Embeddings(query.vectors, query.persons), camera_rule=False, cross_camera=True)
    with pytest.raises(ValueError, match="no pair of the same person"):
        verify(query[query.cameras == 1])
    with pytest.raises(ValueError, match="no pair of different persons"):
        verify(query[query.persons == 1])
    with pytest.raises(ValueError, match="rate must be between 0 and 1, got 1"):
        verify(query, rates=[1.0])
    with pytest.raises(ValueError, match=r"distances are \(2, 3\)"):
        verify(query, distances=Table(np.zeros((2, 3))))


def test_bins_hold_what_they_say():
    random = np.random.default_rng(0)
    table = np.concatenate([[0, 2**-21, 2**-20, 1, 2, 2**20 - 1], 10 ** random.uniform(-8, 5, 94)])
    table = table.astype(np.float32).reshape(10, 10)
    query = Embeddings(np.ones((10, 1)), np.arange(10), np.ones(10, int))
    gallery = Embeddings(np.ones((10, 1)), np.arange(10), np.full(10, 2))
    counts = count_pairs(Pairs(query, gallery, distances=Table(table)))
    for kind, mask in (("same", np.eye(10) == 1), ("different", np.eye(10) == 0)):
        values = table[mask].astype(np.float64)
        edges = zip(counts.lower, counts.upper, strict=True)
        inside = [((values >= a) & (values < b)).sum() for a, b in edges]
        assert inside == getattr(counts, kind).tolist()
    assert (counts.lower < counts.upper).all()
    above = counts.lower > 0
    assert ((counts.upper - counts.lower)[above] / counts.lower[above] <= BIN_WIDTH).all()


def test_no_block_is_larger_than_its_bound(monkeypatch):
    monkeypatch.setattr(pairs_module, "_BLOCK", 500)
    query = people(9, images=60, junk=False)
    sizes = [block.distances.shape for block in Pairs(query).blocks()]
    assert sizes == [(8, 60)] * 7 + [(4, 60)]
    starts = [block.start for block in Pairs(query).blocks()]
    assert starts == list(range(0, 60, 8))
