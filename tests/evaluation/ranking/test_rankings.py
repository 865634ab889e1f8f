"""rank() against sorting by hand."""

import numpy as np
import pytest

from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.ranking.distances import VectorDistances
from passerby.evaluation.ranking.rankings import rank
from passerby.tables.embeddings import Embeddings


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    persons = rng.integers(-1, 6, 60)
    gallery = Embeddings(
        rng.normal(size=(60, 4))[rng.integers(0, 40, 60)], persons, rng.integers(1, 4, 60)
    )
    query_persons = np.array([0, 1, 2, 3, -1, 77, 4])
    return Embeddings(rng.normal(size=(7, 4)), query_persons, rng.integers(1, 4, 7)), gallery


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("camera_rule", [True, False])
@pytest.mark.parametrize("k", [1, 10, 1000])
def test_against_sorting(metric, camera_rule, k, parts):
    query, gallery = parts
    rankings = rank(query, gallery, k, metric=metric, camera_rule=camera_rule)
    assert [ranking.query for ranking in rankings] == list(range(7))
    for q, ranking in enumerate(rankings):
        distances = VectorDistances(query.vectors, gallery.vectors, metric).block(slice(q, q + 1))
        rows, matches = [], []
        for g in sorted(range(60), key=lambda g: (distances[0, g], g)):
            same = gallery.persons[g] == query.persons[q]
            near = camera_rule and gallery.cameras[g] == query.cameras[q]
            if gallery.persons[g] != -1 and not (same and near):
                rows.append(g)
                if same:
                    matches.append(g)
        assert ranking.shown.tolist() == rows[:k]
        assert ranking.truth.tolist() == matches
        assert ranking.correct.tolist() == [g in matches for g in rows[:k]]
        np.testing.assert_array_equal(ranking.distances, distances[0, rows[:k]])
        np.testing.assert_array_equal(ranking.truth_distances, distances[0, matches])


def test_first_correct_place_is_the_first_rank_of_the_report(parts):
    query, gallery = parts
    report = evaluate(query, gallery)
    rankings = rank(query, gallery, len(gallery), queries=report.query_rows.tolist())
    places = [int(np.argmax(ranking.correct)) + 1 for ranking in rankings]
    assert places == report.first_ranks.tolist()


def test_chosen_queries_in_their_order(parts):
    query, gallery = parts
    chosen = rank(query, gallery, queries=[5, 0])
    assert [ranking.query for ranking in chosen] == [5, 0]
    assert len(chosen[0].truth) == 0
    assert not chosen[0].correct.any()
    assert len(chosen[0].shown) == 10


def test_what_cannot_be_ranked_is_refused(parts):
    query, gallery = parts
    for row in (-1, 7):
        with pytest.raises(ValueError, match=f"query {row} does not exist: rows are 0 to 6"):
            rank(query, gallery, queries=[row])
    with pytest.raises(ValueError, match="has no camera numbers"):
        rank(query, Embeddings(gallery.vectors, gallery.persons))
    with pytest.raises(ValueError, match="the query is empty"):
        rank(query[[]], gallery)
