"""The recipe of a round of fine-tuning: that of the model, less what needs true labels."""

from __future__ import annotations

from dataclasses import replace

from passerby.config import Averaging, LossTerm, Optimizer, Phase, Recipe, Sampling, Schedule
from passerby.tables.records import Split

_IMAGES = 4  # of a person
_PERSONS = 16  # half of them pseudo persons, half rehearsed
_RATE = 2e-4


LOSS = "pair_unified(scale=16.0, margin=0.0, after_neck=true)"
"""Better than the memory of cluster contrast with few pseudo persons."""


def tuned_recipe(recipe: Recipe, start: str, split: Split, epochs: int, loss: str = LOSS) -> Recipe:
    """A recipe that goes on from a model folder for so many epochs over a joint split.

    Network, input and augmentations are the model's, and so is what its last phase left frozen.
    Each batch is half of pseudo persons and half of rehearsed ones. Loss, optimizer and schedule
    are for few steps.
    """
    persons = [len({record.person for record in part.train}) for part in split.joined]
    trains = recipe.phases[-1].trains if recipe.phases else ("*",)
    phases = () if trains == ("*",) else (Phase("adapted", epochs, trains=trains),)
    return replace(
        recipe,
        name=f"{recipe.name}, adapting",
        epochs=epochs,
        network=replace(recipe.network, start=start, start_of="*"),
        sampling=Sampling(
            persons=min(_PERSONS, 2 * min(persons)),
            images=_IMAGES,
            sources="even",
            cameras="balanced",
        ),
        losses=(LossTerm(loss),),
        optimizer=Optimizer("adamw", rate=_RATE, weight_decay=1e-2, decays="matrices"),
        schedule=Schedule("cosine", warm_up=0.2 * epochs, warm_up_start=0.1),
        validation_persons=0,
        validate_every=epochs,
        origins=(
            "pseudo persons anew each round: Dai et al. 2021; labelled ones beside: Ge et al. 2020",
            "loss on pairs, links of the gallery, batches, rates, number of images: ours",
            *recipe.origins,
        ),
        phases=phases,
        averaging=Averaging(),
    )
