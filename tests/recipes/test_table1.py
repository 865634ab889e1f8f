"""The rows of the paper's Table 1: what each changes, what it weighs, the figures as printed."""

import re
from dataclasses import asdict, replace

import pytest
import torch

from passerby.config import LossTerm, Recipe
from passerby.models.systems.plain import Plain
from passerby.recipes import ours, table1
from passerby.registry import RECIPES
from passerby.studies.ablation import ROWS, chosen_rows

CE, TRI = LossTerm("cross_entropy"), LossTerm("triplet(margin=0.3)")
CIRCLE = "circle(scale=64.0, margin=0.35)"

# row: attention, classifier, losses, parameters with the 751 classes of Market-1501
EXPECTED: dict[str, tuple[str, str, tuple[LossTerm, ...], int]] = {
    "baseline": ("none", "linear", (CE,), 25_050_176),
    "tri": ("none", "linear", (CE, TRI), 25_050_176),
    "se": ("se", "linear", (CE,), 27_581_168),
    "danet": ("danet", "linear", (CE,), 30_295_618),
    "non_local": ("non_local", "linear", (CE,), 32_408_640),
    "eca": ("eca", "linear", (CE,), 25_050_262),
    "tri_cir": ("none", CIRCLE, (CE, TRI), 25_050_176),
    "ours": ("cbam", CIRCLE, (CE, TRI), 27_566_688),
    "cbam": ("cbam", "linear", (CE,), 27_566_688),
    "eca_tri_cir": ("eca", CIRCLE, (CE, TRI), 25_050_262),
}

# Rank-1, rank-5, rank-10 and mAP as printed in the paper, slips included.
PRINTED = {
    "baseline": (83.67, 93.62, 95.78, 65.05),
    "tri": (84.00, 94.60, 96.53, 66.28),
    "se": (88.06, 95.93, 97.80, 73.43),
    "danet": (89.52, 96.85, 97.89, 73.43),
    "non_local": (91.69, 96.82, 97.92, 79.38),
    "eca": (91.92, 96.38, 97.98, 78.31),
    "tri_cir": (91.69, 97.24, 98.28, 78.26),
    "ours": (92.40, 96.82, 98.16, 79.70),
}


@pytest.mark.parametrize("row", EXPECTED)
def test_a_row_differs_from_the_baseline_in_what_it_says(row: str) -> None:
    attention, classifier, losses, _ = EXPECTED[row]
    baseline: Recipe = RECIPES.build("table1_baseline")
    network = replace(baseline.network, attention=attention, classifier=classifier)
    expected = replace(baseline, name=f"table1_{row}", network=network, losses=losses)
    assert asdict(RECIPES.build(f"table1_{row}")) == asdict(expected)


def test_the_baseline_is_the_papers() -> None:
    recipe = RECIPES.build("table1_baseline")
    assert (recipe.input.height, recipe.input.width) == (256, 128)
    assert recipe.sampling.persons * recipe.sampling.images == 64
    assert recipe.optimizer.rate == 3.5e-4
    assert recipe.network.start == "none"
    assert recipe.network.backbone.startswith("resnet50")


@pytest.mark.parametrize("row", EXPECTED)
def test_parameters(row: str) -> None:
    with torch.device("meta"):
        model = Plain(RECIPES.build(f"table1_{row}").network, persons=751)
    assert sum(parameter.numel() for parameter in model.parameters()) == EXPECTED[row][3]


def test_the_ablation_has_the_rows_and_the_printed_figures() -> None:
    assert [row.name for row in ROWS] == list(EXPECTED)
    assert {row.name: row.paper for row in ROWS if row.paper} == PRINTED
    assert all(row.paper or "not in the paper" in row.title for row in ROWS)


def test_the_printed_figures_stand_with_the_recipes() -> None:
    assert table1.PAPER == PRINTED


def test_tables_2_to_4_are_quoted_alike() -> None:
    """The module's table and the first line of each recipe, as printed in the paper."""
    printed = {"market1501": (94.45, 85.78), "dukemtmc": (88.60, 76.90), "msmt17": (79.44, 53.57)}
    module = re.findall(r"^    (\S+) +([\d.]+) +([\d.]+)   Table", ours.__doc__ or "", re.M)
    assert [(float(a), float(b)) for _, a, b in module] == list(printed.values())
    for name, figures in printed.items():
        line = RECIPES.describe(f"ours_{name}").summary
        found = re.search(r"rank-1 ([\d.]+), mAP ([\d.]+)", line)
        assert found is not None
        assert (float(found[1]), float(found[2])) == figures


def test_rows_are_chosen_by_name() -> None:
    assert chosen_rows("all") == ROWS
    assert [row.name for row in chosen_rows("ours, tri-cir,baseline")] == [
        "ours",
        "tri_cir",
        "baseline",
    ]
    with pytest.raises(ValueError, match=r"no row 'our' \(rows: baseline, tri, .*, or all\)"):
        chosen_rows("our")
