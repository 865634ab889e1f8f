"""``passerby gallery calibrate --from``: the gallery's model on its own site, in one command."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image


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
    done = passerby_command("gallery", "calibrate", memory_place, "--from", site)
    assert done.code == 0, done.err
    assert "calibration of" in done.out
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
