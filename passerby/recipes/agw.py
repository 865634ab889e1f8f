"""AGW (Ye et al. 2021, "Deep Learning for Person Re-identification: A Survey and Outlook",
https://arxiv.org/abs/2001.04193, sec. 4).

    rank-1 / mAP    Market-1501    DukeMTMC-reID   MSMT17
    the original    95.1 / 87.8    89.0 / 79.6     68.3 / 49.3
    in FastReID     95.3 / 88.2    89.0 / 79.9     78.3 / 55.6

BoT with non-local attention, generalised mean pooling and the weighted regularised triplet loss.
It is no row of the paper's tables; attention and pooling are those of FastReID's models.

The non-local blocks of the authors' code (github.com/mangye16/ReID-Survey), which FastReID took
over, have one inner channel and no softmax, and stand behind the last two residual blocks of layer2
and the last three of layer3: `non_local_dot`. As in BoT's code the ReLU of the stem is missing
(FastReID has it), and 1e-6 is added where the triplet loss divides, which at the lengths of a
ResNet's features takes most of the negatives' part away (`losses/weighted_triplet.py`).

    passerby train agw --data market1501=ROOT --out runs/agw

The data set decides nothing but the name and the expected score. Not run here at full length: a GPU
of 8 GB and an estimated two hours for Market-1501.
"""

from __future__ import annotations

from dataclasses import replace

from passerby.config import LossTerm, Recipe
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.bot import bot
from passerby.recipes.compact import Scale, Source, scaled
from passerby.registry import RECIPES

AGW = publish(
    Publication(
        "AGW",
        "Ye et al. 2021",
        "https://arxiv.org/abs/2001.04193",
        "agw",
        (
            Score("market1501", 95.1, 87.8, "the original"),
            Score("market1501", 95.3, 88.2, "FastReID's model zoo"),
            Score("dukemtmc", 89.0, 79.6, "the original"),
            Score("dukemtmc", 89.0, 79.9, "FastReID's model zoo"),
            Score("msmt17", 68.3, 49.3, "the original"),
            Score("msmt17", 78.3, 55.6, "FastReID's model zoo"),
        ),
    )
)


@RECIPES.register
def agw(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """AGW (Ye et al. 2021): BoT with non-local attention, GeM and a weighted triplet loss."""
    base = bot(data)
    recipe = replace(
        base,
        name="agw",
        network=replace(base.network, attention="non_local_dot", pooling="gem(power=3.0)"),
        losses=(
            LossTerm("cross_entropy(label_smoothing=0.1)"),
            LossTerm("weighted_triplet(epsilon=1e-6)"),
            LossTerm("centre", weight=5e-4, rate=0.5),
        ),
        origins=(
            expected(AGW, data),
            "non-local attention, GeM with a learned power that begins at 3, weighted regularised "
            "triplet loss: Ye et al.",
            "one inner channel and the places of the non-local blocks, 1e-6 in the denominators of "
            "the triplet loss, no ReLU behind the batch norm of the stem, label smoothing, warm-up "
            "from 0.01, the rate counted from epoch 1, the centre loss, and all else as in BoT: "
            "the authors' code, with which the published scores were reached",
        ),
    )
    return scaled(recipe, data, scale)
