"""PASS (Zhu et al. 2022, https://arxiv.org/abs/2203.03931): a ViT with tokens for three parts.

    rank-1 / mAP      Market-1501    MSMT17
    ViT-B             96.8 / 93.0    88.2 / 71.8
    ViT-S             96.3 / 92.2    86.5 / 69.1

Fetch what its authors trained on LUPerson without names, convert it, and start from that model:

    passerby convert pass_vit_small_full.pth --out models/pass
    passerby train pass_reid --data ROOT --out runs/own --set network.start=models/pass

A model that they fine-tuned is converted alike, and is trained on with its own configuration
(train models/own/config.json). Not run here at full length.
"""

from __future__ import annotations

from typing import Literal

from passerby.config import Network, Recipe
from passerby.publications import Publication, Score, publish
from passerby.recipes.compact import Scale, scaled_transformer
from passerby.recipes.personvit import fine_tuned_vit
from passerby.registry import RECIPES

_TABLE = "the tables of the authors' repository (CASIA-IVA-Lab/PASS-reID), {}, 256×128"
_BASE, _SMALL = _TABLE.format("ViT-B/16"), _TABLE.format("ViT-S/16")

PASS = publish(
    Publication(
        "PASS",
        "Zhu et al. 2022",
        "https://arxiv.org/abs/2203.03931",
        "pass_reid(variant=base)",
        (
            Score("market1501", 96.8, 93.0, _BASE),
            Score("msmt17", 88.2, 71.8, _BASE),
            Score("market1501", 96.3, 92.2, _SMALL),
            Score("msmt17", 86.5, 69.1, _SMALL),
        ),
        "starts from a ViT that was trained on LUPerson without names; the authors' files are "
        "opened by `passerby convert`.",
    )
)


@RECIPES.register
def pass_reid(
    data: Literal["market1501", "msmt17"] = "market1501",
    scale: Scale = "paper",
    variant: Literal["small", "base"] = "small",
) -> Recipe:
    """PASS (Zhu et al. 2022): a ViT with part tokens; give network.start a converted file."""
    network = Network(system=f"part_tokens(variant={variant})")
    small = Network(
        system="part_tokens(variant=tiny, depth=4, stride=8, drop_path=0.0, height=192, width=64)"
    )
    recipe = fine_tuned_vit("pass_reid", network, PASS, data)
    said = "four layers of ViT-Ti, stride 8, no drop path,"
    return scaled_transformer(recipe, data, scale, small, said)
