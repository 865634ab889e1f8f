"""Who is listed as known, as far as nobody is, or everybody."""

import numpy as np
import pytest

from passerby.gallery.ledger.persons import known_text, persons


def test_nobody_is_known_where_nobody_has_a_name(make_store, crowd):
    store = make_store(crowd.persons(3))
    assert persons(store) == ()
    assert known_text(()) == "nobody is known by name"


@pytest.mark.parametrize("names", [["ann", "", "bert", "ann"], ["bert", "ann", "ann", ""]])
def test_each_name_is_one_person(make_store, crowd, names):
    times = np.datetime64("2026-05-01T08:00", "us") + np.arange(4) * np.timedelta64(60, "s")
    store = make_store(crowd.persons(4), persons=names, cameras=["a", "b", "c", "d"], times=times)
    found = persons(store)
    assert [(one.name, one.sightings) for one in found] == [("ann", 2), ("bert", 1)]
    own = [camera for camera, name in zip("abcd", names, strict=True) if name == "ann"]
    assert found[0].cameras == tuple(own)
    assert (found[0].last - found[0].first).total_seconds() > 0
