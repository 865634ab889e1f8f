"""CLIP-ReID (Li et al. 2023, https://arxiv.org/abs/2211.13977): the image side of CLIP.

The authors' training has two stages and reads texts that it learns; neither is here. This recipe is
their baseline, which trains the image side alone, and is for training on from a file of theirs:

    passerby convert Market1501_clipreid_ViT-B-16_60.pth --out models/clip
    passerby train clip_reid --data ROOT --out runs/own --set network.start=models/clip

Not run here at full length.
"""

from __future__ import annotations

from typing import Literal

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
from passerby.publications import Publication, publish
from passerby.registry import RECIPES

CLIP_REID = publish(
    Publication(
        "CLIP-ReID",
        "Li et al. 2023",
        "https://arxiv.org/abs/2211.13977",
        "clip_reid",
        (),
        "the image side; its scores stand in a table of the paper that was not at hand. The "
        "authors' files are opened by `passerby convert`; its two stages with texts are not here.",
    )
)


@RECIPES.register
def clip_reid(image: Literal["vit_base", "resnet50"] = "vit_base") -> Recipe:
    """CLIP-ReID's baseline (Li et al. 2023); give network.start a converted file."""
    half = (0.5, 0.5, 0.5)
    vit = image == "vit_base"
    return Recipe(
        name="clip_reid" if vit else f"clip_reid(image={image})",
        epochs=60 if vit else 120,
        input=Input(filter="bicubic", mean=half, std=half) if vit else Input(filter="bicubic"),
        network=Network(system=f"clip_reid(image={image})"),
        augmentations=("flip", "pad_and_crop(padding=10)", "erase(probability=0.5, fill=noise)"),
        sampling=Sampling(persons=16, images=4),
        losses=(
            LossTerm("cross_entropy(label_smoothing=0.1)", parts="global"),
            LossTerm("cross_entropy(label_smoothing=0.1)", parts="projected"),
            LossTerm("triplet", weight=3.0),
        ),
        optimizer=Optimizer(
            "adam",
            rate=5e-6 if vit else 3.5e-4,
            weight_decay=1e-4 if vit else 5e-4,
            rates=(Rate("*bias", 2.0),),
        ),
        schedule=Schedule(
            "step",
            warm_up=10,
            warm_up_start=0.1 if vit else 0.01,
            steps=(30, 50) if vit else (40, 70),
        ),
        origins=(
            "the authors' baseline, vit_base.yml and cnn_base.yml: 16 persons × 4 images, Adam "
            "5e-6 for 60 epochs (ViT) or 3.5e-4 for 120 (ResNet), tenths at 30 and 50 or 40 and "
            "70, 10 epochs of warm-up, biases twice as fast; smoothing 0.1 on both classifiers, "
            "triplet of margin 0.3 on each of three vectors; flip, pad 10 and crop, erasing",
            "triplet, weighed 3: the mean over parts is then their sum of three losses",
            "it begins with no weights unless network.start names a converted model: ours",
        ),
    )
