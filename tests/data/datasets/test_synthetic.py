"""Synthetic persons are read like Market-1501, under their own name."""

import pytest

from passerby.data.reading.reader import open_reader, read_split

SET = {"bounding_box_train/0002_c1s1_000451_03.jpg": None, "synthetic.json": "{}"}


def test_recognised_by_its_json(market):
    (market / "synthetic.json").write_text("{}")
    reader, root = open_reader(str(market))
    split = reader.read(root)
    assert type(reader).__name__ == "Synthetic"
    assert split.source == "synthetic"
    assert {r.source for part in split.parts.values() for r in part} == {"synthetic"}
    assert not reader.published


@pytest.mark.parametrize("exists", [True, False])
def test_how_to_make_one(tmp_path, exists):
    root = tmp_path / "made"
    if exists:
        root.mkdir()
    with pytest.raises(ValueError, match="passerby data synthesize"):
        read_split(f"synthetic={root}")
