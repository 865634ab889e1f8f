"""Vectors centred on their cameras: against a loop, and what they are for."""

import numpy as np
import pytest

from passerby.adaptation.camera_means import CROSSED, STEADY, camera_means, centred
from passerby.evaluation.evaluate import evaluate
from passerby.tables.embeddings import Embeddings


def part(count: int, seed: int, sources: bool = False) -> Embeddings:
    random = np.random.default_rng(seed)
    return Embeddings(
        random.normal(size=(count, 6)),
        random.integers(0, 9, count),
        random.integers(1, 4, count),
        sources=random.choice(["a", "b"], count) if sources else None,
    )


def slow_mean(key, images, steady):
    """What one camera loses, by loops; images: (source, camera) and vector."""
    units = [(own, v.astype(float) / np.sqrt((v.astype(float) ** 2).sum())) for own, v in images]

    def mean(chosen, towards):
        return (sum(chosen) + steady * towards) / (len(chosen) + steady)

    whole = mean([unit for _, unit in units], 0)
    source = mean([unit for own, unit in units if own[0] == key[0]], whole)
    seen = [unit for own, unit in units if own == key]
    weight = min(len(seen) / (len(seen) + steady), slow_sureness(key, units))
    return whole + weight * (sum(seen) / len(seen) - source)


def slow_sureness(key, units):
    """The positive part of James and Stein, from a covariance by loops and its inverse."""
    of_source = [(own, v) for own, v in units if own[0] == key[0]]
    cameras = {own for own, _ in of_source}
    means = {c: np.mean([v for own, v in of_source if own == c], axis=0) for c in cameras}
    width, count = len(of_source[0][1]), len(of_source)
    within = np.zeros((width, width))
    for own, v in of_source:
        within += np.outer(v - means[own], v - means[own]) / (count - len(cameras))
    apart = means[key] - np.mean([v for _, v in of_source], axis=0)
    seen = sum(own == key for own, _ in of_source)
    squared = apart @ np.linalg.inv(within) @ apart / (1 / seen - 1 / count)
    return max(0.0, 1 - CROSSED * width / squared)


@pytest.mark.parametrize("steady", [0.0, STEADY])
@pytest.mark.parametrize("sources", [False, True])
def test_each_vector_loses_the_mean_of_its_camera(steady: float, sources: bool) -> None:
    query, gallery = part(12, 0, sources), part(60, 1, sources)
    asked, shown = centred(query, gallery, steady)

    def keys(some):
        return [*zip(some.sources if sources else [0] * len(some), some.cameras, strict=True)]

    images = [
        pair for some in (query, gallery) for pair in zip(keys(some), some.vectors, strict=True)
    ]
    for given, made in ((query, asked), (gallery, shown)):
        for row, key in enumerate(keys(given)):
            own = given.vectors[row].astype(float)
            expected = own / np.sqrt((own**2).sum()) - slow_mean(key, images, steady)
            assert np.allclose(made.vectors[row], expected, atol=1e-6)
        assert np.array_equal(given.persons, made.persons)
    assert np.array_equal(gallery.vectors, part(60, 1, sources).vectors)  # the input stays


def test_a_camera_that_the_gallery_lacks_has_the_mean_of_its_queries() -> None:
    gallery = part(40, 1)
    query = Embeddings(np.eye(6)[:3], [0, 1, 2], [77, 77, 78])
    asked, _ = centred(query, gallery)
    images = [
        ((0, int(c)), v)
        for some in (query, gallery)
        for c, v in zip(some.cameras, some.vectors, strict=True)
    ]
    expected = [
        np.eye(6)[row] - slow_mean((0, key), images, STEADY) for row, key in enumerate([77, 77, 78])
    ]
    assert np.allclose(asked.vectors, expected, atol=1e-6)


def test_cameras_of_two_sources_are_two_though_they_share_a_number() -> None:
    vectors = np.repeat(np.eye(4)[:2], 5, axis=0).astype(np.float32)
    named = np.repeat(["a", "b"], 5)
    means = camera_means(vectors, named, np.full(10, "1"))
    assert means.cameras == (("a", "1"), ("b", "1"))
    assert means.images == (5, 5)


def test_how_sources_differ_is_kept() -> None:
    """Each source has one camera: nothing shows what that camera does but the whole."""
    vectors = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    vectors[30:] += 2
    sources, cameras = np.repeat(["a", "b"], 30), np.full(60, "1")
    means = camera_means(vectors, sources, cameras, steady=0.0)
    assert np.allclose(means.means, means.whole, atol=1e-6)


def test_an_unknown_or_new_camera_has_the_whole() -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    cameras = np.repeat(["door", "hall", ""], 10)
    means = camera_means(vectors, np.full(30, ""), cameras)
    assert [name for _, name in means.cameras] == ["door", "hall"]
    found = means.of(np.array(["", "", "x"]), np.array(["", "yard", "door"]))
    assert np.array_equal(found, np.stack([means.whole] * 3))


def test_what_chance_makes_of_cameras_is_not_taken_and_light_is() -> None:
    """Cameras of 8 images of other persons each: with no light of their own, and with one."""
    random = np.random.default_rng(0)
    cameras = np.repeat([f"c{number:02}" for number in range(12)], 8)
    looks = np.append(2.0, np.ones(59)) + random.normal(size=(96, 60))
    none = np.full(96, "")
    weights = []
    for lights in (0.0, 2.0):
        vectors = looks + lights * random.normal(size=(12, 60)).repeat(8, axis=0)
        means = camera_means(vectors.astype(np.float32), none, cameras)
        plain = camera_means(vectors.astype(np.float32), none, none).whole
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        apart = units.reshape(12, 8, 60).mean(axis=1) - units.mean(axis=0)
        taken = means.means - plain
        weights.append((taken * apart).sum() / (apart**2).sum())
    assert 0.4 < weights[0] < 0.6
    assert weights[1] == pytest.approx(8 / (8 + STEADY), abs=0.02)


def test_more_images_than_dimensions_or_fewer_are_alike() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(30, 25)).astype(np.float32)
    wide = np.concatenate([vectors, np.zeros((30, 25), np.float32)], axis=1)
    none, cameras = np.full(30, ""), np.tile(["a", "b"], 15)
    few, many = camera_means(vectors, none, cameras), camera_means(wide, none, cameras)
    assert np.allclose(few.means, many.means[:, :25], atol=1e-6)


def test_copies_of_an_image_by_each_camera_are_no_fault() -> None:
    vectors = np.repeat(np.eye(4)[:2], 5, axis=0).astype(np.float32)
    means = camera_means(vectors, np.full(10, ""), np.repeat(["a", "b"], 5))
    assert np.isfinite(means.means).all()


def test_a_single_image_keeps_its_direction() -> None:
    vectors = np.array([[3.0, 4.0]], np.float32)
    one = np.array(["1"])
    made = camera_means(vectors, one, one).removed(vectors, one, one)
    assert np.allclose(made / np.linalg.norm(made), [[0.6, 0.8]])


def test_queries_by_new_cameras_are_found_again() -> None:
    """Both parts are by cameras of their own, as of another site: each loses its own light."""
    random = np.random.default_rng(0)
    persons = np.repeat(np.arange(20), 2)
    looks = random.normal(size=(20, 16))[persons]
    lights = 3 * random.normal(size=(4, 16))
    query, gallery = (
        Embeddings(looks + 0.1 * random.normal(size=(40, 16)) + lights[cameras], persons, cameras)
        for cameras in (np.tile([0, 1], 20), np.tile([2, 3], 20))
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
