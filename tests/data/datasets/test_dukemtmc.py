"""DukeMTMC-reID."""

import pytest

from passerby.data.reading.reader import read_split

SET = {"bounding_box_train/0001_c2_f0046182.jpg": None}


def test_person_camera_frame(duke):
    split = read_split(f"dukemtmc={duke}")
    assert [(r.person, r.camera, r.frame) for r in split.gallery] == [(5, 5, 51781), (8, 8, 26000)]
    assert split.distractor is None
    assert "withdrawn" in split.notes[0]


def test_market_names_are_refused(market):
    with pytest.raises(ValueError, match="do not match"):
        read_split(f"dukemtmc={market}")
