"""How a gallery is searched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import UNKNOWN
from passerby.tables.times import moment


@dataclass(frozen=True)
class SearchOptions:
    """How a search is done.

    k: passages shown of each query, each by its nearest sighting; where: among which sightings;
    exact: compare all of them; rerank: order the nearest 200 by k-reciprocal encoding within these
    200; prior_absent: the
    probability, before the search, that the query shows nobody of them; fpir: share of the searches
    for such that may be answered with somebody; thumbnails: bring the stored ones; camera: that
    took the query, "" where not known; elsewhere: no camera of the gallery did. Both decide which
    calibration holds, that of pairs by one camera or that of pairs by two; time: when the query was
    taken, with a zone, None where not known; transits: count how long persons take from camera to
    camera, too, where the query's camera and time are known and the gallery shows that it says
    something.
    """

    k: int = 10
    where: Where = EVERYTHING
    exact: bool = False
    rerank: bool = False
    prior_absent: float = 0.5
    fpir: float = 0.01
    thumbnails: bool = False
    camera: str = UNKNOWN
    elsewhere: bool = False
    time: datetime | None = None
    transits: bool = False

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k}")
        for name in ("prior_absent", "fpir"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        if self.camera and self.elsewhere:
            raise ValueError("give the camera of the query, or that it is of elsewhere, not both")
        if self.time is not None:
            moment(self.time)  # refuses times without a zone
