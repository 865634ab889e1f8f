"""The rows of the paper's Table 1 (Market-1501, no pretraining), and two rows that it lacks.

The paper's figures stand in `PAPER`.

`table1_cbam` (CBAM alone, on cross-entropy) and `table1_eca_tri_cir` (ECA with the circle
classifier and the triplet loss) separate what the table mixes: its attention rows stand on
cross-entropy alone, and Ours changes attention, classifier and loss at once.

    passerby train table1_ours --data market1501=ROOT --out runs/ours
    passerby train "table1_ours(scale=compact)" --data ROOT --out runs/ours-compact

Cost: at scale "paper" a GPU of 8 GB and about two hours a row; at scale "compact" minutes on a CPU.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from passerby.config import Input, LossTerm, Network, Optimizer, Recipe, Sampling, Schedule
from passerby.registry import RECIPES

Scale = Literal["paper", "compact"]

PAPER = {
    "baseline": (83.67, 93.62, 95.78, 65.05),
    "tri": (84.00, 94.60, 96.53, 66.28),
    "se": (88.06, 95.93, 97.80, 73.43),
    "danet": (89.52, 96.85, 97.89, 73.43),
    "non_local": (91.69, 96.82, 97.92, 79.38),
    "eca": (91.92, 96.38, 97.98, 78.31),
    "tri_cir": (91.69, 97.24, 98.28, 78.26),
    "ours": (92.40, 96.82, 98.16, 79.70),
}
"""Rank-1, rank-5, rank-10 and mAP in percent, as printed, by the recipes' names less table1_."""

ORIGINS = (
    "ResNet-50, 256×128, batch 64, rate 3.5e-4, no pretraining, losses: the paper",
    "Adam, weight decay 5e-4, 16 persons × 4 images, 120 epochs, ×0.1 at 40 and 70, "
    "10 epochs of warm-up from 0.01: BoT (Luo et al. 2019); the paper does not say",
    "flip, pad 10 and crop, random erasing 0.5: BoT; the paper does not say",
    "last stride 1, average pooling, BNNeck without bias, triplet before the neck, "
    "cosine after it: BoT; the paper does not say",
    "triplet margin 0.3, batch hard, Euclidean: Hermans et al. 2017; the paper gives no value",
    "circle classifier, scale 64 and margin 0.35: FastReID's SBS; the paper gives no values",
    "CBAM: reduction 16, 7×7 spatial convolution without batch norm (Woo et al. 2018, as written)",
)

_COMPACT_ORIGINS = (
    "compact scale, ours: ResNet-18 at 128×64, 24 epochs, cosine, rate 7e-4, "
    "2 epochs of warm-up, pad 5; everything else as at scale paper",
)

_CE = LossTerm("cross_entropy")
_TRI = LossTerm("triplet(margin=0.3)")
_CIRCLE = "circle(scale=64.0, margin=0.35)"


def _row(
    name: str,
    scale: Scale,
    attention: str = "none",
    classifier: str = "linear",
    losses: tuple[LossTerm, ...] = (_CE,),
) -> Recipe:
    if scale not in ("paper", "compact"):
        raise ValueError(f"scale must be 'paper' or 'compact', got {scale!r}")
    recipe = Recipe(
        name=f"table1_{name}",
        epochs=120,
        input=Input(height=256, width=128),
        network=Network(
            "resnet50(last_stride=1)", attention=attention, classifier=classifier, start="none"
        ),
        augmentations=("flip", "pad_and_crop(padding=10)", "erase(probability=0.5)"),
        sampling=Sampling(persons=16, images=4),
        losses=losses,
        optimizer=Optimizer("adam", rate=3.5e-4, weight_decay=5e-4),
        schedule=Schedule("step", warm_up=10, warm_up_start=0.01, steps=(40, 70), factor=0.1),
        origins=ORIGINS,
    )
    return compact(recipe) if scale == "compact" else recipe


def compact(recipe: Recipe) -> Recipe:
    """The same method on a CPU: ResNet-18 at 128×64, fewer epochs."""
    return replace(
        recipe,
        name=f"{recipe.name}(scale=compact)",
        epochs=24,
        input=replace(recipe.input, height=128, width=64),
        network=replace(recipe.network, backbone="resnet18(last_stride=1)"),
        augmentations=("flip", "pad_and_crop(padding=5)", "erase(probability=0.5)"),
        optimizer=replace(recipe.optimizer, rate=7e-4),
        schedule=Schedule("cosine", warm_up=2, warm_up_start=0.01),
        origins=recipe.origins + _COMPACT_ORIGINS,
    )


@RECIPES.register
def table1_baseline(scale: Scale = "paper") -> Recipe:
    """Table 1, Baseline: ResNet-50 with cross-entropy."""
    return _row("baseline", scale)


@RECIPES.register
def table1_tri(scale: Scale = "paper") -> Recipe:
    """Table 1, + Tri: cross-entropy and triplet loss."""
    # Eq. 5 of the paper: L = L_CE + L_Tri, the sum of a recipe's loss terms.
    return _row("tri", scale, losses=(_CE, _TRI))


@RECIPES.register
def table1_se(scale: Scale = "paper") -> Recipe:
    """Table 1, + SE: squeeze-and-excitation in every residual block, cross-entropy."""
    return _row("se", scale, attention="se")


@RECIPES.register
def table1_danet(scale: Scale = "paper") -> Recipe:
    """Table 1, + DANet: dual attention on the last stage, cross-entropy."""
    return _row("danet", scale, attention="danet")


@RECIPES.register
def table1_non_local(scale: Scale = "paper") -> Recipe:
    """Table 1, + Non-local: five non-local blocks in layer2 and layer3, cross-entropy."""
    return _row("non_local", scale, attention="non_local")


@RECIPES.register
def table1_eca(scale: Scale = "paper") -> Recipe:
    """Table 1, + ECA: efficient channel attention in every residual block, cross-entropy."""
    return _row("eca", scale, attention="eca")


@RECIPES.register
def table1_tri_cir(scale: Scale = "paper") -> Recipe:
    """Table 1, + Tri Cir: circle classifier with cross-entropy and triplet loss."""
    return _row("tri_cir", scale, classifier=_CIRCLE, losses=(_CE, _TRI))


@RECIPES.register
def table1_ours(scale: Scale = "paper") -> Recipe:
    """Table 1, Ours: CBAM in every residual block, circle classifier, L = L_CE + L_Tri (eq. 5)."""
    return _row("ours", scale, attention="cbam", classifier=_CIRCLE, losses=(_CE, _TRI))


@RECIPES.register
def table1_cbam(scale: Scale = "paper") -> Recipe:
    """Not in the paper: CBAM alone, on cross-entropy, as its other attention rows stand."""
    return _row("cbam", scale, attention="cbam")


@RECIPES.register
def table1_eca_tri_cir(scale: Scale = "paper") -> Recipe:
    """Not in the paper: ECA with the circle classifier, cross-entropy and triplet loss."""
    return _row("eca_tri_cir", scale, attention="eca", classifier=_CIRCLE, losses=(_CE, _TRI))
