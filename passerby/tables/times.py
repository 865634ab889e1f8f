"""Times: with a zone outside, microseconds in UTC within the tables."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

_YEARS = (1, 9999)  # of Python's datetime, which every time passes on its way in or out


def moment(time: datetime) -> np.datetime64:
    """A time with a zone as datetime64[us] in UTC.

    Raises:
        ValueError: It has no zone, or lies outside the years 1 to 9999 in UTC.

    Examples:
        >>> moment(datetime.fromisoformat("2026-05-01T08:30:00+02:00"))
        np.datetime64('2026-05-01T06:30:00.000000')
    """
    if time.tzinfo is None:
        raise ValueError(f"the time {time.isoformat()} has no zone: add Z or an offset to UTC")
    try:
        return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")
    except OverflowError:
        raise ValueError(
            f"the time {time.isoformat()} lies outside the years 1 to 9999 in UTC"
        ) from None


def require_calendar_years(name: str, times: NDArray) -> None:
    """ValueError for datetime64 [N] of any unit outside the years 1 to 9999; NaT passes."""
    known = times[~np.isnat(times)]
    if not known.size:
        return
    years = known.astype("datetime64[Y]").astype(np.int64) + 1970
    low, high = int(years.min()), int(years.max())
    if low < _YEARS[0] or high > _YEARS[1]:
        raise ValueError(
            f"{name} must lie in the years {_YEARS[0]} to {_YEARS[1]}, got the year "
            f"{low if low < _YEARS[0] else high}"
        )
