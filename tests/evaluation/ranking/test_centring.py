"""Vectors centred on their cameras: against a loop, and what they are for."""

import numpy as np
import pytest

from passerby.evaluation.evaluate import evaluate
from passerby.evaluation.ranking.centring import STEADY, centred
from passerby.tables.embeddings import Embeddings


def part(count: int, seed: int, sources: bool = False) -> Embeddings:
    random = np.random.default_rng(seed)
    return Embeddings(
        random.normal(size=(count, 6)),
        random.integers(0, 9, count),
        random.integers(1, 4, count),
        sources=random.choice(["a", "b"], count) if sources else None,
    )


@pytest.mark.parametrize("steady", [0.0, STEADY])
@pytest.mark.parametrize("sources", [False, True])
def test_each_vector_loses_the_mean_of_its_camera(steady: float, sources: bool) -> None:
    query, gallery = part(12, 0, sources), part(60, 1, sources)
    asked, shown = centred(query, gallery, steady)
    length_1 = [vector / np.sqrt((vector**2).sum()) for vector in gallery.vectors.astype(float)]
    everywhere = sum(length_1) / len(length_1)
    for given, made in ((query, asked), (gallery, shown)):
        for row in range(len(given)):
            total, count = steady * everywhere, steady
            for other in range(len(gallery)):
                alike = gallery.cameras[other] == given.cameras[row]
                if alike and (not sources or gallery.sources[other] == given.sources[row]):
                    total, count = total + length_1[other], count + 1
            own = given.vectors[row].astype(float)
            expected = own / np.sqrt((own**2).sum()) - total / count
            assert np.allclose(made.vectors[row], expected, atol=1e-6)
        assert np.array_equal(given.persons, made.persons)
    assert np.array_equal(gallery.vectors, part(60, 1, sources).vectors)  # the input stays


def test_a_camera_that_the_gallery_lacks_loses_the_mean_of_its_queries() -> None:
    gallery = part(40, 1)
    query = Embeddings(np.eye(6)[:3], [0, 1, 2], [77, 77, 78])
    asked, shown = centred(query, gallery)
    unit = gallery.vectors / np.linalg.norm(gallery.vectors, axis=1, keepdims=True)
    two = (np.eye(6)[:2].sum(0) + STEADY * unit.mean(0)) / (2 + STEADY)
    one = (np.eye(6)[2] + STEADY * unit.mean(0)) / (1 + STEADY)
    assert np.allclose(asked.vectors, np.eye(6)[:3] - np.stack([two, two, one]), atol=1e-6)
    np.testing.assert_array_equal(shown.vectors, centred(query[:1], gallery)[1].vectors)


def test_queries_by_new_cameras_are_found_again() -> None:
    """Both parts are by cameras of their own, as of another site: each loses its own light."""
    random = np.random.default_rng(0)
    persons = np.repeat(np.arange(10), 2)
    looks = random.normal(size=(10, 16))[persons]
    lights = 3 * random.normal(size=(4, 16))
    query, gallery = (
        Embeddings(looks + 0.1 * random.normal(size=(20, 16)) + lights[cameras], persons, cameras)
        for cameras in (np.tile([0, 1], 10), np.tile([2, 3], 10))
    )
    assert evaluate(query, gallery).rank1 < 50
    assert evaluate(*centred(query, gallery)).rank1 >= 90


def test_persons_are_found_again_in_another_light() -> None:
    """Ten persons by two cameras that move all vectors more than two persons differ."""
    random = np.random.default_rng(0)
    persons = np.repeat(np.arange(10), 4)
    cameras = np.tile([1, 1, 2, 2], 10)
    looks = random.normal(size=(10, 16))[persons] + 0.1 * random.normal(size=(40, 16))
    lights = 3 * random.normal(size=(3, 16))
    everyone = Embeddings(looks + lights[cameras], persons, cameras)
    before = evaluate(everyone, everyone)
    after = evaluate(*centred(everyone, everyone))
    assert before.rank1 < 50
    assert after.rank1 == 100


def test_what_cannot_be_centred_is_refused() -> None:
    gallery = part(10, 0)
    unknown = Embeddings(gallery.vectors, gallery.persons)
    with pytest.raises(ValueError, match="the query has no cameras"):
        centred(unknown, gallery)
    with pytest.raises(ValueError, match="the gallery has no cameras"):
        centred(gallery, unknown)
    striped = Embeddings(
        gallery.vectors, gallery.persons, gallery.cameras, local=np.ones((10, 2, 3))
    )
    with pytest.raises(ValueError, match="the gallery has stripe vectors"):
        centred(gallery, striped)
    with pytest.raises(ValueError, match="the gallery is empty"):
        centred(gallery, gallery[:0])
