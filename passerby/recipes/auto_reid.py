"""Auto-ReID (Quan et al. 2019, https://arxiv.org/abs/1903.09776); `models/backbones/auto_reid.py`.

    rank-1 / mAP    Market-1501    DukeMTMC-reID    MSMT17
    Auto-ReID       94.5 / 85.1    88.5 / 75.1      78.2 / 52.5

    passerby train auto_reid --data market1501=ROOT --out runs/auto_reid
    passerby train auto_reid --data market1501=ROOT --out runs/darts \
        --set network.backbone.cells=darts                       # the cells of another search
    passerby search-architecture auto_reid --data market1501=ROOT --out cells    # cells of your own
    passerby train cells/recipe.json --data market1501=ROOT --out runs/found

Those figures are of networks that were first trained on ImageNet, whose weights are not public:
from random weights, as here, expect less. Not run here at full length: a GPU of 16 GB and an
estimated night for Market-1501.
"""

from __future__ import annotations

from dataclasses import replace

from passerby.config import Input, LossTerm, Network, Optimizer, Recipe, Sampling, Schedule
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled_as
from passerby.registry import RECIPES

AUTO_REID = publish(
    Publication(
        "Auto-ReID",
        "Quan et al. 2019",
        "https://arxiv.org/abs/1903.09776",
        "auto_reid",
        (
            Score("market1501", 94.5, 85.1, "the original, quoted from memory"),
            Score("dukemtmc", 88.5, 75.1, "the original, quoted from memory"),
            Score("msmt17", 78.2, 52.5, "Table 4 of the paper"),
        ),
        "the authors' cells in the nearest network that agrees with their counts; scores are those "
        "of networks trained on ImageNet first, whose weights are not public.",
    )
)


@RECIPES.register
def auto_reid(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """Auto-ReID (Quan et al. 2019): the cells that its authors found, from random weights."""
    recipe = Recipe(
        name="auto_reid",
        epochs=240,
        input=Input(height=384, width=128),
        network=Network("auto_reid"),
        augmentations=("flip", "pad_and_crop(padding=10)", "erase(probability=0.5)"),
        sampling=Sampling(persons=16, images=4),
        losses=(
            LossTerm("cross_entropy(label_smoothing=0.1)"),
            LossTerm("triplet(margin=0.3, normalise=true)"),
        ),
        optimizer=Optimizer("adam", rate=3.5e-4, weight_decay=5e-4),
        schedule=Schedule("cosine", warm_up=10, warm_up_start=0.1),
        origins=(
            expected(AUTO_REID, data),
            "cells: models/genotypes.py of the authors' Auto-ReID-and-Others, read in a fork",
            "the part-aware operation: the authors' AutoDL-Projects; the other operations: DARTS",
            "ResNet's stem and four stages of two cells: ours, by the counts of the abstract",
            "cross-entropy and triplet loss: what the paper's search minimises",
            "unit vectors in the triplet loss: ours; with vectors as they are it outweighs the "
            'classification at first (see the results page "Systems")',
            "random weights: ours; the original starts from ImageNet weights that are not public",
            "384×128, flip, pad 10, erasing 0.5, 16 persons × 4 images, label smoothing 0.1, "
            "margin 0.3, BNNeck, Adam 3.5e-4: ours, after BoT and PCB",
            "240 epochs of cosine, 10 of warm-up: ours, twice BoT's, as nothing is learnt before",
        ),
    )
    small = scaled_as(recipe, data, scale, Network("auto_reid(width=16)"), "width 16")
    if scale == "paper":
        return small
    return replace(
        small,
        optimizer=replace(small.optimizer, rate=3e-3),
        origins=(
            *small.origins,
            'compact scale, rate 3e-3 in place of that: ours, see the results page "Systems"',
        ),
    )
