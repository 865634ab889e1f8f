"""The table of systems: counted costs, quoted scores, and the page that is made of it."""

from pathlib import Path

import pytest
from torchvision.models import get_weight

from passerby import publications
from passerby.cli.systems_table import scores_listing, systems_listing
from passerby.config import Input, Network, Recipe
from passerby.models.cost import cost_of
from passerby.publications import Publication, Score, expected, publish
from passerby.registry import RECIPES

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_pages_are_up_to_date() -> None:
    """If this fails: passerby list systems > docs/systems.md, list scores > ...-scores.md."""
    assert (DOCS / "systems.md").read_text(encoding="utf-8") == systems_listing() + "\n"
    assert (DOCS / "systems-scores.md").read_text(encoding="utf-8") == scores_listing() + "\n"


@pytest.mark.parametrize("depth", [18, 50])
def test_costs_are_torchvisions(depth: int) -> None:
    known = get_weight(f"ResNet{depth}_Weights.IMAGENET1K_V1").meta
    recipe = Recipe(
        "x",
        input=Input(height=224, width=224),
        network=Network(f"resnet{depth}(last_stride=2)", neck="none"),
    )
    cost = cost_of(recipe)
    width = cost.dimensions
    assert cost.parameters == known["num_params"] - 1000 * (width + 1)  # of its classifier
    assert cost.multiplications / 1e9 == pytest.approx(known["_ops"], abs=0.003)


def test_every_row_names_its_sources_and_builds() -> None:
    rows = publications.publications()
    assert {"PCB", "PCB+RPP", "MGN", "AlignedReID", "AlignedReID++"} <= {row.system for row in rows}
    for row in rows:
        assert RECIPES.build(row.recipe).network
        assert all(score.source for score in row.scores)
        assert all(0 < score.mean_average_precision < score.rank1 < 100 for score in row.scores)


def test_a_second_row_of_a_system_is_refused() -> None:
    first = publications.publications()[0]
    with pytest.raises(ValueError, match="two publications are named"):
        publish(first)


def test_what_to_expect_says_who_says_so() -> None:
    scores = (Score("msmt17", 60.5, 40, "theirs"), Score("msmt17", 61, 41, "another's"))
    row = Publication("X", "A 2020", "", "x", scores)
    assert expected(row, "msmt17") == "expected on msmt17, rank-1 60.5, mAP 40: theirs"
    with pytest.raises(ValueError, match=r"of X on 'market1501' \(data: msmt17\)"):
        expected(row, "market1501")
