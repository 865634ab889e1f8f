"""DPFL (Chen et al. 2017, https://doi.org/10.1109/ICCVW.2017.304); see `models/systems/dpfl.py`.

    rank-1 / mAP                Market-1501    DukeMTMC-reID
    DPFL (two Inception-V3)     88.6 / 72.6    79.2 / 60.6    (Tables 2 and 3: 60.0 on the latter)

    passerby train dpfl --data market1501=ROOT --out runs/dpfl
    passerby evaluate runs/dpfl --data market1501=ROOT --metric euclidean

Here two ResNet-50; with timm, the original's networks on images of their own size are
``--set "network.backbone=timm(name=inception_v3)" --set input.height=299 --set input.width=299``.
The data set decides nothing but the name and the expected score. DukeMTMC-reID
was withdrawn by its authors in 2019 over privacy. Not run here at full length: a GPU of 12 GB and
an estimated five hours for Market-1501.
"""

from __future__ import annotations

from dataclasses import replace

from passerby.config import Input, LossTerm, Network, Optimizer, Recipe, Sampling, Schedule
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled
from passerby.registry import RECIPES

DPFL = publish(
    Publication(
        "DPFL",
        "Chen et al. 2017",
        "https://doi.org/10.1109/ICCVW.2017.304",
        "dpfl",
        (
            Score("market1501", 88.6, 72.6, "the original; the same in Table 2"),
            Score("dukemtmc", 79.2, 60.6, "the original, quoted from memory"),
            Score("dukemtmc", 79.2, 60.0, "Table 3 of the paper"),
        ),
        "scores are those of two Inception-V3, here two ResNet-50; sizes of images, temperature, "
        "weights and rates of the original could not be read and are ours.",
    )
)


@RECIPES.register
def dpfl(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """DPFL (Chen et al. 2017): two ResNet-50 at two scales, taught by their consensus."""
    recipe = Recipe(
        name="dpfl",
        epochs=120,
        input=Input(height=256, width=128),
        network=Network("resnet50(last_stride=1)", start="imagenet", system="dpfl"),
        augmentations=("flip", "pad_and_crop(padding=10)"),
        sampling=Sampling(persons=8, images=4),
        losses=(
            LossTerm("cross_entropy", weight=3.0),
            LossTerm("consensus(temperature=1.0)", weight=2.0),
        ),
        optimizer=Optimizer("adam", rate=3.5e-4, weight_decay=5e-4),
        schedule=Schedule("step", warm_up=10, steps=(40, 70), factor=0.1),
        origins=(
            expected(DPFL, data),
            "two networks at two scales, a classifier each and one on both, whose probabilities "
            "teach the two; cross-entropy, ImageNet weights: Chen et al.",
            "ResNet-50 in place of Inception-V3, 256×128 and 128×64, temperature 1 and weight 1 of "
            "the consensus, dropout of one half, Adam 3.5e-4 with BoT's schedule, 8 persons × 4 "
            "images, flip, pad 10: ours; the original's values could not be read",
            "weights 3 and 2: the sums over three classifiers and two scales, as the losses are "
            "means over parts",
        ),
    )
    recipe = scaled(recipe, data, scale)
    if scale == "paper":
        return recipe
    small = replace(
        recipe.network,
        system="dpfl(dropout=0.0)",
        classifier="cosface(scale=16.0, margin=0.0)",
    )
    return replace(
        recipe,
        network=small,
        sampling=Sampling(persons=16, images=4),
        origins=(
            *recipe.origins,
            "compact: no dropout, cross-entropy on cosines × 16, 16 × 4: ours, to learn without "
            "pretraining",
        ),
    )
