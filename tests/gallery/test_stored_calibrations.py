"""Which calibration judges the distances in a gallery, and when none does."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

import passerby
from passerby.evaluation.decisions.calibration_files import read_calibrations
from passerby.evaluation.decisions.conditions import Conditions
from passerby.gallery.gallery import Gallery
from passerby.gallery.stored_calibrations import judge_of, store_calibrations
from passerby.models.packaged import DEFAULT, model_folder
from passerby.stores.about import About


@pytest.fixture
def packaged():
    """The plain calibration that came with the packaged model."""
    file = model_folder(DEFAULT) / "calibration.json"
    return next(one for one in read_calibrations(file) if one.pooling == "plain")


@pytest.fixture
def brought(crowd_calibration):
    """A gallery's description with a calibration that lay beside its model."""
    here = replace(crowd_calibration, conditions=Conditions(("hall/1", "hall/2"), 800))
    return About("crowd", "plain", 12, brought={"single": asdict(here)})


def test_what_lay_beside_the_model_counts_where_its_cameras_are_the_gallerys(brought):
    assert judge_of(brought, 1, lambda: ["hall/2"]).calibration is not None
    for cameras in (["hall/3"], ["hall/1", "yard/1"], []):
        elsewhere = judge_of(brought, 1, lambda cameras=cameras: cameras)
        assert elsewhere.calibration is None
        (note,) = elsewhere.notes
        assert note.startswith("uncalibrated here: the calibration beside the model is of 800")
        assert "hall/1, hall/2" in note


def test_of_unknown_conditions_nothing_follows(crowd_calibration):
    unknown = asdict(replace(crowd_calibration, conditions=None))
    judge = judge_of(About("crowd", "plain", 12, brought={"single": unknown}), 1, lambda: ["a/1"])
    assert judge.calibration is None
    assert "of which nothing is known" in judge.notes[0]


def test_a_gallerys_own_counts_whatever_its_cameras_are(brought, crowd_calibration):
    own = replace(brought, calibrations={"single": asdict(crowd_calibration)})
    assert judge_of(own, 1, lambda: ["yard/9"]).calibration == crowd_calibration
    assert judge_of(own, 3, lambda: ["yard/9"]).calibration is None


def test_the_packaged_one_never_counts(packaged, make_store, tmp_path):
    cameras = packaged.conditions.cameras if packaged.conditions else ()
    entry = {"single": asdict(packaged)}
    about = About(packaged.model, packaged.pooling, 12)
    for foreign in (replace(about, brought=entry), replace(about, calibrations=entry)):
        judge = judge_of(foreign, 1, lambda: cameras)
        assert judge.calibration is None
        assert "uncalibrated here: the model's calibration is of other sites" in judge.notes[0]
    store = make_store([], about=replace(about, place=str(model_folder(DEFAULT))))
    with pytest.raises(ValueError, match="came with the packaged model"):
        store_calibrations(store)
    with Gallery.create(tmp_path / "lobby", passerby.load()) as gallery:
        vectors = np.eye(gallery.about.dimensions, dtype=np.float32)[:3]
        found = gallery.search(vectors[0], elsewhere=True)
        assert found.posterior is None
        assert "uncalibrated here" in str(found)
        assert "uncalibrated here" in found.to_json()


def test_searches_ask_for_the_cameras_of_the_gallery(make_store, crowd, brought):
    centres = crowd.persons(4)
    for camera, judged in (("2", True), ("3", False)):
        store = make_store(centres, about=brought, sources=["hall"] * 4, cameras=[camera] * 4)
        found = Gallery(store).search(centres[0], elsewhere=True)
        assert (found.posterior is not None) is judged
        assert ("uncalibrated here" in str(found)) is not judged
        if judged:
            assert len(Gallery(store).link().groups) == 4
        else:
            with pytest.raises(ValueError, match="uncalibrated here"):
                Gallery(store).link()
