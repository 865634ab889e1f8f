"""AlignedReID++ (Luo et al. 2019); see `models/systems/aligned.py`.

    rank-1 / mAP            Market-1501    DukeMTMC-reID   MSMT17
    AlignedReID++, both     91.8 / 79.1    82.1 / 69.7     69.8 / 43.7
    AlignedReID++, global   90.6 / 77.7    81.2 / 67.4     67.6 / 41.8

With label smoothing. AlignedReID as first published, with mutual learning, is `aligned_mutual`.

    passerby train aligned --data market1501=ROOT --out runs/aligned
    passerby evaluate runs/aligned --data market1501=ROOT --distance both

The data set decides nothing but the name and the expected score. Not run here at full length: a GPU
of 8 GB and an estimated four hours for Market-1501.
"""

from __future__ import annotations

from passerby.config import Input, LossTerm, Network, Optimizer, Recipe, Sampling, Schedule
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled
from passerby.registry import RECIPES

PLUS = publish(
    Publication(
        "AlignedReID++",
        "Luo et al. 2019",
        "https://github.com/michuanhaohao/AlignedReID",
        "aligned",
        (
            Score("market1501", 91.8, 79.1, "the authors' code, global + DMLI, label smoothing"),
            Score("dukemtmc", 82.1, 69.7, "the authors' code, global + DMLI, label smoothing"),
            Score("msmt17", 69.8, 43.7, "the authors' code, global + DMLI, label smoothing"),
        ),
        "scores are those of `--distance both`; the global vector alone has 90.6 / 77.7, "
        "81.2 / 67.4 and 67.6 / 41.8.",
    )
)


@RECIPES.register
def aligned(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """AlignedReID++ (Luo et al. 2019): ResNet-50, 256×128, triplet loss on aligned rows."""
    recipe = Recipe(
        name="aligned",
        epochs=300,
        input=Input(height=256, width=128),
        network=Network("resnet50(last_stride=2)", start="imagenet", neck="none", system="aligned"),
        augmentations=("flip", "pad_and_crop(padding=10)"),
        sampling=Sampling(persons=8, images=4),
        losses=(
            LossTerm("cross_entropy(label_smoothing=0.1)"),
            LossTerm("triplet(margin=0.3)"),
            LossTerm("local_triplet(margin=0.3)"),
        ),
        optimizer=Optimizer("adam", rate=2e-4, weight_decay=5e-4),
        schedule=Schedule("step", warm_up=0, steps=(150,), factor=0.1),
        origins=(
            expected(PLUS, data),
            "last stride 2, 256×128, 8 persons × 4 images, flip, label smoothing, margins 0.3, "
            "Adam 2e-4, ×0.1 at 150 of 300 epochs, ImageNet weights: the authors' code",
            "pad 10 and crop: ours; the authors' code enlarges by an eighth and crops, every other "
            "time",
        ),
    )
    return scaled(recipe, data, scale, last_stride=2)
