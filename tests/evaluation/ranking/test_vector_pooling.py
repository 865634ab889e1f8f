"""Pooling against loops."""

import numpy as np
import pytest

from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.ranking.vector_pooling import pool_queries, pool_tracklets
from passerby.tables.embeddings import Embeddings

STATISTICS = {"mean": np.mean, "max": np.max}


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def part(count, seed, **columns):
    rng = np.random.default_rng(seed)
    return Embeddings(
        rng.normal(size=(count, 5)),
        rng.integers(-1, 4, count),
        rng.integers(1, 3, count),
        images=[f"{seed}-{row}.jpg" for row in range(count)],
        model="m",
        **columns,
    )


@pytest.mark.parametrize("by", STATISTICS)
@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("named", ["both", "query", "none"])
def test_queries_against_loops(by, normalised, named):
    sources = np.array(["x", "y"])
    query = part(12, 0, sources=sources[np.arange(12) % 2] if named != "none" else None)
    images = part(40, 1, sources=sources[np.arange(40) % 2] if named == "both" else None)
    pooled = pool_queries(query, images, by, normalised=normalised)
    for row in range(12):
        own = [
            number
            for number in range(40)
            if images.persons[number] == query.persons[row]
            and images.cameras[number] == query.cameras[row]
            and (named != "both" or images.sources[number] == query.sources[row])
        ]
        vectors = images.vectors[own] if own else query.vectors[[row]]
        expected = STATISTICS[by](unit(vectors) if normalised else vectors, axis=0)
        np.testing.assert_allclose(pooled.vectors[row], expected, rtol=1e-6, atol=1e-7)
    for name in ("persons", "cameras", "images", "sources"):
        np.testing.assert_array_equal(getattr(pooled, name), getattr(query, name))
    assert pooled.model == "m"


@pytest.mark.parametrize("by", STATISTICS)
@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("cameras", [True, False])
def test_tracklets_against_loops(by, normalised, cameras):
    rng = np.random.default_rng(2)
    images = part(
        60,
        3,
        tracklets=rng.integers(-1, 3, 60),
        sources=np.array(["x", "y"])[rng.integers(0, 2, 60)],
    )
    if not cameras:
        images = Embeddings(
            images.vectors, images.persons, tracklets=images.tracklets, sources=images.sources
        )
    groups = {}
    for row in range(60):
        key = (images.persons[row], images.tracklets[row], images.sources[row])
        key += (images.cameras[row] if cameras else None,)
        key += (row if images.tracklets[row] == -1 else None,)
        groups.setdefault(key, []).append(row)
    pooled = pool_tracklets(images, by, normalised=normalised)
    assert len(pooled) == len(groups) < 60
    for row, ((person, tracklet, source, camera, _), own) in enumerate(groups.items()):
        vectors = images.vectors[own]
        expected = STATISTICS[by](unit(vectors) if normalised else vectors, axis=0)
        np.testing.assert_allclose(pooled.vectors[row], expected, rtol=1e-6, atol=1e-7)
        assert pooled.persons[row] == person
        assert pooled.tracklets[row] == tracklet
        assert pooled.sources[row] == source
        if cameras:
            assert pooled.cameras[row] == camera
            assert pooled.images[row] == images.images[own[0]]


def test_pooling_helps():
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(30, 8))
    persons = np.arange(30)

    def images(each, camera):
        numbers = np.repeat(persons, each)
        vectors = centres[numbers] + rng.normal(size=(30 * each, 8))
        return Embeddings(
            vectors, numbers, np.full(30 * each, camera), tracklets=np.zeros(30 * each, int)
        )

    query, gallery = images(1, 1), images(6, 2)
    single = evaluate(query, gallery).mean_average_precision
    many = pool_queries(query, images(6, 1))
    assert evaluate(many, gallery).mean_average_precision > single + 10
    report = evaluate(many, pool_tracklets(gallery))
    assert report.gallery == 30
    assert report.mean_average_precision > single + 10


def test_what_cannot_be_pooled_is_refused():
    query, images = part(3, 5), part(9, 6)
    with pytest.raises(ValueError, match="cameras are missing"):
        pool_queries(query, Embeddings(images.vectors, images.persons))
    narrow = Embeddings(images.vectors[:, :4], images.persons, images.cameras)
    with pytest.raises(ValueError, match="5 dimensions and the images to pool 4"):
        pool_queries(query, narrow)
    with pytest.raises(ValueError, match="pooled by 'mean' or 'max', got 'median'"):
        pool_queries(query, images, "median")
    with pytest.raises(ValueError, match="no tracklets are known"):
        pool_tracklets(images)
    for bad in (0, np.nan):
        vectors = np.full((2, 3), bad)
        with pytest.raises(ValueError, match="zero or not finite"):
            pool_tracklets(Embeddings(vectors, [1, 1], tracklets=[0, 0]))


def test_an_empty_part_stays_empty():
    images = Embeddings(np.empty((0, 4)), [], [], tracklets=[])
    assert pool_tracklets(images).vectors.shape == (0, 4)
    assert pool_queries(images, images).vectors.shape == (0, 4)
