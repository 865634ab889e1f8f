"""BoT (Luo et al. 2019, "Bag of Tricks and a Strong Baseline for Deep Person Re-identification",
https://arxiv.org/abs/1903.07071).

    rank-1 / mAP               Market-1501    DukeMTMC-reID   MSMT17
    all tricks                 94.5 / 85.9    86.4 / 76.4     63.4 / 45.1 (by the authors of AGW)
    without the centre loss    94.1 / 85.7    86.2 / 75.9
    in FastReID                94.4 / 86.1    87.2 / 77.0     74.1 / 50.2

It is no row of the paper's tables, but where their recipes take from it what the paper leaves open.

    passerby train bot --data market1501=ROOT --out runs/bot

The data set decides nothing but the name and the expected score. Not run here at full length: a GPU
of 8 GB and an estimated two hours for Market-1501.
"""

from __future__ import annotations

from passerby.config import Input, LossTerm, Network, Optimizer, Recipe, Sampling, Schedule
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled
from passerby.registry import RECIPES

BOT = publish(
    Publication(
        "BoT",
        "Luo et al. 2019",
        "https://arxiv.org/abs/1903.07071",
        "bot",
        (
            Score("market1501", 94.5, 85.9, "the original"),
            Score("market1501", 94.1, 85.7, "the original, without the centre loss"),
            Score("market1501", 94.4, 86.1, "FastReID's model zoo"),
            Score("dukemtmc", 86.4, 76.4, "the original"),
            Score("dukemtmc", 86.2, 75.9, "the original, without the centre loss"),
            Score("dukemtmc", 87.2, 77.0, "FastReID's model zoo"),
            Score("msmt17", 63.4, 45.1, "the authors of AGW (Ye et al. 2021)"),
            Score("msmt17", 74.1, 50.2, "FastReID's model zoo"),
        ),
        "on MSMT17 two codes are eleven points apart with what is called the same recipe.",
    )
)


@RECIPES.register
def bot(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """BoT (Luo et al. 2019): BNNeck, last stride 1, erasing, label smoothing, centre loss."""
    recipe = Recipe(
        name="bot",
        epochs=120,
        input=Input(height=256, width=128),
        network=Network("resnet50(last_stride=1, stem_relu=False)", start="imagenet"),
        augmentations=("flip", "pad_and_crop(padding=10)", "erase(probability=0.5)"),
        sampling=Sampling(persons=16, images=4),
        losses=(
            LossTerm("cross_entropy(label_smoothing=0.1)"),
            LossTerm("triplet(margin=0.3)"),
            LossTerm("centre", weight=5e-4, rate=0.5),
        ),
        optimizer=Optimizer("adam", rate=3.5e-4, weight_decay=5e-4),
        schedule=Schedule(
            "step",
            warm_up=10,
            warm_up_start=0.01,
            steps=(40, 70),
            factor=0.1,
            changes="epoch",
            first_epoch=1,
        ),
        origins=(
            expected(BOT, data),
            "last stride 1, BNNeck, triplet before the neck, cosine after it, erasing 0.5, flip, "
            "pad 10, label smoothing 0.1, centre loss of weight 5e-4, 16 persons × 4 images, Adam, "
            "rate 3.5e-4, ×0.1 at 40 and 70 of 120 epochs, 256×128, ImageNet weights: Luo et al.",
            "warm-up over 10 epochs from 0.01 (in the article 0.1), the rate changing once in an "
            "epoch and counted from 1 (0.109 of it in the first, the first drop in the 40th): the "
            "authors' code",
            "weight decay 5e-4, rate 0.5 of the centres: the authors' code",
            "no ReLU behind the batch norm of the stem (stem_relu=False): the authors' code, in "
            "which it is commented out; the published scores were reached so",
        ),
    )
    return scaled(recipe, data, scale)
