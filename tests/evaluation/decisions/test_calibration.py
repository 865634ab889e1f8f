"""What a calibration answers, and of what it warns."""

import dataclasses

import pytest

from passerby.evaluation.decisions.calibration_fitting import calibrate


def test_a_rate_between_takes_the_stricter_one(calibration):
    assert calibration.point(1.5e-2).false_match_rate == 1e-2
    assert calibration.point(1e-6) is None
    for rate in (0, 1, 10):
        with pytest.raises(ValueError, match="rate must be between 0 and 1"):
            calibration.point(rate)


def test_too_few_data_for_the_rate_are_said(calibration, people):
    assert calibration.warnings == calibration.doubts(0.1) == ()
    assert calibration.doubts(0.001) == calibration.doubts(calibration.false_match_rate)
    assert "too few data for a false-match rate of 0.001: 80 persons make 3,160" in str(calibration)
    alone = dataclasses.replace(calibration, false_match_rate=0.1, within=None)
    assert "warning" not in str(alone)
    few = calibrate(people(persons=8), false_match_rate=0.1, replicates=5)
    assert any("only 8 persons" in warning for warning in few.warnings)
