"""Circle Loss as its authors ran it on persons (Sun et al. 2020, https://arxiv.org/abs/2002.10857).

    rank-1 / mAP             Market-1501    MSMT17
    ResNet-50 + circle       94.2 / 84.9    76.3 / 50.2
    MGN + circle             96.1 / 87.4    76.9 / 52.1

Both rows stand in Table 4 of the article; the second one's score on MSMT17 is the row "Circle Loss"
of the paper's Table 4. One loss alone: circle loss with class-level labels, here the circle
classifier under cross-entropy, with scale 128 and margin 0.25; MGN's vectors are one vector
(`models/systems/mgn_joint.py`): the article, sec. 4.1. How the networks were trained beyond that it
does not say; here as BoT and MGN are.

    passerby train circle_loss_resnet50 --data market1501=ROOT --out runs/circle
    passerby train "circle_loss_mgn(data=msmt17)" --data msmt17=ROOT --out runs/circle-mgn

The data set decides nothing but the name and the expected score. Not run here at full length: a GPU
of 8 GB and an estimated two hours for ResNet-50 on Market-1501, of 16 GB and six for MGN.
"""

from __future__ import annotations

from dataclasses import replace

from passerby.config import LossTerm, Recipe
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.bot import bot
from passerby.recipes.compact import Scale, Source, scaled
from passerby.recipes.mgn import mgn
from passerby.registry import RECIPES

_LINK, _PAPER = "https://arxiv.org/abs/2002.10857", "Sun et al. 2020"
_TABLE = "Table 4 of the original"
_CLASSIFIER = "circle(scale=128.0, margin=0.25)"
_OWN = "one circle loss with class-level labels, scale 128, margin 0.25: Sun et al."

RESNET50 = publish(
    Publication(
        "ResNet-50 + circle loss",
        _PAPER,
        _LINK,
        "circle_loss_resnet50",
        (Score("market1501", 94.2, 84.9, _TABLE), Score("msmt17", 76.3, 50.2, _TABLE)),
    )
)
MGN = publish(
    Publication(
        "MGN + circle loss",
        _PAPER,
        _LINK,
        "circle_loss_mgn",
        (
            Score("market1501", 96.1, 87.4, _TABLE),
            Score("msmt17", 76.9, 52.1, f'{_TABLE}; the same in Table 4, row "Circle Loss"'),
        ),
    )
)


@RECIPES.register
def circle_loss_resnet50(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """ResNet-50 with circle loss alone (Sun et al. 2020)."""
    base = bot()
    recipe = replace(
        base,
        name="circle_loss_resnet50",
        network=replace(base.network, backbone="resnet50(last_stride=1)", classifier=_CLASSIFIER),
        losses=(LossTerm("cross_entropy"),),
        origins=(
            expected(RESNET50, data),
            _OWN,
            "BNNeck, last stride 1, 256×128, augmentation, sampling, optimizer, schedule, ImageNet "
            "weights: BoT (Luo et al. 2019); Sun et al. do not say theirs",
        ),
    )
    return scaled(recipe, data, scale)


@RECIPES.register
def circle_loss_mgn(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """MGN with circle loss alone, on all its vectors as one (Sun et al. 2020)."""
    base = mgn()
    recipe = replace(
        base,
        name="circle_loss_mgn",
        network=replace(base.network, system="mgn_joint", classifier=_CLASSIFIER),
        losses=(LossTerm("cross_entropy"),),
        origins=(
            expected(MGN, data),
            _OWN,
            "MGN's vectors concatenated under one classifier: Sun et al.",
            "384×128, flip, sampling, SGD, schedule, ImageNet weights: MGN (Wang et al. 2018); "
            "Sun et al. do not say theirs",
        ),
    )
    return scaled(recipe, data, scale)
