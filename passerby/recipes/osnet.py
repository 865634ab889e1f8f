"""OSNet (Zhou et al. 2019, https://arxiv.org/abs/1905.00953; 2021, https://arxiv.org/abs/1910.06827).

    width   parameters  mult-adds   rank-1 / mAP of the authors' model zoo, 256×128, Euclidean
            (10⁶)       (10⁹)       Market-1501    DukeMTMC-reID    MSMT17
    1.0     2.2         0.98        94.2 / 82.6    87.0 / 70.2      74.9 / 43.8
    0.75    1.3         0.57        93.7 / 81.2    85.8 / 69.8      72.8 / 41.4
    0.5     0.6         0.27        92.5 / 79.8    85.1 / 67.4      69.7 / 37.5
    0.25    0.2         0.08        91.2 / 75.0    82.0 / 61.4      61.4 / 29.5

The paper has 94.8 / 84.9 on Market-1501, 88.6 / 73.5 on DukeMTMC-reID and 78.7 / 52.9 on MSMT17 at
width 1. Variants with instance norm (ibn, ain) are for data of other cameras than those trained on.

    passerby pull osnet_x1_0_imagenet
    passerby train osnet --data market1501=ROOT --out runs/osnet
    passerby train "osnet(width=0.25, variant=ain, data=msmt17)" --data msmt17=ROOT --out runs/ain

The data set decides nothing but the name and the expected score. Not run here at full length: a GPU
of 8 GB and an estimated three hours for Market-1501 at width 1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from passerby.config import Input, LossTerm, Network, Optimizer, Phase, Recipe, Sampling, Schedule
from passerby.publications import Publication, Score, publish
from passerby.recipes.compact import Scale, Source, scaled_as
from passerby.registry import RECIPES

# Width: rank-1 and mAP on each data set, by the authors' model zoo.
_ZOO = {
    1.0: {"market1501": (94.2, 82.6), "dukemtmc": (87.0, 70.2), "msmt17": (74.9, 43.8)},
    0.75: {"market1501": (93.7, 81.2), "dukemtmc": (85.8, 69.8), "msmt17": (72.8, 41.4)},
    0.5: {"market1501": (92.5, 79.8), "dukemtmc": (85.1, 67.4), "msmt17": (69.7, 37.5)},
    0.25: {"market1501": (91.2, 75.0), "dukemtmc": (82.0, 61.4), "msmt17": (61.4, 29.5)},
}
_PAPER = (
    Score("market1501", 94.8, 84.9, "Table 2 of the paper"),
    Score("dukemtmc", 88.6, 73.5, "Table 3 of the paper"),
    Score("msmt17", 78.7, 52.9, "Table 4 of the paper"),
)
for _width, _scores in _ZOO.items():
    publish(
        Publication(
            "OSNet" if _width == 1 else f"OSNet x{_width}",
            "Zhou et al. 2019",
            "https://arxiv.org/abs/1905.00953",
            "osnet" if _width == 1 else f"osnet(width={_width})",
            (_PAPER if _width == 1 else ())
            + tuple(Score(d, *found, "the authors' model zoo") for d, found in _scores.items()),
            "the model zoo ranks by Euclidean distance and trained without random erasing.",
        )
    )


@RECIPES.register
def osnet(
    width: float = 1.0,
    variant: Literal["plain", "ibn", "ain"] = "plain",
    data: Source = "market1501",
    scale: Scale = "paper",
) -> Recipe:
    """OSNet from ImageNet weights, softmax loss with label smoothing (Zhou et al. 2019, 2021)."""
    if data not in _ZOO.get(width, {}):
        raise ValueError(
            "osnet takes width 1.0, 0.75, 0.5 or 0.25 and data market1501, dukemtmc or msmt17, "
            f"got width {width!r} and data {data!r}"
        )
    if variant not in ("plain", "ibn", "ain"):
        raise ValueError(f"variant must be plain, ibn or ain, got {variant!r}")
    rank1, precision = _ZOO[width][data]
    options = {
        "width": (width, 1.0),
        "variant": (variant, "plain"),
        "data": (data, "market1501"),
        "scale": (scale, "paper"),
    }
    named = ", ".join(f"{k}={value}" for k, (value, usual) in options.items() if value != usual)
    recipe = Recipe(
        name=f"osnet({named})" if named else "osnet",
        epochs=150,
        input=Input(height=256, width=128),
        network=Network(
            f"osnet(width={width}, variant={variant})",
            start="imagenet",
            projection="linear_norm_relu(width=512)",
            neck="none",
        ),
        augmentations=("flip",),
        sampling=Sampling(persons=16, images=4),
        losses=(LossTerm("cross_entropy(label_smoothing=0.1)"),),
        optimizer=Optimizer("adam", rate=1.5e-3, weight_decay=5e-4),
        # Epochs of the second phase: 60 and 120 of all.
        schedule=Schedule("step", warm_up=0, steps=(50, 110), factor=0.1),
        phases=(
            Phase(
                "classifier",
                10,
                trains=("classifier*", "projection*"),
                schedule=(Schedule("constant", warm_up=0),),
            ),
            Phase("all", 140),
        ),
        origins=(
            f"expected on {data} at width {width}, plain: rank-1 {rank1}, mAP {precision}: "
            "the authors' model zoo (with their sampling and start, see below)",
            "linear layer to 512 with batch norm and ReLU, no BN neck; softmax loss with label "
            "smoothing 0.1; 150 epochs, the classifier alone in the first 10, rate 1.5e-3, ×0.1 at "
            "60 and 120, batch 64, flips: the authors' code and the names of their weights",
            "16 persons × 4 images: ours; the authors draw images at random",
            "Adam: ours; the authors take AMSGrad",
            "the linear layer begins anew, so it trains with the classifier: ours; the authors' "
            "ImageNet weights hold it too",
        ),
    )
    if scale == "paper":
        return recipe
    small = scaled_as(
        recipe, data, scale, replace(recipe.network, start="none"), f"OSNet x{width:g}"
    )
    return replace(
        small,
        name=recipe.name,
        epochs=50,
        phases=(),
        optimizer=replace(small.optimizer, rate=3e-3),
        origins=(
            *small.origins,
            "compact scale, one phase, as nothing is pretrained that could be kept; rate 3e-3 and "
            '50 epochs in place of those: ours, see the results page "Systems"',
        ),
    )
