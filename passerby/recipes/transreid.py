"""TransReID (He et al. 2021, https://arxiv.org/abs/2102.04378); see `models/systems/transreid.py`.

    rank-1 / mAP           Market-1501    DukeMTMC-reID   MSMT17
    TransReID, stride 12   95.2 / 88.9    90.7 / 82.0     85.3 / 67.4

No row of the paper's tables: the first transformer of the field, beside which its convolutional
networks are read now. The test knows each image's camera, which none of the other systems does.

    passerby train transreid --data market1501=ROOT --out runs/transreid
    passerby train "transreid(data=msmt17)" --data msmt17=ROOT --out runs/transreid

The data set decides the cameras' numbers. DukeMTMC-reID was withdrawn by its authors in 2019 over
privacy. Not run here at full length: a GPU of 16 GB (the authors used 12 GB) and an estimated six
hours for Market-1501; ImageNet weights come through timm (passerby[timm]).
"""

from __future__ import annotations

from passerby.config import (
    Input,
    LossTerm,
    Network,
    Optimizer,
    Rate,
    Recipe,
    Sampling,
    Schedule,
)
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled_transformer
from passerby.registry import RECIPES

_FIGURE = "the authors' figure of their results (sota.png), stride 12"

TRANSREID = publish(
    Publication(
        "TransReID",
        "He et al. 2021",
        "https://arxiv.org/abs/2102.04378",
        "transreid",
        (
            Score("market1501", 95.2, 88.9, _FIGURE),
            Score("dukemtmc", 90.7, 82.0, _FIGURE),
            Score("msmt17", 85.3, 67.4, _FIGURE),
        ),
        "knows the camera of each image, in the test too; an unknown one gets the mean of all.",
    )
)

# As the readers number them.
_CAMERAS = {
    "market1501": tuple(range(1, 7)),
    "dukemtmc": tuple(range(1, 9)),
    "msmt17": tuple(range(1, 16)),
}


@RECIPES.register
def transreid(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """TransReID (He et al. 2021): ViT-B/16, stride 12, at 256×128; cameras and jigsaw."""
    recipe = Recipe(
        name="transreid",
        epochs=120,
        input=Input(filter="bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        network=Network(start="imagenet", system=f"transreid(cameras={_CAMERAS[data]})"),
        augmentations=("flip", "pad_and_crop(padding=10)", "erase(probability=0.5, fill=noise)"),
        sampling=Sampling(persons=16, images=4),
        losses=(
            LossTerm("cross_entropy", weight=0.5, parts="global"),
            LossTerm("cross_entropy", weight=0.5, parts="jigsaw_*"),
            LossTerm("triplet(soft=True)", weight=0.5, parts="global"),
            LossTerm("triplet(soft=True)", weight=0.5, parts="jigsaw_*"),
        ),
        optimizer=Optimizer(
            "sgd", rate=0.008, weight_decay=1e-4, momentum=0.9, rates=(Rate("*bias", 2.0),)
        ),
        schedule=Schedule(
            "cosine",
            warm_up=5,
            warm_up_start=0.01,
            floor=0.002,
            changes="epoch",
            first_epoch=1,
            cosine_from="beginning",
        ),
        origins=(
            expected(TRANSREID, data),
            "256×128, stride 12, λ 3 on cameras, 16 persons × 4 images, 120 epochs of SGD 0.008 "
            "with momentum 0.9 and weight decay 1e-4, cosine, soft triplet: He et al.",
            "flip, pad 10 and crop, erasing by noise 0.5, values (v / 255 − 0.5) / 0.5: He et al.",
            "losses of the global part one half, mean of the local parts' the other; biases twice "
            "as fast; the rate once an epoch, counted from 1, on a cosine over all 120 epochs down "
            "to 0.002 of it, the first four on the way from 0.01: the authors' code",
            "warm-up and floor of the biases at twice the others': ours, theirs are the others'",
            "Nesterov's momentum; bicubic resizing in the test as in training, theirs is bilinear "
            "there: ours",
        ),
    )
    small = Network(
        system="transreid(variant=tiny, depth=4, stride=8, sie=1.0, drop_path=0.0, "
        f"height=192, width=64, cameras={_CAMERAS[data]})"
    )
    said = "four layers of ViT-Ti, stride 8, λ 1, no drop path,"
    return scaled_transformer(recipe, data, scale, small, said)
