"""IANet (Hou et al. 2019, https://arxiv.org/abs/1907.08435); see `models/systems/ianet.py`.

    rank-1 / mAP    Market-1501    DukeMTMC-reID   MSMT17
    IANet           94.4 / 83.1    87.1 / 73.4     75.5 / 46.8

These are rows of the paper's Tables 2 to 4; its Table 4 prints an mAP of 45.8 on MSMT17.

    passerby train ianet --data market1501=ROOT --out runs/ianet

The data set decides nothing but the name and the expected score. Not run here at full length: a GPU
of 8 GB and an estimated hour for Market-1501.
"""

from __future__ import annotations

from passerby.config import Input, LossTerm, Network, Optimizer, Recipe, Sampling, Schedule
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled
from passerby.registry import RECIPES

IANET = publish(
    Publication(
        "IANet",
        "Hou et al. 2019",
        "https://arxiv.org/abs/1907.08435",
        "ianet",
        (
            Score("market1501", 94.4, 83.1, "the original; the same in Table 2"),
            Score("dukemtmc", 87.1, 73.4, "the original; the same in Table 3"),
            Score("msmt17", 75.5, 46.8, "the original"),
            Score("msmt17", 75.5, 45.8, "Table 4 of the paper"),
        ),
        "built after its authors' code; the article's text was not at hand in full.",
    )
)


@RECIPES.register
def ianet(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """IANet (Hou et al. 2019): ResNet-50 with spatial and channel aggregation in two places."""
    recipe = Recipe(
        name="ianet",
        epochs=60,
        input=Input(height=256, width=128, filter="bicubic"),
        network=Network("resnet50(last_stride=1)", start="imagenet", system="ianet"),
        augmentations=("flip", "erase(probability=0.5)"),
        sampling=Sampling(persons=16, images=4),
        losses=(
            LossTerm("cross_entropy(label_smoothing=0.1)"),
            LossTerm("triplet(margin=0.3, normalise=true, after_neck=true)"),
        ),
        optimizer=Optimizer("adam", rate=3.5e-4, weight_decay=5e-4),
        schedule=Schedule("step", warm_up=0, steps=(20, 40), factor=0.1),
        origins=(
            expected(IANET, data),
            "a spatial and a channel module behind layer2 and layer3, ImageNet weights: Hou et al.",
            "last stride 1, 256×128 bicubic, flip, erasing 0.5, 16 persons × 4 images, Adam, rate "
            "3.5e-4, ×0.1 at 20 and 40 of 60 epochs, weight decay 5e-4, label smoothing 0.1, a "
            "triplet loss of margin 0.3 behind the batch norm: the authors' code, which trains "
            "their later IAUnet",
            "Euclidean distance of unit vectors in the triplet loss: ours; theirs is the negative "
            "cosine, half its square less one",
            "BNNeck and classifier without bias: ours",
        ),
    )
    return scaled(recipe, data, scale)
