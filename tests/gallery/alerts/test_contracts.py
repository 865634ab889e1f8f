"""What people say of rates, and how many passages a week there are."""

import numpy as np
import pytest

from passerby.gallery.alerts.contracts import ASSUMED, per_week, traffic

NOW = np.datetime64("2026-05-31T12:00", "us")


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1 a week", 1),
        ("2 a day", 14),
        ("0.5/week", 0.5),
        ("3 per hours", 504),
        ("1 A Month", 7 / 30),
    ],
)
def test_rates(text, rate):
    assert per_week(text) == pytest.approx(rate)


@pytest.mark.parametrize(
    "text", ["", "1", "a week", "0 a week", "-1 a week", "1 a fortnight", "inf a day"]
)
def test_what_is_no_rate(text):
    with pytest.raises(ValueError, match="1 a week"):
        per_week(text)


def every(minutes, days):
    count = round(days * 24 * 60 / minutes)
    return NOW - (np.arange(count) * minutes * 60_000_000).astype("timedelta64[us]")


def test_traffic_is_measured_where_there_is_a_week():
    found = traffic(every(60, 40))
    assert found.a_week == pytest.approx(168, abs=1)
    assert traffic(every(60, 40), stated=5.0) == found


def test_traffic_that_grows_counts_at_once_and_a_quiet_week_does_not():
    busy = every(30, 7)
    assert traffic(np.concatenate([every(60, 40), busy])).a_week == 3 * 168
    quiet = every(60, 80)
    for days in (8, 30):  # and a camera that was off for weeks, back for a moment
        before = quiet[quiet < NOW - np.timedelta64(days, "D")]
        assert traffic(np.append(before, NOW)).a_week == 168


def test_with_little_history_it_is_said_what_is_reckoned_with():
    day = traffic(every(60, 1))
    assert day.a_week == pytest.approx(24 / 23 * 168, abs=1)
    assert "day and night" in day.how
    assert traffic(every(60, 1), stated=900.0).a_week == 900
    for few in (every(60, 0.5), every(0.1, 0.01), np.full(50, "NaT", "M8[us]")):
        assert traffic(few).a_week == ASSUMED
        assert "assumed" in str(traffic(few))
