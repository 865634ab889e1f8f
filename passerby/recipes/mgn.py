"""MGN (Wang et al. 2018, https://arxiv.org/abs/1804.01438); see `models/systems/mgn.py`.

    rank-1 / mAP       Market-1501    DukeMTMC-reID   MSMT17
    MGN                95.7 / 86.9    88.7 / 78.4
    MGN + circle loss                                 76.9 / 52.1 (Table 4, "Circle Loss")

MGN is no row of the paper's tables but the network behind one: "Circle Loss" in Table 4 is MGN with
circle loss (Sun et al. 2020).

    passerby train mgn --data market1501=ROOT --out runs/mgn
    passerby evaluate runs/mgn --data market1501=ROOT --flip

The data set decides nothing but the name and the expected score. Not run here at full length: a GPU
of 16 GB and an estimated six hours for Market-1501.
"""

from __future__ import annotations

from passerby.config import Input, LossTerm, Network, Optimizer, Recipe, Sampling, Schedule
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled
from passerby.registry import RECIPES

_FASTREID = "FastReID's model zoo: ResNet-50-IBN, trained as its SBS"

MGN = publish(
    Publication(
        "MGN",
        "Wang et al. 2018",
        "https://arxiv.org/abs/1804.01438",
        "mgn",
        (
            Score("market1501", 95.7, 86.9, "the original"),
            Score("dukemtmc", 88.7, 78.4, "the original"),
            Score("market1501", 95.8, 89.8, _FASTREID),
            Score("dukemtmc", 91.1, 82.0, _FASTREID),
        ),
        "scores are those of the mean over an image and its mirror image (`--flip`). The row "
        '"Circle Loss" of the paper\'s Table 4 (76.9 / 52.1 on MSMT17) is MGN with circle loss.',
    )
)


@RECIPES.register
def mgn(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """MGN (Wang et al. 2018): three branches of a ResNet-50 at 384×128, eight vectors."""
    recipe = Recipe(
        name="mgn",
        epochs=80,
        input=Input(height=384, width=128),
        network=Network("resnet50(last_stride=1)", start="imagenet", system="mgn"),
        augmentations=("flip",),
        sampling=Sampling(persons=16, images=4),
        losses=(
            LossTerm("cross_entropy"),
            LossTerm("triplet(margin=1.2)", parts="global*"),
        ),
        optimizer=Optimizer("sgd", rate=0.01, weight_decay=5e-4, momentum=0.9),
        schedule=Schedule("step", warm_up=0, steps=(40, 60), factor=0.1),
        origins=(
            expected(MGN, data),
            "384×128, 16 persons × 4 images, flip, SGD with momentum 0.9, weight decay 5e-4, rate "
            "0.01, ×0.1 at 40 and 60 of 80 epochs, margin 1.2, ImageNet weights: Wang et al.",
            "mean of eight cross-entropies plus mean of three triplet losses: Wang et al.",
            "Nesterov's momentum, classifiers without bias: ours",
        ),
    )
    return scaled(recipe, data, scale)
