"""SOLIDER (Chen et al. 2023, https://arxiv.org/abs/2303.17602): a Swin that has seen many people.

    rank-1 / mAP      Market-1501    MSMT17
    Swin-B            96.9 / 93.9    90.7 / 77.1
    Swin-S            96.6 / 93.3    90.8 / 76.9
    Swin-T            96.1 / 91.6    85.9 / 67.4

Fetch what its authors trained on LUPerson without names, convert it, and start from that model:

    passerby convert swin_tiny.pth --out models/solider
    passerby train solider --data ROOT --out runs/own --set network.start=models/solider

A model that they fine-tuned (transformer_120.pth) is converted alike, and is trained on with its
own configuration (train models/own/config.json). Not run here at full length.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from passerby.config import Network, Recipe
from passerby.publications import Publication, Score, publish
from passerby.recipes.compact import Scale, scaled_transformer
from passerby.recipes.personvit import fine_tuned_vit
from passerby.registry import RECIPES

_TABLE = "the table of the authors' repository (tinyvision/SOLIDER-REID), {}, not re-ranked"
_SCORES = {
    "Swin-B": ((96.9, 93.9), (90.7, 77.1)),
    "Swin-S": ((96.6, 93.3), (90.8, 76.9)),
    "Swin-T": ((96.1, 91.6), (85.9, 67.4)),
}

SOLIDER = publish(
    Publication(
        "SOLIDER",
        "Chen et al. 2023",
        "https://arxiv.org/abs/2303.17602",
        "solider(variant=base)",
        tuple(
            Score(data, *scores, _TABLE.format(size))
            for size, both in _SCORES.items()
            for data, scores in zip(("market1501", "msmt17"), both, strict=True)
        ),
        "starts from a Swin that was trained on LUPerson without names; the authors' files are "
        "opened by `passerby convert`; semantic weight 0.2.",
    )
)


@RECIPES.register
def solider(
    data: Literal["market1501", "msmt17"] = "market1501",
    scale: Scale = "paper",
    variant: Literal["tiny", "small", "base"] = "tiny",
) -> Recipe:
    """SOLIDER (Chen et al. 2023): a Swin at 384×128; give network.start a converted file."""
    network = Network(
        f"swin(variant={variant}, semantic=0.2)", system="plain(embedding=before_neck)"
    )
    recipe = fine_tuned_vit("solider", network, SOLIDER, data)
    rate = 8e-4 if variant == "tiny" else 2e-4
    recipe = replace(
        recipe,
        input=replace(recipe.input, height=384),
        optimizer=replace(recipe.optimizer, rate=rate),
        origins=(
            *(line.replace("rate 4e-4", f"rate {rate:g}") for line in recipe.origins),
            "semantic weight 0.2, 384×128; rate 8e-4 for Swin-T, else 2e-4: the authors' run.sh",
        ),
    )
    small = Network(
        "swin(variant=micro, semantic=0.2, drop_path=0.0)", system="plain(embedding=before_neck)"
    )
    said = "a Swin of width 32 with two blocks a stage, no drop path,"
    return scaled_transformer(recipe, data, scale, small, said)
