"""``passerby gallery calibrate --from``: the gallery's model on its own site, in one command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from passerby.adaptation.camera_means import camera_means
from passerby.gallery.adapted import seen_of
from passerby.gallery.stored_calibrations import calibration_of
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings


@pytest.fixture
def site(tmp_path):
    """Sixteen persons seen by two cameras, as a table."""
    random = np.random.default_rng(0)
    rows = ["image,person,camera,split"]
    for person in range(16):
        for camera in (1, 2):
            name = f"{person}_{camera}.png"
            Image.fromarray(random.integers(0, 256, (32, 16, 3), np.uint8)).save(tmp_path / name)
            rows.append(f"{name},{person + 1},{camera},{'query' if camera == 1 else 'gallery'}")
    (tmp_path / "site.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "site.csv"


def test_a_gallery_is_calibrated_on_its_site(passerby_command, gallery, memory_place, site):
    done = passerby_command("gallery", "calibrate", memory_place, "--from", site, "--json")
    assert done.code == 0, done.err
    assert "calibration of" in done.err
    assert json.loads(done.out)["calibrations"].keys() == {"single"}
    assert gallery.about.calibrations.keys() == {"single"}
    assert gallery.search(np.eye(gallery.about.dimensions)[0], elsewhere=True).posterior is not None


def test_too_few_persons_are_refused_before_anything_is_embedded(
    passerby_command, gallery, memory_place, site, monkeypatch
):
    rows = site.read_text().splitlines()
    site.write_text("\n".join(rows[:5]) + "\n")
    monkeypatch.setattr("passerby.gallery.stored_calibrations.calibrate_model", None)
    done = passerby_command("gallery", "calibrate", memory_place, "--from", site)
    assert done.code == 2
    assert "at least two persons to fit on" in done.err
    done = passerby_command(
        "gallery", "calibrate", memory_place, "--from", site, "--calibration", "x.json"
    )
    assert (done.code, "contradict each other" in done.err) == (2, True)
    assert not gallery.about.calibrations


def test_an_adapted_gallery_is_calibrated_as_it_is_seen(
    passerby_command, gallery, memory_place, site
):
    random = np.random.default_rng(1)
    vectors = random.normal(size=(40, gallery.about.dimensions)).astype(np.float32)
    vectors[20:] += 2  # the second camera moves everybody
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"{number:032x}" for number in range(40)]
    gallery.store.write(Sightings(ids, vectors, cameras=["1"] * 20 + ["2"] * 20))
    learnt = gallery.adapt()
    assert learnt.means is not None
    done = passerby_command("gallery", "calibrate", memory_place, "--from", site)
    assert done.code == 0, done.err
    gallery.store.refresh_about()
    pooling = gallery.view.about.pooling
    made = calibration_of(gallery.view.about, "single")
    assert (made.pooling, "+adapted " in pooling) == (pooling, True)
    found = gallery.search(vectors[0], camera="1", where=Where(cameras=("2",)))
    assert found[0].llr == pytest.approx(float(made.llr(found[0].distance)))
    done = passerby_command("gallery", "calibrate", memory_place, "--from", site, "--images", 2)
    assert (done.code, "passerby gallery adapt --undo" in done.err) == (2, True)


def test_labelled_images_are_seen_as_the_gallery_is(gallery):
    """By hand: the means of cameras that the gallery knows, and of the others' own images."""
    random = np.random.default_rng(1)
    width = gallery.about.dimensions
    vectors = random.normal(size=(60, width)).astype(np.float32)
    vectors[30:] += 1
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"{number:032x}" for number in range(60)]
    gallery.store.write(Sightings(ids, units, cameras=["1"] * 30 + ["2"] * 30))
    means = gallery.adapt().means
    labelled = Embeddings(
        vectors[20:50], np.arange(30), np.repeat([1, 7], 15), model=gallery.about.model
    )
    seen = seen_of(gallery.view).mapped(labelled)
    own = camera_means(labelled.vectors, np.full(30, ""), np.repeat(["1", "7"], 15))
    known = means.means[means.cameras.index(("", "1"))]
    other = own.means[own.cameras.index(("", "7"))]
    expected = units[20:50] - np.where(np.arange(30)[:, None] < 15, known, other)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(seen.vectors, expected, atol=1e-3)  # kept in half precision
