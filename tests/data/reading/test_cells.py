"""Cells of tables from outside."""

from contextlib import suppress
from zoneinfo import ZoneInfo

import pytest

from passerby.data.reading.cells import text_of, time_of, whole_of


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-10:00"])
def test_times_at_the_ends_of_the_calendar(text):
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        time_of(text)
    for naive in ("0001-01-01T00:00:00", "9999-12-31T23:59:59"):
        with suppress(ValueError):
            time_of(naive, ZoneInfo("Asia/Tokyo"))


def test_cells():
    assert [text_of(x) for x in (None, float("nan"), "NaT", " a ", 1.0)] == ["", "", "", "a", "1.0"]
    assert [whole_of("frame", x) for x in ("", "7", 7.0, "-3.00", "\u0663")] == [None, 7, 7, -3, 3]
    for cell in (["a"], {"a": 1}, b"a", "x" * 5_000, "a\0b"):
        with pytest.raises(ValueError, match="a cell holds"):
            text_of(cell)
    with pytest.raises(ValueError, match="at most 18 digits"):
        whole_of("frame", 2**64)
