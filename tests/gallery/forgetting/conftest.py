"""A gallery of a crowd that is asked with made-up pictures, each of a known vector."""

from __future__ import annotations

import numpy as np
import pytest

from passerby.gallery.gallery import Gallery


class CrowdGallery(Gallery):
    """Pictures are bytes, whose vectors are given; everything else is as it is."""

    def __init__(self, store) -> None:
        super().__init__(store)
        self.vectors: dict[bytes, np.ndarray] = {}

    def picture(self, vector) -> bytes:
        """A picture that shows a vector."""
        name = f"picture {len(self.vectors)}".encode()
        self.vectors[name] = np.asarray(vector, np.float32)
        return name

    @property
    def embedder(self):
        return lambda images: np.stack([self.vectors[one] for one in images])

    def search_with(self, query, options):
        return super().search_with(np.stack([self.vectors[one] for one in query]), options)


@pytest.fixture
def sharp(crowd, make_store, sharp_about):
    """Sixty persons of six passages each (two sightings), told apart well; the first is asked for.

    Sighting 12 p + 2 s + i is image i of passage s of person p, by camera s modulo 3.
    """
    centres = crowd.persons(60)
    numbers = np.repeat(np.arange(60), 12)
    passages = np.repeat(np.arange(360), 2)
    times = np.datetime64("2026-05-01T08:00", "us") + passages * np.timedelta64(600, "s")
    store = make_store(
        crowd.shots(centres[numbers], 0.08),
        about=sharp_about,
        cameras=[f"cam{s % 6 % 3}" for s in passages],
        tracklets=passages,
        times=times,
        thumbnails=[b"jpeg"] * 720,
    )
    made = CrowdGallery(store)
    made.centres = centres
    return made
