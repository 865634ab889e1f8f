"""Recipes for a small, mixed set of real crops: few persons, many sizes, one source in excess.

Made for sets such as PETA's re-identification part (3DPeS, CAVIAR4REID, SARC3D, TownCentre,
i-LIDS), where 82 % of the train images come from one camera. ``sampling.limit`` keeps that source
from filling the epochs. Figures and commands: docs/results/people.md.
"""

from __future__ import annotations

from dataclasses import replace

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
from passerby.recipes.table1 import table1_baseline, table1_ours
from passerby.registry import RECIPES


@RECIPES.register
def people_lite0() -> Recipe:
    """EfficientNet-Lite0 from packaged ImageNet weights, 192×96: under an hour on two cores."""
    return Recipe(
        name="people_lite0",
        epochs=40,
        input=Input(height=192, width=96, mean=(0.498, 0.498, 0.498), std=(0.502, 0.502, 0.502)),
        network=Network(
            "efficientnet_lite0(last_stride=1)", start="imagenet", pooling="gem(power=3.0)"
        ),
        augmentations=(
            "flip",
            "pad_and_crop(padding=8)",
            "colour_jitter(brightness=0.25, contrast=0.2)",
            "low_resolution(probability=0.5, smallest=0.3)",
            "erase(probability=0.5)",
        ),
        sampling=Sampling(persons=16, images=4, limit=1),
        losses=(LossTerm("cross_entropy(label_smoothing=0.1)"), LossTerm("triplet(soft=True)")),
        optimizer=Optimizer("adam", rate=3.5e-4, weight_decay=5e-4),
        schedule=Schedule("cosine", warm_up=4, warm_up_start=0.05),
        origins=(
            "label smoothing, BNNeck, last stride 1, erasing: BoT (Luo et al. 2019)",
            "soft-margin triplet: Hermans et al. 2017; GeM: Radenović et al. 2018",
            "low-resolution and colour augmentation, 192×96, 40 epochs of cosine, one group of "
            "four images a person and epoch: ours",
        ),
    )


@RECIPES.register
def people_best(epochs: int = 24) -> Recipe:
    """The packaged model, trained on with a small, mixed set of real crops and with drawn persons.

    ``benchmarks/people_best.py`` makes, trains and scores it: a ``--data`` for each source, and one
    of drawn persons, who show what the few real ones with several cameras cannot.
    """
    frozen = 3  # of 16 blocks: edges and colours, for which there is too little to learn from here
    blocks = tuple(f"backbone._blocks.{number}.*" for number in range(frozen, 16))
    trains = (*blocks, "backbone._conv_head*", "backbone._bn1*", "pooling*", "neck*")
    return Recipe(
        name="people_best",
        epochs=epochs,
        input=Input(height=192, width=96, mean=(0.498, 0.498, 0.498), std=(0.502, 0.502, 0.502)),
        network=Network(
            "efficientnet_lite0(last_stride=1)", start="default", pooling="gem(power=3.0)"
        ),
        augmentations=(
            "flip",
            "pad_and_crop(padding=8)",
            "colour_jitter(brightness=0.3, contrast=0.2, saturation=0.2)",
            "low_resolution(probability=0.5, smallest=0.3)",
            "erase(probability=0.4)",
        ),
        sampling=Sampling(
            persons=32, images=4, limit=4, sources="even", cameras="balanced", sites="apart"
        ),
        losses=(LossTerm("pair_unified(scale=16.0, margin=0.0, after_neck=true)"),),
        optimizer=Optimizer("adamw", rate=3.5e-4, weight_decay=1e-2, decays="matrices"),
        schedule=Schedule("cosine", warm_up=0.5, warm_up_start=0.05),
        validate_every=epochs,
        origins=(
            "loss on the pairs of a batch after the neck: N-pair (Sohn 2016), temperature 1/16",
            "last stride 1, BNNeck, erasing: BoT (Luo et al. 2019); GeM: Radenović et al. 2018",
            "the packaged model as start, even sources, batches of persons of one site, 192×96, "
            "low-resolution augmentation, frozen first blocks, drawn persons as a source: ours, by "
            "cross-validation",
        ),
        phases=(Phase("later blocks", epochs, trains=trains),),
        averaging=Averaging("exponential", decay=0.97),
    )


@RECIPES.register
def people_baseline() -> Recipe:
    """Table 1's Baseline on ResNet-18 at 128×64, to stand beside `people_ours`."""
    return _resnet18(table1_baseline("compact"), "people_baseline")


@RECIPES.register
def people_ours() -> Recipe:
    """The paper's system (CBAM, circle classifier, L_CE + L_Tri) on ResNet-18 at 128×64."""
    return _resnet18(table1_ours("compact"), "people_ours")


def _resnet18(recipe: Recipe, name: str) -> Recipe:
    return replace(
        recipe,
        name=name,
        epochs=24,
        sampling=replace(recipe.sampling, limit=2),
        origins=(*recipe.origins, "two groups of four images a person and epoch at most: ours"),
    )
