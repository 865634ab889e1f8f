"""Passages into a gallery: a few crops of each, spread over its time, as sightings of one tracklet.

Galleries hold one picture and one time a sighting; a passage is therefore so many sightings with
one tracklet number, which searches answer with one hit, and links hold together.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from passerby.embedding.embedder import Embedder
from passerby.gallery.binding import require_matching_embedder, require_single_vectors
from passerby.gallery.enrol.thumbnails import thumbnail
from passerby.gallery.stored_calibrations import calibration_of
from passerby.stores import Store
from passerby.tables.sightings import Sightings
from passerby.tables.times import moment
from passerby.tables.unit_length import unit
from passerby.video.mending import Embedded, Ratio, looks_llr
from passerby.video.passages import Passage

_SECONDS = 5.0  # between two writes: engines slow down with many small ones
_ROWS = 512


class Enroller:
    """Embeds passages and writes them, whole ones at a time, now and then.

    added, present: sightings that were new, and that were there already.

    Raises:
        ValueError: The embedder is not the gallery's.
    """

    def __init__(self, store: Store, embedder: Embedder, keep_thumbnails: bool = True) -> None:
        require_matching_embedder(store.about, embedder)
        require_single_vectors(embedder)
        self._store, self._embedder, self._keep = store, embedder, keep_thumbnails
        self._waiting: list[Sightings] = []
        self._written = time.monotonic()
        self.added = self.present = 0

    def embed(self, passage: Passage) -> Embedded:
        """With the vectors of its spread looks."""
        looks = tuple(passage.spread())
        rgb = self._embedder.colours == "rgb"
        crops = [look.crop if rgb else look.crop[..., ::-1] for look in looks]
        return Embedded(passage, looks, unit(self._embedder(crops)))

    def take(self, piece: Embedded, camera: str) -> None:
        """Enrol a passage by a camera; it is on disk after the next `flush` at the latest."""
        looks, number = piece.looks, tracklet_number(piece.passage)
        timeless = np.datetime64("NaT")
        self._waiting.append(
            Sightings(
                [look.id for look in looks],
                piece.vectors,
                cameras=[camera] * len(looks),
                sources=[piece.passage.source] * len(looks),
                times=np.array(
                    [timeless if look.time is None else moment(look.time) for look in looks],
                    "datetime64[us]",
                ),
                frames=[look.index for look in looks],
                tracklets=[number] * len(looks),
                thumbnails=[thumbnail(look.crop) if self._keep else b"" for look in looks],
            )
        )
        late = time.monotonic() - self._written > _SECONDS
        if late or sum(map(len, self._waiting)) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what waits, and bring the index up to date where that pays."""
        if self._waiting:
            new, self._waiting = Sightings.joined(self._waiting), []
            written = self._store.write(new)
            self.added, self.present = self.added + written.added, self.present + written.present
        self._written = time.monotonic()


def tracklet_number(passage: Passage) -> int:
    """A number that equal tracks of other videos do not share; below 2 ** 53, for JSON."""
    return int(passage.id[:16], 16) >> 11


def ratio_of(store: Store) -> Ratio:
    """What a gallery's calibration says of two pieces by one camera, by their looks (`looks_llr`).

    That of pairs by one camera where there is one, else that of pairs by two, which makes too much
    of them: two persons before one camera are nearer. Also one of other sites serves: nothing is
    said of its probability, it only orders and joins.

    Raises:
        ValueError: The gallery has no calibration.
    """
    about = store.about
    known = calibration_of(about, "single") or calibration_of(about, "single", brought=True)
    if known is None:
        raise ValueError(
            "--mend needs a calibration, and the gallery has none (passerby gallery calibrate): "
            "leave --mend out"
        )
    judge = known.for_pairs(one_camera=True) or known

    def ratio(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
        return looks_llr(judge.llr, first, second)

    return ratio
