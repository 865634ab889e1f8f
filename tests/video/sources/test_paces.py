"""Strides and rates, against what they promise over whole clips."""

import numpy as np
import pytest

from passerby.video.sources.frames import Journal
from passerby.video.sources.paces import EveryNth, PerSecond, pace_of


@pytest.mark.parametrize("rate", [25.0, 30.0, 29.97, 10.0, 7.0])
def test_so_many_a_second_on_average(rate):
    pace = PerSecond(10)
    seconds = np.arange(round(60 * rate)) / rate
    taken = [second for index, second in enumerate(seconds) if pace.takes(index, second)]
    assert len(taken) == pytest.approx(60 * min(10, rate), rel=0.02)
    assert max(np.diff(taken)) < 0.2


def test_a_gap_is_not_made_up_for():
    pace = PerSecond(10)
    seconds = [*np.arange(0, 1, 0.04), *np.arange(100, 101, 0.04)]
    taken = [second for index, second in enumerate(seconds) if pace.takes(index, second)]
    assert len(taken) == pytest.approx(20, abs=2)


def test_falling_behind_takes_fewer_and_recovers():
    pace = PerSecond(10)
    for _ in range(50):
        pace.fell_behind()
    assert pace._rate == pytest.approx(1.0)
    for index in range(25 * 600):
        pace.takes(index, index / 25)
    assert pace._rate == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("stride", "budget", "message"),
    [("0", None, "at least 1"), ("x", None, "auto or a whole"), ("2", 5.0, "--budget"),
     ("auto", 0.0, "above 0")],
)  # fmt: skip
def test_paces_that_make_no_sense_are_refused(stride, budget, message):
    with pytest.raises(ValueError, match=message):
        pace_of(stride, budget, 2)


def test_a_budget_is_shared():
    pace = pace_of("auto", 8.0, 4)
    taken = [index for index in range(250) if pace.takes(index, index / 25)]
    assert len(taken) == pytest.approx(20, abs=1)
    assert [EveryNth(2).takes(index, 0.0) for index in range(3)] == [True, False, True]


def test_a_journal_counts_what_comes_in_numbers():
    journal = Journal("door")
    for second in range(5):
        journal.count("corrupt", float(second), "frames could not be decoded")
    journal.note("gap", 9.0, "gone", 2.0)
    first, second = journal.events
    assert (first.text, first.lasted) == ("5 frames could not be decoded", 4.0)
    assert str(second) == "door at 9.0 s: gone"
