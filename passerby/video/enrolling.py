"""Passages into a gallery: each is one sighting, with the vectors and pictures of some looks.

Its vector is pooled from looks spread over its time; it lasts from its first look to its last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from passerby.embedding.embedder import Embedder
from passerby.gallery.binding import require_matching_embedder, require_single_vectors
from passerby.gallery.enrol.thumbnails import picture, thumbnail
from passerby.gallery.stored_calibrations import calibration_of
from passerby.stores import Store
from passerby.tables.filters import Where
from passerby.tables.looks import MOST_PICTURES, Looks, evenly, pool
from passerby.tables.sightings import UNKNOWN, Sightings
from passerby.tables.times import moment
from passerby.tables.unit_length import unit
from passerby.video.mending import Embedded, Ratio, looks_llr
from passerby.video.passages import Passage

_SECONDS = 5.0  # between two writes: engines slow down with many small ones
_PASSAGES = 256
MOST_LOOKS = 10
"""Looks that are kept of a passage beside the vector that all of them were pooled to."""


class Enroller:
    """Embeds passages and writes them, now and then.

    added, present, refused: passages that were new, that were there already, and that the opt-out
    list keeps out, of which nobody is told. keep_thumbnails: and the
    pictures. ended: told of the sighting of each passage before it is written, so that a kill
    between both loses nothing that the next run does not bring.

    Raises:
        ValueError: The embedder is not the gallery's.
    """

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        keep_thumbnails: bool = True,
        ended: Callable[[Sightings], object] | None = None,
    ) -> None:
        require_matching_embedder(store.about, embedder)
        require_single_vectors(embedder)
        self._store, self._embedder, self._keep = store, embedder, keep_thumbnails
        self._ended = ended
        self._waiting: list[Sightings] = []
        self._written = time.monotonic()
        self.added = self.present = self.refused = 0

    def embed(self, passage: Passage) -> Embedded:
        """With the vectors of its spread looks."""
        looks = tuple(passage.spread())
        rgb = self._embedder.colours == "rgb"
        crops = [look.crop if rgb else look.crop[..., ::-1] for look in looks]
        return Embedded(passage, looks, unit(self._embedder(crops)))

    def take(self, piece: Embedded, camera: str) -> bool:
        """Enrol a passage by a camera; it is on disk after the next `flush` at the latest. Whether
        the opt-out list lets it in."""
        sighting = self._sighting(piece, camera)
        if self._store.refresh_about().opt_outs and self._store.refusals(sighting)[0] >= 0:
            self.refused += 1
            return False
        if self._ended is not None:
            self._ended(sighting)
        self._waiting.append(sighting)
        late = time.monotonic() - self._written > _SECONDS
        if late or len(self._waiting) >= _PASSAGES:
            self.flush()
        return True

    @property
    def waiting(self) -> int:
        """Passages that are not on disk yet."""
        return len(self._waiting)

    def _sighting(self, piece: Embedded, camera: str) -> Sightings:
        passage, kept = piece.passage, evenly(len(piece.looks), MOST_LOOKS)
        looks = [piece.looks[row] for row in kept.tolist()]
        vector, coherence = pool(piece.vectors)
        known = Looks(
            (passage.first, passage.last),
            np.array([look.seconds for look in looks]),
            _times([look.time for look in looks]),
            np.array([look.index for look in looks]),
            np.stack([look.box for look in looks]).astype(np.float32),
            piece.vectors[kept],
        )
        middle = looks[known.middle]
        shown = [looks[row] for row in evenly(len(looks), MOST_PICTURES).tolist()]
        return Sightings(
            [passage.id],
            vector[None],
            cameras=[camera],
            sources=[passage.source],
            times=_times([passage.looks[0].time]),
            untils=_times([passage.looks[-1].time]),
            frames=[middle.index],
            tracklets=[tracklet_number(passage)],
            thumbnails=[thumbnail(middle.crop) if self._keep else b""],
            coherences=[coherence],
            looks=[known],
            pictures=[[picture(look.crop) for look in shown] if self._keep else []],
        )

    def persons(self, ids: Sequence[str]) -> dict[str, str]:
        """The person of each passage by its id as the gallery has it, "" where not known."""
        known = dict.fromkeys(ids, UNKNOWN)
        for start in range(0, len(ids), _PASSAGES):
            where = Where(ids=tuple(ids[start : start + _PASSAGES]))
            for part in self._store.read(where, with_vectors=False):
                known |= dict(zip(part.ids.tolist(), part.persons.tolist(), strict=True))
        return known

    def flush(self) -> None:
        """Write what waits; where that fails it still waits."""
        if self._waiting:
            written = self._store.write(Sightings.joined(self._waiting))
            self._waiting = []
            self.added, self.present = self.added + written.added, self.present + written.present
            self.refused += written.refused
        self._written = time.monotonic()


def _times(times: Sequence[datetime | None]) -> NDArray[np.datetime64]:
    nothing = np.datetime64("NaT")
    known = [nothing if time is None else moment(time) for time in times]
    return np.array(known, "datetime64[us]")


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
