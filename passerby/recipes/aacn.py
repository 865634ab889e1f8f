"""AACN (Xu et al. 2018, https://arxiv.org/abs/1805.03344); see `models/systems/aacn.py`.

    rank-1 / mAP            Market-1501    DukeMTMC-reID
    AACN (GoogLeNet)        85.9 / 66.9    76.8 / 59.3    (Table 3: 76.8 / 58.3)

    passerby data synthesize drawn --style street --with-joints
    passerby train aacn --data synthetic=drawn --out runs/drawn
    passerby train aacn --data market1501=ROOT --out runs/aacn --set network.start=runs/drawn

The first run learns the parts of persons who are drawn, the second goes on from it with images of
which nobody knows the joints: there the phase "attention" changes nothing, and then the maps follow
what tells persons apart. With ``--data`` twice both kinds are trained on at once and the drawn ones
go on teaching the maps; ``--keypoints`` takes joints that a pose estimator found.

The data set decides nothing but the name and the expected score. DukeMTMC-reID was withdrawn by its
authors in 2019 over privacy. Not run here at full length: a GPU of 12 GB and an estimated four
hours for Market-1501.
"""

from __future__ import annotations

from dataclasses import replace

from passerby.config import Input, LossTerm, Network, Optimizer, Phase, Recipe, Sampling, Schedule
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled
from passerby.registry import RECIPES

AACN = publish(
    Publication(
        "AACN",
        "Xu et al. 2018",
        "https://arxiv.org/abs/1805.03344",
        "aacn",
        (
            Score("market1501", 85.9, 66.9, "the original (not checked against it); Table 2"),
            Score("dukemtmc", 76.84, 59.25, "the original, quoted from memory"),
            Score("dukemtmc", 76.8, 58.3, "Table 3 of the paper"),
        ),
        "scores are those of GoogLeNet, here a ResNet-50; abstract and introduction of the "
        "original could be read: what its maps are, sizes, weights and rates are ours. Joints are "
        "needed in training alone; drawn persons have them.",
    )
)


@RECIPES.register
def aacn(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """AACN (Xu et al. 2018): parts by maps learnt from joints, each as far as it is seen."""
    recipe = Recipe(
        name="aacn",
        epochs=80,
        input=Input(height=256, width=128),
        network=Network("resnet50(last_stride=1)", start="imagenet", system="aacn"),
        augmentations=("flip", "pad_and_crop(padding=10)"),
        sampling=Sampling(persons=16, images=4),
        losses=(
            LossTerm("cross_entropy", weight=2.0),
            LossTerm("part_maps", weight=1.0),
        ),
        optimizer=Optimizer("adam", rate=3.5e-4, weight_decay=5e-4),
        schedule=Schedule("step", warm_up=5, steps=(40, 60), factor=0.1),
        phases=(
            Phase(
                "attention",
                10,
                ("part_attention.*",),
                (LossTerm("part_maps"),),
                # Without joints nothing is to change: decay alone would undo what was learnt.
                optimizer=(Optimizer("adam", rate=1e-3, weight_decay=0.0),),
                schedule=(Schedule("cosine", warm_up=1),),
            ),
            Phase("all", 70),
        ),
        origins=(
            expected(AACN, data),
            "maps of joints, rigid and non-rigid parts as a side task; parts pooled under them and "
            "weighed by visibility; one composed vector: Xu et al., abstract and introduction",
            "squared error of the maps, two stages, VGG-19's convolutions for the attention, "
            "cross-entropy, ImageNet weights: Xu et al., from memory",
            "ResNet-50 in place of GoogLeNet, 256×128, eleven parts of COCO's joints, the "
            "attention first alone and then with all else, weight 1 of the maps, a classifier for "
            "the whole image too, 16 persons × 4 images, Adam and its schedule, flip, pad 10: "
            "ours; the original's values could not be read",
            "weight 2: the sum over two classifiers, as the loss is a mean over parts",
        ),
    )
    recipe = scaled(recipe, data, scale)
    if scale == "paper":
        return recipe
    return replace(
        recipe,
        epochs=34,
        sampling=Sampling(persons=4, images=4),
        network=replace(
            recipe.network,
            system="aacn(width=64, attention_width=8, halvings=2)",
            classifier="cosface(scale=16.0, margin=0.0)",
        ),
        phases=(
            replace(recipe.phases[0], epochs=16, rate=1e-2),
            Phase("all", 18),
        ),
        origins=(
            *recipe.origins,
            "compact: attention an eighth as wide, halved twice, 16 epochs alone at rate 1e-2 and "
            "18 with all else, batches of 4 × 4; cross-entropy on cosines × 16: ours, to learn "
            "without pretraining",
        ),
    )
