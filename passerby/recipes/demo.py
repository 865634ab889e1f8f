"""The paper's system, small enough for the five minutes of ``passerby demo`` on two CPU cores."""

from __future__ import annotations

from dataclasses import replace

from passerby.config import Recipe, Schedule
from passerby.recipes.table1 import table1_ours
from passerby.registry import RECIPES


@RECIPES.register
def demo(epochs: int = 24) -> Recipe:
    """CBAM in every residual block of a ResNet-18, circle classifier, L_CE + L_Tri, at 128×64."""
    recipe = table1_ours("compact")
    return replace(
        recipe,
        name="demo",
        epochs=epochs,
        network=replace(recipe.network, backbone="resnet18(last_stride=2)"),
        sampling=replace(recipe.sampling, limit=1),
        schedule=Schedule("cosine", warm_up=epochs / 10, warm_up_start=0.05),
        origins=(
            *recipe.origins,
            "last stride 2, for time; one group of four images a person and epoch: ours",
        ),
    )
