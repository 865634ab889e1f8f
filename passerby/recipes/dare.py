"""DaRe (Wang et al. 2018, https://arxiv.org/abs/1805.08805); see `models/systems/dare.py`.

    rank-1 / mAP, with random erasing    Market-1501    DukeMTMC-reID
    DenseNet-201                         89.0 / 76.0    80.2 / 64.5
    ResNet-50                            88.5 / 74.2    79.1 / 63.0

The first row is the row "DaRe" of the paper's Tables 2 and 3. The scores were taken with the mean
of ten crops of each image, which is not here.

    passerby train dare_densenet201 --data market1501=ROOT --out runs/dare
    passerby evaluate runs/dare --data market1501=ROOT --metric euclidean

The data set decides nothing but the name and the expected score. Not run here at full length:
60,000 steps of 72 images, a GPU of 16 GB and an estimated fifteen hours (ResNet-50: 11 GB, seven).
"""

from __future__ import annotations

from dataclasses import replace

from passerby.config import Input, LossTerm, Network, Optimizer, Recipe, Sampling, Schedule
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled, scaled_as
from passerby.registry import RECIPES

_LINK, _PAPER = "https://arxiv.org/abs/1805.08805", "Wang et al. 2018"
_NOTE = "with random erasing; scores are those of the mean of ten crops, which is not here."

DENSENET201 = publish(
    Publication(
        "DaRe (DenseNet-201)",
        _PAPER,
        _LINK,
        "dare_densenet201",
        (
            Score("market1501", 89.0, 76.0, "the original; the same in Table 2"),
            Score("dukemtmc", 80.2, 64.5, "the original; the same in Table 3"),
        ),
        _NOTE,
    )
)
RESNET50 = publish(
    Publication(
        "DaRe (ResNet-50)",
        _PAPER,
        _LINK,
        "dare_resnet50",
        (
            Score("market1501", 88.5, 74.2, "the original (not checked against it)"),
            Score("dukemtmc", 79.1, 63.0, "the original (not checked against it)"),
        ),
        _NOTE,
    )
)


@RECIPES.register
def dare_densenet201(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """DaRe on DenseNet-201 (Wang et al. 2018): four stages and their weighted sum."""
    return _dare("dare_densenet201", DENSENET201, data, scale)


@RECIPES.register
def dare_resnet50(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """DaRe on ResNet-50 (Wang et al. 2018)."""
    return _dare("dare_resnet50", RESNET50, data, scale)


def _dare(name: str, publication: Publication, data: Source, scale: Scale) -> Recipe:
    backbone = f"{name.removeprefix('dare_')}(last_stride=2)"
    recipe = Recipe(
        name=name,
        epochs=1460,
        input=Input(height=256, width=128),
        network=Network(backbone, start="imagenet", system="dare"),
        augmentations=("flip", "pad_and_crop(padding=10)", "erase(largest=0.2, fill=noise)"),
        # Each person once an epoch, as in the authors' sampler: 41 steps on Market-1501.
        sampling=Sampling(persons=18, images=4, limit=1),
        losses=(LossTerm("triplet(soft=true)", weight=5.0),),
        optimizer=Optimizer("adam", rate=3e-4, weight_decay=1e-4),
        schedule=Schedule(
            "step", warm_up=0, steps=tuple(range(730, 1460, 10)), factor=0.001 ** (1 / 73)
        ),
        validate_every=100,
        origins=(
            expected(publication, data),
            "four stages and their weighted sum, a soft batch-hard triplet loss on each of the "
            "five, erasing, flip, ImageNet weights: Wang et al.",
            "sum of the five losses, 18 persons × 4 images, each person once an epoch, 60,000 "
            "steps, Adam 3e-4, from half way down to a thousandth exponentially, weight decay "
            "1e-4, 256×128, erased shares to 0.2 in random colours: the authors' code",
            "that decay in steps of ten epochs, pad 10 (the authors crop out of 288×144), Adam's "
            "first moment at 0.9 throughout (0.5 in their second half): ours",
        ),
    )
    if backbone.startswith("densenet"):
        small = replace(recipe.network, backbone="densenet121(last_stride=2)", start="none")
        return scaled_as(recipe, data, scale, small, "DenseNet-121")
    return scaled(recipe, data, scale, last_stride=2)
