"""The paper's system as in its Tables 2-4: Table 1's Ours from ImageNet weights, per data set.

    data set          rank-1    mAP   (the paper's figures)
    Market-1501        94.45  85.78   Table 2
    DukeMTMC-reID      88.60  76.90   Table 3
    MSMT17_V1          79.44  53.57   Table 4

    passerby train ours_market1501 --data market1501=ROOT --out runs/market

DukeMTMC-reID was withdrawn by its authors in 2019 over privacy; it is here because the paper
reports on it. Cost: a GPU of 8 GB; about two hours for Market-1501, five for MSMT17.
"""

from __future__ import annotations

from dataclasses import replace

from passerby.config import Recipe
from passerby.publications import Publication, Score, publish
from passerby.recipes.table1 import Scale, table1_ours
from passerby.registry import RECIPES

_START = ("ImageNet weights of torchvision (IMAGENET1K_V1), CBAM beginning as the identity: ours",)

publish(
    Publication(
        "CBAM + circle (ours)",
        "the paper",
        "",
        "ours_market1501",
        (
            Score("market1501", 94.45, 85.78, "Table 2 of the paper"),
            Score("dukemtmc", 88.6, 76.9, "Table 3 of the paper"),
            Score("msmt17", 79.44, 53.57, "Table 4 of the paper"),
        ),
    )
)


def _ours(source: str, scale: Scale) -> Recipe:
    recipe = table1_ours(scale)
    return replace(
        recipe,
        name=recipe.name.replace("table1_ours", f"ours_{source}"),
        network=replace(recipe.network, start="imagenet"),
        origins=recipe.origins + _START,
    )


@RECIPES.register
def ours_market1501(scale: Scale = "paper") -> Recipe:
    """Table 2, Ours on Market-1501 from ImageNet weights (paper: rank-1 94.45, mAP 85.78)."""
    return _ours("market1501", scale)


@RECIPES.register
def ours_dukemtmc(scale: Scale = "paper") -> Recipe:
    """Table 3, Ours on DukeMTMC-reID from ImageNet weights (paper: rank-1 88.6, mAP 76.9)."""
    return _ours("dukemtmc", scale)


@RECIPES.register
def ours_msmt17(scale: Scale = "paper") -> Recipe:
    """Table 4, Ours on MSMT17_V1 from ImageNet weights (paper: rank-1 79.44, mAP 53.57)."""
    return _ours("msmt17", scale)
