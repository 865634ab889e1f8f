"""Recipe of the model that comes with Passerby: trained on synthetic persons, for real cameras.

    python benchmarks/default_model.py OUT

makes the persons, trains in three rounds, packs and calibrates. Expected on real crops, and what it
costs: docs/default_model.md.

What decides on cameras that were never seen: persons as lifelike and pictures as varied as real
sets are (styles "rendered" and "street" of ``passerby data synthesize``), a start from ImageNet
whose first stages stay as they are, a loss that needs no classifier, so that some hundred steps
suffice, batches of persons of one site, who have to be told apart by what they wear and not by
where they stand, and images that take on one another's style in the early maps.
"""

from __future__ import annotations

from passerby.config import (
    Averaging,
    Input,
    LossTerm,
    Network,
    Optimizer,
    Phase,
    Recipe,
    Sampling,
    Schedule,
)
from passerby.registry import RECIPES

_FROZEN_BLOCKS = 3  # of 16: edges and colours, which synthetic pictures cannot teach better


@RECIPES.register
def street_lite0(epochs: int = 10, start: str = "imagenet", mix_style: float = 0.5) -> Recipe:
    """EfficientNet-Lite0 on synthetic persons, 192×96, loss on pairs: the default model.

    start: weights to begin with; each round of the default model begins with the one before.
    mix_style: the probability that a batch is mixed.
    """
    blocks = tuple(f"backbone._blocks.{number}.*" for number in range(_FROZEN_BLOCKS, 16))
    trains = (*blocks, "backbone._conv_head*", "backbone._bn1*", "pooling*", "neck*")
    return Recipe(
        name="street_lite0",
        epochs=epochs,
        input=Input(height=192, width=96, mean=(0.498, 0.498, 0.498), std=(0.502, 0.502, 0.502)),
        network=Network(
            f"efficientnet_lite0(last_stride=1, mix_style={mix_style})",
            start=start,
            pooling="gem(power=3.0)",
        ),
        augmentations=(
            "flip",
            "pad_and_crop(padding=6)",
            "colour_jitter(brightness=0.3, contrast=0.2, saturation=0.2)",
            "erase(probability=0.4)",
        ),
        sampling=Sampling(persons=24, images=4, limit=1, cameras="balanced", sites="apart"),
        losses=(LossTerm("pair_unified(scale=16.0, margin=0.0, after_neck=true)"),),
        optimizer=Optimizer("adamw", rate=7e-4, weight_decay=1e-2, decays="matrices"),
        schedule=Schedule("cosine", warm_up=0.3, warm_up_start=0.05),
        validate_every=epochs,
        origins=(
            "loss on the pairs of a batch after the neck: N-pair (Sohn 2016), temperature 1/16",
            "last stride 1, BNNeck, erasing: BoT (Luo et al. 2019); GeM: Radenović et al. 2018",
            "MixStyle in early maps: Zhou et al. 2021",
            "frozen first blocks, 24 persons × 4 images of one site, 192×96, rates, epochs: ours",
        ),
        phases=(Phase("later blocks", epochs, trains=trains),),
        averaging=Averaging("exponential", decay=0.99),
    )
