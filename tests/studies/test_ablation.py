"""Rows of an ablation: the paper's by name, one's own by their recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from passerby.config import open_recipe
from passerby.studies.ablation import ROWS, chosen_rows

OWN = """
from passerby.recipes.table1 import table1_tri

def mine():
    return table1_tri("compact")
"""


def test_rows_of_ones_own_stand_beside_the_papers(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(OWN, "utf-8")
    text = f"ours, table1_tri(scale=compact),mine={file}:mine,bot"
    ours, named, mine, other = chosen_rows(text)
    assert ours is ROWS[7]
    assert ours.call("compact") == "table1_ours(scale=compact)"
    assert named.name == "table1_tri_scale_compact"
    assert open_recipe(named.call("paper")).epochs == 24  # it says its scale itself
    assert (mine.name, mine.title, mine.paper) == ("mine", "mine", None)
    assert open_recipe(mine.call("compact")).name == "table1_tri(scale=compact)"
    assert other.recipe == "bot"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("our", "Table 1 has no row 'our' .rows: baseline, .*it is no recipe of your own"),
        ("mine=none.py:f", "it is no recipe of your own: no such recipe file"),
        ("bot,bot", "two rows are named 'bot'"),
    ],
)
def test_what_is_no_row_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chosen_rows(text)
