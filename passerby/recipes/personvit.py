"""PersonViT (Hu et al. 2024, https://arxiv.org/abs/2408.05398): a ViT that has seen many people.

    rank-1 / mAP      Market-1501    DukeMTMC-reID   MSMT17
    PersonViT-B       97.6 / 95.0    93.8 / 88.1     92.0 / 80.8
    PersonViT-S       96.8 / 92.9    91.9 / 84.7     89.2 / 74.3

What its scores come from is not in this recipe but in what it starts from: four million crops of
LUPerson without names. Fetch the authors' file, convert it, and start from that model.

    passerby convert checkpoint0220.pth --out models/personvit
    passerby train personvit --data ROOT --out runs/own --set network.start=models/personvit

A model of the authors that is fine-tuned already (transformer_120.pth) is converted alike, and is
trained on with its own configuration (train models/own/config.json). Not run here at full length.
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
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled_transformer
from passerby.registry import RECIPES

_TABLE = "the table of the authors' repository (hustvl/PersonViT), {}"
_BASE, _SMALL = _TABLE.format("ViT-B/16"), _TABLE.format("ViT-S/16")

PERSONVIT = publish(
    Publication(
        "PersonViT",
        "Hu et al. 2024",
        "https://arxiv.org/abs/2408.05398",
        "personvit(variant=base)",
        (
            Score("market1501", 97.6, 95.0, _BASE),
            Score("dukemtmc", 93.8, 88.1, _BASE),
            Score("msmt17", 92.0, 80.8, _BASE),
            Score("market1501", 96.8, 92.9, _SMALL),
            Score("dukemtmc", 91.9, 84.7, _SMALL),
            Score("msmt17", 89.2, 74.3, _SMALL),
        ),
        "starts from a ViT that was trained on four million crops of LUPerson without names; "
        "the authors' files are opened by `passerby convert`.",
    )
)


@RECIPES.register
def personvit(
    data: Source = "market1501",
    scale: Scale = "paper",
    variant: Literal["small", "base"] = "small",
) -> Recipe:
    """PersonViT (Hu et al. 2024): a plain ViT at 256×128; give network.start a converted file."""
    network = Network(system=f"transreid(variant={variant}, stride=16, jigsaw=false)")
    return scaled_transformer(
        fine_tuned_vit("personvit", network, PERSONVIT, data),
        data,
        scale,
        Network(
            system="transreid(variant=tiny, depth=4, stride=8, jigsaw=false, drop_path=0.0, "
            "height=192, width=64)"
        ),
        "four layers of ViT-Ti, stride 8, no drop path,",
    )


def fine_tuned_vit(name: str, network: Network, publication: Publication, data: Source) -> Recipe:
    """What PersonViT, PASS and SOLIDER share: the fine-tuning of TransReID-SSL's code."""
    return Recipe(
        name=name,
        epochs=120,
        input=Input(filter="bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        network=network,
        augmentations=("flip", "pad_and_crop(padding=10)", "erase(probability=0.5, fill=noise)"),
        sampling=Sampling(persons=16, images=4),
        losses=(LossTerm("cross_entropy"), LossTerm("triplet(soft=True)")),
        optimizer=Optimizer(
            "sgd", rate=4e-4, weight_decay=1e-4, momentum=0.9, rates=(Rate("*bias", 2.0),)
        ),
        schedule=Schedule(
            "cosine",
            warm_up=20,
            warm_up_start=0.01,
            floor=0.002,
            changes="epoch",
            first_epoch=1,
            cosine_from="beginning",
        ),
        origins=(
            expected(publication, data),
            "16 persons × 4 images, 120 epochs of SGD with momentum 0.9 and weight decay 1e-4, "
            "rate 4e-4, 20 epochs of warm-up, cosine; cross-entropy without smoothing and a soft "
            "triplet; flip, pad 10 and crop, erasing by noise 0.5: the authors' code",
            "it begins with no weights unless network.start names a converted model: ours",
        ),
    )
