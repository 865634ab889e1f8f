"""Which persons calibrate a model, where the calibration is kept, and what it refuses."""

import dataclasses

import pytest
import torch

from passerby.assessment import calibrate as calibrating
from passerby.assessment.calibrate import (
    calibrate_model,
    calibration_file,
    calibration_records,
    file_to_write,
    find_calibration,
)
from passerby.assessment.compare import compare_images
from passerby.config import Input, Network, Recipe
from passerby.embedding.embedder import Embedder
from passerby.evaluation.decisions.calibration_files import write_calibration
from passerby.models.checkpoint import Card
from passerby.models.systems.plain import Plain
from passerby.tables.records import Record, Split


def images(persons, source="made", cameras=2, prefix=""):
    return tuple(
        Record(f"{prefix}{source}-{person}-{camera}.jpg", person, camera, source)
        for person in persons
        for camera in range(cameras)
    )


def card(trained=(), source="made"):
    return Card(
        Recipe("tiny"),
        persons=len(trained),
        seed=0,
        epoch=1,
        training_persons=tuple(f"{source}/{person}" for person in trained),
    )


def persons_of(chosen):
    return sorted({record.person for record in chosen.records})


SPLIT = Split(
    "made",
    train=images(range(1, 101)),
    query=images(range(200, 210), cameras=1),
    gallery=images([-1, 0, *range(200, 210)], prefix="g-"),
    distractor=0,
)


def test_held_out_persons_are_those_not_trained_on():
    chosen = calibration_records(SPLIT, card(range(1, 61)), "held-out")
    assert persons_of(chosen) == list(range(61, 101))
    assert chosen.warnings == ()


def test_where_few_are_held_out_the_test_part_is_taken_and_it_is_said():
    chosen = calibration_records(SPLIT, card(range(1, 91)), "held-out")
    assert persons_of(chosen) == list(range(200, 210))
    assert "fewer than 30 persons were held out" in chosen.warnings[0]
    # Without a test part the few are all there is.
    only_train = dataclasses.replace(SPLIT, query=(), gallery=())
    chosen = calibration_records(only_train, card(range(1, 91)), "held-out")
    assert persons_of(chosen) == list(range(91, 101))


@pytest.mark.parametrize("unknown", [None, card()])
def test_a_model_that_does_not_say_whom_it_saw_is_doubted(unknown):
    chosen = calibration_records(SPLIT, unknown, "held-out")
    assert persons_of(chosen) == list(range(200, 210))
    assert "no training list" in chosen.warnings[0]
    assert "does not say whom it was trained on" in chosen.warnings[1]


def test_persons_that_trained_the_model_are_refused():
    with pytest.raises(ValueError, match=r"60 of these persons trained the model \(made/1, "):
        calibration_records(SPLIT, card(range(1, 61)), "train")
    with pytest.raises(ValueError, match="1 of these persons trained the model"):
        calibration_records(SPLIT, card([5, 205]), "test")


def test_numbers_of_other_sources_are_other_persons_which_is_doubted():
    chosen = calibration_records(SPLIT, card(range(1, 61), source="other"), "train")
    assert persons_of(chosen) == list(range(1, 101))
    assert chosen.warnings == (
        "the model was trained on other; whether any of its persons is in made cannot be known "
        "from their numbers",
    )


def test_separately_numbered_test_persons_are_not_taken_for_trained_ones():
    split = dataclasses.replace(SPLIT, separate_namespaces=True)
    trained = card(range(1, 210))
    assert persons_of(calibration_records(split, trained, "test")) == list(range(200, 210))
    with pytest.raises(ValueError, match="trained the model"):
        calibration_records(split, trained, "train")


def test_an_empty_part_is_refused():
    with pytest.raises(ValueError, match="made has no images in its validation part"):
        calibration_records(SPLIT, card([1]), "validation")


def test_too_many_images_are_bounded_by_whole_persons(monkeypatch):
    monkeypatch.setattr(calibrating, "_MOST_IMAGES", 31)
    kept, warnings = calibrating._within_limit(SPLIT.train, seed=1)
    assert len(kept) == 30
    assert len({record.person for record in kept}) == 15
    assert "15 of 100 persons drawn by seed" in warnings[0]
    assert calibrating._within_limit(SPLIT.train, seed=2)[0] != kept
    assert calibrating._within_limit(SPLIT.query, seed=1) == (SPLIT.query, ())


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Plain(Network("resnet18", start="none"), persons=0)


def test_a_model_is_calibrated_and_found_again(model, tiny, tmp_path):
    embedder = Embedder(model, Input(height=64, width=32))
    calibration = calibrate_model(embedder, tiny, part="test", replicates=5)
    assert calibration.key == (embedder.fingerprint, "cosine", "plain")
    assert calibration.sources == ("synthetic",)
    assert calibration.quality.judging.persons == 6
    assert any("does not say whom" in warning for warning in calibration.warnings)
    assert any("only 6 persons" in warning for warning in calibration.warnings)

    assert find_calibration(calibration_file(tmp_path), embedder) is None
    path = write_calibration(file_to_write(tmp_path), calibration)
    assert path == tmp_path / "calibration.json"
    assert calibration_file(tmp_path / "net.onnx") == tmp_path / "net.calibration.json"
    assert find_calibration(path, embedder) == calibration
    flipped = Embedder(model, Input(height=64, width=32), flip=True)
    for other, metric in ((flipped, "cosine"), (embedder, "euclidean")):
        with pytest.raises(ValueError, match="holds no calibration for"):
            find_calibration(path, other, metric)

    first, second = tiny.query[0].image, tiny.gallery[0].image
    with pytest.raises(ValueError, match=r"the calibration is of .*, cosine, plain and not of"):
        compare_images(flipped, first, second, calibration)
    found = compare_images(embedder, first, second, calibration, prior=0.2, false_match_rate=0.1)
    assert found.evidence.probability == pytest.approx(
        float(calibration.probability(found.distance, 0.2))
    )
    assert found.evidence.likelihood_ratio == pytest.approx(
        float(torch.tensor(found.evidence.llr).exp())
    )
    assert found.evidence.same_person == (found.distance < calibration.point(0.1).threshold)
    assert (
        compare_images(embedder, first, first, calibration, false_match_rate=0.1).evidence.llr > 0
    )
    bare = compare_images(embedder, first, second)
    assert (bare.evidence, bare.distance) == (None, found.distance)
    assert "not calibrated" in str(bare)
    assert "probability" not in str(bare)
    strict = compare_images(embedder, first, second, calibration, false_match_rate=1e-9)
    assert (strict.evidence.point, strict.evidence.same_person) == (None, None)
    assert strict.evidence.llr == found.evidence.llr
    assert "no decision at a false-match rate of 1e-09" in str(strict)
    assert "too few data for a false-match rate of 1e-09" in str(strict)
    with pytest.raises(ValueError, match="prior probability"):
        compare_images(embedder, first, second, calibration, prior=1.0, false_match_rate=0.1)


def test_how_an_image_becomes_a_vector_is_named(model):
    size = Input(height=64, width=32)
    assert Embedder(model, size).pooling == "plain"
    assert Embedder(model, size, flip=True).pooling == "flip"
    assert Embedder(model, size, flip=True, before_neck=True).pooling == "flip+before_neck"
