"""What is asked of a count, and its parts: hours, days or cameras, and the whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.visitors.counting import Draws, Estimate, estimate
from passerby.gallery.visitors.evidence import Evidence
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings
from passerby.tables.times import moment

By = Literal["hour", "day", "camera"]

_MOST_PARTS = 1_000


@dataclass(frozen=True)
class Question:
    """What is counted.

    where: which sightings; by: the parts that are counted as well, None for the whole alone; zone:
    of hours and days; without: persons who do not count, staff for instance; back: how much earlier
    somebody may have been seen to be returning, None for nothing earlier than ``where`` begins.
    """

    where: Where
    by: By | None
    zone: tzinfo
    without: tuple[str, ...] = ()
    back: timedelta | None = None

    def __post_init__(self) -> None:
        if self.back is not None and self.where.since is None:
            raise ValueError(
                "what came before is looked at from the beginning of a time: name the day (--day) "
                "or the beginning (--since)"
            )


def on_day(where: Where, day: str, zone: tzinfo) -> Where:
    """The same filter on one day of a zone. Raises ValueError for no date, or another time."""
    if where.timed:
        raise ValueError("a day and a time (since, until) contradict each other: name one")
    try:
        begin = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=zone)
    except ValueError:
        raise ValueError(f"expected a day such as 2026-05-01, got {day!r}") from None
    return replace(where, since=begin, until=(begin + timedelta(days=1)))


@dataclass(frozen=True)
class Part:
    """Visitors of an hour, a day, a camera, or of the whole: passages; persons; new and returning
    ones, None where it was not looked who was there before."""

    name: str
    passages: int
    persons: Estimate
    new: Estimate | None
    returning: Estimate | None


@dataclass(frozen=True, eq=False)
class Counted:
    """P passages of N sightings with partitions from their posterior, to be counted by parts."""

    known: Evidence
    sightings: Sightings
    sampled: Draws
    question: Question

    def whole(self) -> Part:
        """All that is asked about; new and returning where it was looked back."""
        since = self.question.where.since
        begin = None if since is None or self.question.back is None else _microseconds(since)
        return self._part("all", self._asked_passages(self._kept()), begin)

    def parts(self) -> tuple[Part, ...]:
        """By what the question says; () where it asks for the whole alone.

        Raises ValueError where no sighting has a time, or the parts would be too many.
        """
        if self.question.by is None:
            return ()
        if self.question.by == "camera":
            return self._by_camera()
        stays, kept = self.known.stays, self._kept()
        asked = kept[stays.row] & ~self._without()[stays.passage]
        if not asked.any():
            raise ValueError(
                f"no sighting has a time and a camera: there is no {self.question.by} to count by"
            )
        found = []
        first, last = stays.first[asked], stays.last[asked]
        for begin, end in self._spans(int(first.min()), int(last.max())):
            now = (first < end) & (last >= begin)
            there = np.zeros(len(self.known), bool)
            there[stays.passage[asked][now]] = True
            found.append(self._part(self._named(begin), there, begin))
        return tuple(found)

    def _by_camera(self) -> tuple[Part, ...]:
        cameras, kept = self.sightings.cameras, self._kept()
        names = np.unique(cameras[kept]).tolist()
        return tuple(
            self._part(name, self._asked_passages(kept & (cameras == name)), None) for name in names
        )

    def _part(self, name: str, there: NDArray[np.bool_], begin: int | None) -> Part:
        before = np.zeros(len(self.known), bool)
        if begin is not None:
            stays = self.known.stays
            before[stays.passage[stays.first < begin]] = True
        counts = self.sampled.counts(there, before, self._without())
        persons, passages = estimate(counts[:, 0]), int(there.sum())
        if begin is None:
            return Part(name, passages, persons, None, None)
        new = estimate(counts[:, 0] - counts[:, 1])
        return Part(name, passages, persons, new, estimate(counts[:, 1]))

    def _kept(self) -> NDArray[np.bool_]:
        return self.question.where.keeps(self.sightings)

    def _without(self) -> NDArray[np.bool_]:
        return np.isin(self.known.names, self.question.without)

    def _asked_passages(self, sightings: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Passages [P] of some sightings [N], but for those of persons who do not count."""
        there = np.zeros(len(self.known), bool)
        there[self.known.of[sightings]] = True
        return there & ~self._without()

    def _spans(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Beginnings and ends of the hours or days from a first to a last moment."""
        begin, count = self._floor(_time(first)), 0
        while _microseconds(begin) <= last:
            following = self._floor(begin + timedelta(hours=1 if self._hourly else 26))
            yield _microseconds(begin), _microseconds(following)
            begin, count = following, count + 1
            if count > _MOST_PARTS:
                raise ValueError(
                    f"expected at most {_MOST_PARTS:,} parts, got more by {self.question.by}: "
                    "count a shorter time (--day, --since, --until)"
                )

    def _floor(self, time: datetime) -> datetime:
        """The beginning of the hour or day of a moment, in UTC."""
        local = time.astimezone(self.question.zone)
        hour = local.hour if self._hourly else 0
        return local.replace(hour=hour, minute=0, second=0, microsecond=0).astimezone(UTC)

    @property
    def _hourly(self) -> bool:
        return self.question.by == "hour"

    def _named(self, begin: int) -> str:
        local = _time(begin).astimezone(self.question.zone)
        return local.strftime("%Y-%m-%d %H:%M" if self._hourly else "%Y-%m-%d")


def _microseconds(time: datetime) -> int:
    return int(moment(time).astype(np.int64))


def _time(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
