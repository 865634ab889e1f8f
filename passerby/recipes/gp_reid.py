"""GP-reid (Almazán et al. 2018, "Re-ID done right", https://arxiv.org/abs/1801.05339).

    rank-1 / mAP            Market-1501    DukeMTMC-reID
    GP-reid (ResNet-101)    92.2 / 81.2    85.2 / 72.8

These are rows of the paper's Tables 2 and 3. The good practices of the title: large images, the
maximum over the maps, a linear layer and unit length; first the persons are told apart by a
classifier, then triplets alone are ranked, the hardest of many; parts of the images are cut out,
more and more. It is a recipe with two phases; the hard triplets are `losses/hard_triplets.py`, the
growing cut-out is an option of ``erase``.

Read in two summaries of the paper and a reimplementation of it, as its text was not at hand in
full. What departs:

- The authors keep the shape of every image. Here all are 416×208, which is the same for
  Market-1501, whose images are all 128×64, and stretches those of other data sets.
- They look for the 25 hardest triplets of an image among those of 5,000 images, embedded every 16
  steps, and draw one of the 25. Here they are looked for in the batch, of as many images as
  64 triplets have, and the mean of the 25 is taken.
- Images pass their network one by one, so that its batch norms cannot learn. Here they are frozen
  while triplets are ranked.

    passerby train gp_reid --data market1501=ROOT --out runs/gp-reid

The data set decides nothing but the name and the expected score. DukeMTMC-reID was withdrawn by its
authors in 2019 over privacy. Not run here at full length: a GPU of 12 GB (the batch passes in
twelve parts) and an estimated fifteen hours for Market-1501.
"""

from __future__ import annotations

from dataclasses import replace

from passerby.config import (
    Computation,
    Input,
    LossTerm,
    Network,
    Optimizer,
    Phase,
    Recipe,
    Sampling,
    Schedule,
)
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled
from passerby.registry import RECIPES

GP_REID = publish(
    Publication(
        "GP-reid",
        "Almazán et al. 2018",
        "https://arxiv.org/abs/1801.05339",
        "gp_reid",
        (
            Score("market1501", 92.2, 81.2, "Table 2 of the paper"),
            Score("dukemtmc", 85.2, 72.8, "Table 3 of the paper"),
        ),
        "hard triplets are those of a batch, not of 5,000 images; images are stretched to one size "
        "(the original's on Market-1501).",
    )
)

# All convolutions and the linear layer, but no batch norm: those stay in evaluation mode.
_WITHOUT_NORMS = ("backbone.*conv*", "backbone.*downsample.0.*", "projection.*")


def _phases(first: int, second: int, ranking: Phase) -> tuple[Phase, Phase]:
    """So many epochs of classification, then of ranking."""
    return (
        Phase("classification", first),
        replace(ranking, epochs=second, trains=_WITHOUT_NORMS),
    )


@RECIPES.register
def gp_reid(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """GP-reid (Almazán et al. 2018): ResNet-101 at 416×208, classified, then hard triplets."""
    ranking = Phase(
        "ranking",
        64,
        losses=(LossTerm("hard_triplets(margin=0.1, among=25)"),),
        optimizer=(Optimizer("sgd", rate=1e-3, weight_decay=5e-5, momentum=0.9),),
        schedule=(Schedule("step", warm_up=0, steps=tuple(range(8, 64, 8)), factor=0.5),),
    )
    recipe = Recipe(
        name="gp_reid",
        epochs=84,
        input=Input(height=416, width=208),
        network=Network(
            "resnet101(last_stride=2)",
            start="imagenet",
            pooling="max",
            projection="linear(width=2048)",
            neck="none",
        ),
        augmentations=("erase(smallest=0.02, largest=0.4, fill=noise, grows=(20, 84))",),
        sampling=Sampling(persons=32, images=6),
        losses=(LossTerm("cross_entropy"),),
        optimizer=Optimizer("adam", rate=3.5e-4, weight_decay=5e-4),
        schedule=Schedule("step", warm_up=2, steps=(15,), factor=0.1),
        computation=Computation(accumulate=12),
        phases=_phases(20, 64, ranking),
        origins=(
            expected(GP_REID, data),
            "maximum over the maps, linear layer, unit length; ImageNet weights, then "
            "classification, then triplets alone; noise cut in and growing; no flips: Almazán et "
            "al., by a summary",
            "margin 0.1, 25 hardest triplets, SGD 0.001 halved every 512 of 4,096 steps of 64 "
            "triplets, weight decay 5e-5: a reimplementation, steps as epochs of Market-1501",
            "ResNet-101, largest side 416: Almazán et al., quoted from memory",
            "one size for all, triplets of the batch, the mean of the 25, frozen batch norms: see "
            "the head of the recipe's file",
            "a layer of 2048, 20 epochs of classification by Adam, half of the images cut, from "
            "2 % up to 40 % of the area, 32 persons × 6 images: ours",
        ),
    )
    if scale == "compact":
        small = scaled(recipe, data, scale, last_stride=2)
        return replace(
            small,
            network=replace(
                small.network,
                projection="linear(width=256)",
                classifier="cosface(scale=16.0, margin=0.0)",
            ),
            augmentations=(
                *small.augmentations,
                "erase(smallest=0.02, largest=0.2, fill=noise, grows=(8, 32))",
            ),
            sampling=Sampling(persons=16, images=4),
            computation=Computation(),
            epochs=32,
            phases=_phases(24, 8, ranking),
            origins=(
                *small.origins,
                "compact: a layer of 256, cross-entropy on cosines × 16, 24 epochs of it and 8 of "
                "triplets, 16 × 4, cut-out to 20 %: ours, to learn without pretraining",
            ),
        )
    return scaled(recipe, data, scale, last_stride=2)
