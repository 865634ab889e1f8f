"""Vectors that are of no person are told from those of persons, also beside a model's files."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from passerby.assessment.compare import compare_images
from passerby.embedding.embedder import load
from passerby.embedding.familiarity import (
    FILE,
    contentless_images,
    familiarity_beside,
    familiarity_of,
    learn_familiarity,
    write_familiarity,
)
from passerby.gallery.gallery import Gallery

random = np.random.default_rng(0)
SPREAD = np.linspace(1, 0.2, 160)


def persons(count):
    return (random.normal(size=(count, 160)) * SPREAD + 3).astype(np.float32)


@pytest.fixture(scope="module")
def learnt():
    """Of persons, and of images without content that lie five deviations out along one axis."""
    contentless = persons(40)
    contentless[:, 30] += 9 * SPREAD[30]
    return learn_familiarity(persons(2_000), contentless), contentless


def test_scores_are_mahalanobis_distances_in_the_first_axes(learnt):
    known = persons(2_000)
    made = learn_familiarity(known, persons(5))
    units = (known / np.linalg.norm(known, axis=1, keepdims=True)).astype(np.float64)
    count = made.axes.shape[1]
    centred = units - units.mean(axis=0)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    along = centred @ axes[:count].T / (values[:count] / np.sqrt(len(known)))
    np.testing.assert_allclose(made.scores(known), (along**2).mean(axis=1), rtol=0.02)
    assert made.scores(known).mean() == pytest.approx(1, rel=0.01)
    np.testing.assert_allclose(made.scores(5 * known), made.scores(known), rtol=1e-3)


def test_persons_are_familiar_and_images_without_content_are_not(learnt):
    known, contentless = learnt
    assert known.strange(persons(2_000)).mean() <= 0.001
    assert known.strange(contentless).mean() > 0.5
    with pytest.raises(ValueError, match="512 vectors of persons or more, got 100"):
        learn_familiarity(persons(100), contentless)


def test_what_was_written_is_read_again(learnt, tmp_path):
    write_familiarity(tmp_path, learnt[0])
    read = familiarity_of(str(tmp_path), "flip", 160)
    assert read.limit == pytest.approx(learnt[0].limit)
    np.testing.assert_array_equal(read.axes, learnt[0].axes)
    assert familiarity_of(str(tmp_path), "before_neck", 160) is None
    assert familiarity_of(str(tmp_path), "plain", 12) is None
    assert familiarity_of(str(tmp_path / "none"), "plain", 160) is None
    assert familiarity_of("", "plain", 160) is None
    whole = (tmp_path / FILE).read_bytes()
    for damaged in (b"", whole[:100], whole[:-7], b"x" * 1000):
        (tmp_path / FILE).write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged"):
            familiarity_of(str(tmp_path), "plain", 160)


@pytest.fixture
def packaged():
    """The packaged model and what lies beside it."""
    embedder = load("default")
    known = familiarity_beside(embedder)
    assert known is not None
    return embedder, known


def test_the_packaged_model_tells_persons_from_images_without_content(packaged, tiny):
    embedder, known = packaged
    drawn = embedder([record.image for record in tiny.query])
    assert not known.strange(np.asarray(drawn)).any()
    assert known.strange(np.asarray(embedder(contentless_images(5)))).mean() > 0.8


def test_real_persons_are_familiar(packaged, people):
    embedder, known = packaged
    files = sorted((people / "bounding_box_train").glob("*.jpg"))[::80]
    assert not known.strange(np.asarray(embedder(files))).any()


def test_what_is_no_person_gets_no_evidence(packaged, tmp_path):
    embedder, _ = packaged
    noise = []
    for name in ("a.png", "b.png"):
        pixels = np.random.default_rng(len(noise)).integers(0, 256, (128, 64, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
        noise.append(tmp_path / name)
    found = compare_images(embedder, *noise)
    assert found.evidence is None
    assert "a.png is unlike all persons that the model has learnt from" in str(found)
    with Gallery.create(tmp_path / "lobby", embedder) as gallery:
        gallery.add(noise)
        for query in (noise[0], embedder([noise[0]])[0]):
            searched = gallery.search(query)
            assert searched.decision is None
            assert "unlike all persons" in str(searched)
        elsewhere = replace(gallery.about, place="")
        gallery.store.change_about(lambda _: elsewhere)
        assert "unlike all persons" not in str(gallery.search(embedder([noise[0]])[0]))
