"""SVDNet (Sun et al. 2017, https://arxiv.org/abs/1703.05693); see `models/systems/svdnet.py`.

    rank-1 / mAP        Market-1501    DukeMTMC-reID
    SVDNet (ResNet-50)  82.3 / 62.1    76.7 / 56.8

These are rows of the paper's Tables 2 and 3 and the original's own figures.

    passerby train svdnet --data market1501=ROOT --out runs/svdnet

The data set decides nothing but the name and the expected score. DukeMTMC-reID was withdrawn by its
authors in 2019 over privacy. Not run here at full length: a GPU of 8 GB and an estimated ten hours
for the 342 epochs of Market-1501.
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

SVDNET = publish(
    Publication(
        "SVDNet",
        "Sun et al. 2017",
        "https://arxiv.org/abs/1703.05693",
        "svdnet",
        (
            Score("market1501", 82.3, 62.1, "the original, ResNet-50; the same in Table 2"),
            Score("dukemtmc", 76.7, 56.8, "the original, ResNet-50; the same in Table 3"),
        ),
    )
)

# Of the authors' solvers: 8,000 iterations of 32 images, ×0.1 after 5,000, on 12,936 images.
_TURN = (Schedule("step", warm_up=0, steps=(12,), factor=0.1),)
_ALL_ELSE = ("backbone.*", "classifier.*")


def _turns(epochs: int, rates: tuple[float, ...], schedule: tuple[Schedule]) -> tuple[Phase, ...]:
    """A restraint and a relaxation for each rate, each of so many epochs."""
    phases: tuple[Phase, ...] = ()
    for number, rate in enumerate(rates, 1):
        restraint = Phase(f"restraint_{number}", epochs, _ALL_ELSE, rate=rate, schedule=schedule)
        relaxation = replace(restraint, name=f"relaxation_{number}", trains=("*",))
        phases = (*phases, restraint, relaxation)
    return phases


@RECIPES.register
def svdnet(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """SVDNet (Sun et al. 2017): ResNet-50, seven restraints and relaxations of an eigenlayer."""
    recipe = Recipe(
        name="svdnet",
        input=Input(height=224, width=224),
        network=Network("resnet50(last_stride=2)", start="imagenet", system="svdnet"),
        augmentations=("flip",),
        sampling=Sampling(persons=8, images=4),
        losses=(LossTerm("cross_entropy"),),
        optimizer=Optimizer("sgd", rate=1e-3, weight_decay=5e-4, momentum=0.9),
        schedule=Schedule("step", warm_up=0, steps=(25, 50), factor=0.1),
        origins=(
            expected(SVDNET, data),
            "eigenlayer of 1024, seven iterations, cross-entropy, ImageNet weights: Sun et al.",
            "224×224, flip, batch 32, SGD 0.001 with momentum 0.9 and weight decay 5e-4; 25,000 "
            "iterations, then 8,000 for each half of a turn, ×0.1 every 10,000 and after 5,000, "
            "last four turns from 1e-4: the authors' code, iterations as epochs of Market-1501",
            "all layers train in a relaxation: Sun et al.; in their code those before layer2 and "
            "the batch norms do not",
            "8 persons × 4 images, Nesterov's momentum, a classifier without bias: ours; the "
            "authors draw images at random",
        ),
    )
    recipe = scaled(recipe, data, scale, last_stride=2)
    first, turns = 62, _turns(20, (1e-3,) * 3 + (1e-4,) * 4, _TURN)
    if scale == "compact":
        small = replace(
            recipe.network,
            system="svdnet(width=256, dropout=0.0)",
            classifier="cosface(scale=16.0, margin=0.0)",
        )
        recipe = replace(
            recipe,
            network=small,
            sampling=Sampling(persons=16, images=4),
            origins=(
                *recipe.origins,
                "compact: eigenlayer of 256 without dropout, two turns of 2 + 2 epochs after 16, "
                "cross-entropy on cosines × 16, 16 × 4: ours, to learn without pretraining",
            ),
        )
        first, turns = 16, _turns(2, (2e-4, 1e-4), (Schedule("constant", warm_up=0),))
    phases = (Phase("linear", first), *turns)
    return replace(recipe, epochs=sum(phase.epochs for phase in phases), phases=phases)
