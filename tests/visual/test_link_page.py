"""The page of a linking: pictures that are checked, and names that do nothing."""

from __future__ import annotations

import io
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from passerby.data.crops import content_id
from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.gallery.gallery import Gallery
from passerby.stores.about import About
from passerby.tables.embeddings import Embeddings
from passerby.tables.sightings import Sightings
from passerby.visual.link_page import shown_sightings, write_link_page


def png(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (16, 32), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def about():
    random = np.random.default_rng(0)
    centres = random.normal(size=(60, 8))
    vectors = np.repeat(centres, 2, axis=0) + 0.05 * random.normal(size=(120, 8))
    known = Embeddings(vectors, np.repeat(np.arange(60), 2), np.tile([0, 1], 60), model="m")
    return About("m", "plain", 8, calibrations={"single": asdict(calibrate(known, replicates=2))})


def test_a_page_of_persons(tmp_path, about):
    """Of one person, seen by three cameras: a good file, an overwritten one, and none."""
    good, changed = tmp_path / "good.png", tmp_path / "latest.png"
    good.write_bytes(png((200, 0, 0)))
    changed.write_bytes(png((0, 0, 200)))
    ids = [content_id(good.read_bytes()), "b" * 32, "c" * 32]
    vectors = np.eye(8)[[0, 0, 0]]
    with Gallery.create("memory://page", about) as gallery:
        gallery.store.write(
            Sightings(
                ids,
                vectors,
                persons=["<script>alert(1)</script>"] * 3,
                cameras=["hall", "door & yard", "roof"],
                images=[str(good), str(changed), ""],
                thumbnails=[b"", b"", png((0, 200, 0))],
            )
        )
        linking = gallery.link()
        kept = gallery.thumbnails(shown_sightings(linking))
        page = write_link_page(linking, tmp_path / "new" / "page.html", kept).read_text("utf-8")
    assert kept.keys() == {"c" * 32}
    assert page.count("data:image/jpeg;base64,") == 2
    assert page.count("it is not the file that was enrolled") == 1
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "door &amp; yard" in page
    assert "known before; 3 passages" in page


def test_the_weakest_join_has_an_interval_and_words(tmp_path, about):
    vectors = np.repeat(np.eye(8)[:2], 2, axis=0)
    with Gallery.create("memory://sure", about) as gallery:
        ids = [letter * 32 for letter in "abcd"]
        gallery.store.write(Sightings(ids, vectors, cameras=["hall", "roof"] * 2))
        linking = gallery.link()
        page = write_link_page(linking, tmp_path / "page.html", {}).read_text("utf-8")
    assert linking.persons[0].weakest_interval is not None
    assert f"a likelihood ratio of {linking.persons[0].sure}" in page
    assert " to " in linking.persons[0].sure
    assert "support" in linking.persons[0].sure
