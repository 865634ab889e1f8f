"""Calibrations are read back as they were; whatever else a file holds is refused."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passerby.evaluation.decisions.calibration_files import read_calibrations, write_calibration


def test_everything_is_read_back(calibration, tmp_path):
    path = tmp_path / "calibration.json"
    assert write_calibration(path, calibration) == path
    assert read_calibrations(path) == (calibration,)
    flipped = dataclasses.replace(calibration, pooling="flip")
    write_calibration(path, flipped)
    newer = dataclasses.replace(calibration, seed=5)
    write_calibration(path, newer)
    assert read_calibrations(path) == (flipped, newer)
    assert [p.name for p in tmp_path.iterdir()] == ["calibration.json"]


def test_a_file_from_before_pairs_were_told_apart_is_across_cameras(calibration, tmp_path):
    path = tmp_path / "calibration.json"
    write_calibration(path, calibration)
    content = json.loads(path.read_text())
    for name in ("pairs", "within"):
        del content["calibrations"][0][name]
    path.write_text(json.dumps(content))
    (read,) = read_calibrations(path)
    assert read == dataclasses.replace(calibration, within=None)
    assert read.for_pairs(True) is None


def test_files_that_are_none_are_refused(calibration, tmp_path):
    path = tmp_path / "calibration.json"
    write_calibration(path, calibration)
    content = json.loads(path.read_text())
    damaged = [
        "no json",
        "[]",
        json.dumps({**content, "calibrations": [{}]}),
        json.dumps({**content, "calibrations": [{**content["calibrations"][0], "more": 1}]}),
    ]
    for text in damaged:
        path.write_text(text)
        with pytest.raises(ValueError, match="is not a calibration file"):
            read_calibrations(path)
    path.write_text(json.dumps({**content, "format": 2}))
    with pytest.raises(ValueError, match="written by a newer Passerby"):
        read_calibrations(path)


def replaced(content, chosen, value):
    """JSON content with the ``chosen``-th of its parts, in the order of a walk, replaced."""
    parts = [(content, key) for key in content]
    for part, key in parts:
        inner = part[key]
        if isinstance(inner, (dict, list)):
            keys = list(inner) if isinstance(inner, dict) else range(min(len(inner), 3))
            parts += [(inner, at) for at in keys]
    part, key = parts[chosen % len(parts)]
    part[key] = value
    return content


@pytest.mark.hostile
@given(
    st.integers(0, 10_000),
    st.sampled_from(
        [None, True, "x", "", -1, 0, 3, 1.5, -2.5, 1e300, 2**62, [], [1.0], [1, 2, 3], {}, {"a": 1}]
    ),
)
@settings(max_examples=300, deadline=None)
def test_whatever_a_file_holds_it_is_refused_or_used_without_a_traceback(written, chosen, value):
    path, text = written
    path.write_text(json.dumps(replaced(json.loads(text), chosen, value)))
    try:
        found = read_calibrations(path)
    except ValueError:
        return
    for one in found:
        assert (np.diff(one.llr([0.0, 0.5, 2.0])) <= 0).all()
        assert one.point(0.01) in (None, *one.points)
        assert one.for_pairs(True) in (None, one, one.within)
        assert isinstance(str(one), str)


@pytest.fixture(scope="module")
def written(calibration, tmp_path_factory):
    path = write_calibration(tmp_path_factory.mktemp("fuzzed") / "calibration.json", calibration)
    return path, path.read_text()
