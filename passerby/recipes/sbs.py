"""SBS, FastReID's "stronger baseline" (He et al. 2020, https://arxiv.org/abs/2006.02631).

    rank-1 / mAP      Market-1501    DukeMTMC-reID   MSMT17
    ResNet-50         95.4 / 88.2    90.3 / 80.3     81.8 / 58.4
    ResNet-50-IBN     95.7 / 89.3    90.8 / 81.2     83.9 / 60.6

No row of the paper's tables, but the best published scores of a plain ResNet-50, and the source of
their circle classifier's scale and margin. Read in FastReID's Base-SBS.yml and model zoo.

    passerby train sbs --data market1501=ROOT --out runs/sbs
    passerby train "sbs_ibn(data=msmt17)" --data msmt17=ROOT --out runs/sbs-ibn

The data set decides the name, the expected score, and for how many epochs the backbone is frozen:
FastReID counts iterations. Not run here at full length: a GPU of 11 GB and an estimated two hours
for Market-1501.
"""

from __future__ import annotations

from dataclasses import replace

from passerby.config import (
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

_LINK, _PAPER = "https://arxiv.org/abs/2006.02631", "He et al. 2020"

SBS = publish(
    Publication(
        "SBS",
        _PAPER,
        _LINK,
        "sbs",
        (
            Score("market1501", 95.4, 88.2, "FastReID's model zoo"),
            Score("dukemtmc", 90.3, 80.3, "FastReID's model zoo"),
            Score("msmt17", 81.8, 58.4, "FastReID's model zoo"),
        ),
    )
)
SBS_IBN = publish(
    Publication(
        "SBS (IBN)",
        _PAPER,
        _LINK,
        "sbs_ibn",
        (
            Score("market1501", 95.7, 89.3, "FastReID's model zoo"),
            Score("dukemtmc", 90.8, 81.2, "FastReID's model zoo"),
            Score("msmt17", 83.9, 60.6, "FastReID's model zoo"),
        ),
    )
)

# 1,000 iterations with a frozen backbone and 2,000 of warm-up, in epochs of 64 images a step.
_FROZEN = {"market1501": 5, "dukemtmc": 4, "msmt17": 2}


@RECIPES.register
def sbs(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """SBS (FastReID): non-local, GeM, circle classifier, frozen first, cosine, 384×128."""
    return _sbs("sbs", SBS, "resnet50(last_stride=1, ceil_pool=true)", data, scale)


@RECIPES.register
def sbs_ibn(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """SBS on ResNet-50-IBN-a (FastReID)."""
    return _sbs(
        "sbs_ibn", SBS_IBN, "resnet50(last_stride=1, ibn=true, ceil_pool=true)", data, scale
    )


def _sbs(name: str, publication: Publication, backbone: str, data: Source, scale: Scale) -> Recipe:
    recipe = Recipe(
        name=name,
        epochs=60,
        input=Input(height=384, width=128, filter="bicubic"),
        network=Network(
            backbone,
            start="imagenet",
            attention="non_local_dot",
            pooling="gem(power=3.0)",
            classifier="circle(scale=64.0, margin=0.35)",
        ),
        augmentations=(
            "auto_augment(probability=0.1)",
            "flip",
            "pad_and_crop(padding=10)",
            "erase(probability=0.5)",
        ),
        sampling=Sampling(persons=4, images=16),
        losses=(
            LossTerm("cross_entropy(label_smoothing=0.1)"),
            LossTerm("triplet(soft=true, after_neck=true)"),
        ),
        optimizer=Optimizer("adam", rate=3.5e-4, weight_decay=5e-4),
        schedule=Schedule("cosine", warm_up=0, floor=0.002),
        origins=(
            expected(publication, data),
            "non-local blocks, GeM with a learned power, circle classifier of scale 64 and margin "
            "0.35, soft triplet behind the neck, label smoothing 0.1, AutoAugment 0.1, 4 persons × "
            "16 images, 384×128 bicubic, Adam 3.5e-4, 60 epochs, cosine to 7e-7 from the 30th, "
            "1,000 iterations with a frozen backbone, 2,000 of warm-up from 0.1: FastReID",
            f"the two as {_FROZEN.get(data)} and twice as many epochs: ours",
            "Adam begins anew with each phase, the ImageNet policy on the resized image: ours",
        ),
        phases=_phases(_FROZEN[data]),
    )
    if scale == "paper":
        return scaled(recipe, data, scale)
    small = scaled(recipe, data, scale)
    whole = "compact scale, ours: one phase, as nothing is pretrained that could be kept"
    return replace(small, phases=(), origins=(*small.origins, whole))


def _phases(frozen: int) -> tuple[Phase, ...]:
    """Head alone, everything at the full rate, everything on a cosine: 60 epochs."""
    rising = Schedule("constant", warm_up=2 * frozen, warm_up_start=0.1)
    halfway = replace(rising, warm_up=frozen, warm_up_start=0.55)  # where the head's phase ends
    return (
        Phase("head", frozen, trains=("pooling*", "neck*", "classifier*"), schedule=(rising,)),
        Phase("whole", 30 - frozen, schedule=(halfway,)),
        Phase("cosine", 30),
    )
