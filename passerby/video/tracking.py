"""Boxes of one frame after another as tracks, by motion: the trackers library (Apache-2.0)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from passerby.extras import lacking
from passerby.process.spelling import suggest
from passerby.video.detectors.detections import Detections

TRACKERS = {
    "bytetrack": "ByteTrackTracker",
    "ocsort": "OCSORTTracker",
    "cbiou": "CBIoUTracker",
    "sort": "SORTTracker",
}
"""By name; SORT tears tracks where frames are left out."""

HOLD = 1.5
"""Seconds for which a track that is not seen is held."""


@dataclass(frozen=True, eq=False)
class Tracked:
    """N boxes of one frame that belong to tracks.

    tracks [N] int64: numbers from 1 in the order in which tracks were confirmed; boxes [N, 4] and
    scores [N] as in `Detections`.
    """

    tracks: NDArray[np.int64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]


class Tracker:
    """The tracks of one source.

    name: of `TRACKERS`; sure: the score from which a box begins a track; hold: seconds.

    Raises:
        ValueError: There is no tracker of that name, or trackers is not installed.
    """

    def __init__(self, name: str, sure: float, hold: float = HOLD) -> None:
        if name not in TRACKERS:
            raise ValueError(
                f"no tracker is named {name!r}{suggest(name, TRACKERS)} (expected one of "
                f"{', '.join(TRACKERS)})"
            )
        self._tracker = _made(TRACKERS[name], sure, hold)
        self._numbers: dict[int, int] = {}

    def update(self, found: Detections, seconds: float) -> Tracked:
        """The boxes that belong to a track, of a frame that was taken at ``seconds``.

        Those of tracks that are not confirmed yet, which the library numbers −1, are left out.
        """
        import supervision

        given = supervision.Detections(
            xyxy=found.boxes.astype(np.float32),
            confidence=found.scores.astype(np.float32),
            class_id=np.zeros(len(found), int),
        )
        answer = self._tracker.update(given, timestamp=seconds)
        ids = np.asarray(answer.tracker_id if answer.tracker_id is not None else [], np.int64)
        known = ids >= 0
        # The library may count over all trackers of a process: numbers of our own do not.
        numbers = [self._numbers.setdefault(one, len(self._numbers) + 1) for one in ids[known]]
        return Tracked(
            np.array(numbers, np.int64),
            np.asarray(answer.xyxy, np.float32)[known],
            np.asarray(answer.confidence, np.float32)[known],
        )


def _made(kind: str, sure: float, hold: float) -> Any:
    try:
        import trackers
    except ImportError as error:
        raise lacking("following persons", "trackers", "video", error) from None
    rate = 30.0  # only their quotient counts, as times are passed
    settings: dict[str, Any] = {"lost_track_buffer": round(hold * rate), "frame_rate": rate}
    if kind != "OCSORTTracker":
        settings["track_activation_threshold"] = sure
    if kind != "SORTTracker":
        settings["high_conf_det_threshold"] = sure
    return getattr(trackers, kind)(**settings)
