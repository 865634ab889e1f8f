"""Filters: which sightings a search, a count or a removal is about. Typed, never text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from passerby.tables.sightings import UNKNOWN, Sightings, ends
from passerby.tables.text import normal_names
from passerby.tables.times import moment


@dataclass(frozen=True)
class Where:
    """Sightings that satisfy every condition given; without any, all of them.

    ids, persons, cameras, sources: one of these names; not_cameras, not_persons: none of these
    (sightings without a camera or person stay); since, until: seen from ``since`` on and before
    ``until``, with a zone (sightings without a time go; a passage is seen from its first to its
    last time, and satisfies both where it overlaps with what lies between); known: their person is
    known, or is not; min_quality: at least (sightings without a quality go). An empty tuple is no
    condition. Names are compared in Unicode's normal form C, as the tables keep them.

    Each engine renders this once, in its own file, with every name escaped there.
    """

    ids: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    not_cameras: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    known: bool | None = None
    min_quality: float | None = None
    not_persons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("ids", "persons", "cameras", "not_cameras", "sources", "not_persons"):
            values = getattr(self, name)
            if isinstance(values, str):
                raise ValueError(f"{name} takes several names: expected ({values!r},)")
            # A tuple whatever was given: filters are keys of what is counted by them.
            texts = tuple(str(value) for value in values)
            object.__setattr__(self, name, texts if name == "ids" else normal_names(name, texts))
        for name in ("since", "until"):
            time = getattr(self, name)
            if time is not None and time.tzinfo is None:
                raise ValueError(f"{name} needs a time zone, such as 2026-05-01T08:30:00+02:00")
            if time is not None:
                moment(time)  # ValueError for one that no sighting can have
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError(f"since ({self.since}) must lie before until ({self.until})")
        if self.min_quality is not None and not 0 <= self.min_quality <= 1:
            raise ValueError(f"min_quality must be between 0 and 1, got {self.min_quality}")

    @property
    def everything(self) -> bool:
        """Whether no condition is given."""
        return self == EVERYTHING

    @property
    def timed(self) -> bool:
        """Whether sightings without a time are skipped."""
        return self.since is not None or self.until is not None

    def without_time(self) -> Where:
        """The same filter less its condition on time."""
        return replace(self, since=None, until=None)

    def keeps(self, sightings: Sightings) -> NDArray[np.bool_]:
        """Which of N sightings satisfy it [N]: what every engine's rendering must agree with."""
        kept = np.ones(len(sightings), bool)
        for values, allowed in (
            (sightings.ids, self.ids),
            (sightings.persons, self.persons),
            (sightings.cameras, self.cameras),
            (sightings.sources, self.sources),
        ):
            if allowed:
                kept &= np.isin(values, allowed)
        if self.not_cameras:
            kept &= ~np.isin(sightings.cameras, self.not_cameras)
        if self.not_persons:
            kept &= ~np.isin(sightings.persons, self.not_persons)
        # Comparisons with NaT and NaN are false, which is what is wanted.
        if self.since is not None:
            kept &= ends(sightings) >= moment(self.since)
        if self.until is not None:
            kept &= sightings.times < moment(self.until)
        if self.known is not None:
            kept &= (sightings.persons != UNKNOWN) == self.known
        if self.min_quality is not None:
            kept &= sightings.qualities >= np.float32(self.min_quality)
        return kept


EVERYTHING = Where()
"""No condition: the default of whatever takes a filter."""
