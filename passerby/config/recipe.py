"""Recipe: everything that decides a training run, as frozen dataclasses that go to and from JSON.

A recipe is built by a function (see ``recipes/``), changed by ``--set a.b=value``, and stored
beside the weights. Components stand in it as calls (``"triplet(margin=0.3)"``, see `registry`).
Whatever a recipe comes from, its numbers are checked when it is made: in `sections`, nowhere else.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from passerby.config.sections import (
    Averaging,
    Computation,
    Input,
    LossTerm,
    Network,
    Optimizer,
    Phase,
    Sampling,
    Schedule,
    Texts,
    within,
)
from passerby.config.settings import changed
from passerby.process.json_files import parse_object, read_value


@dataclass(frozen=True)
class Recipe:
    """A full, named configuration of a run.

    Args:
        name: What it is called in runs, tables and cards.
        epochs: Of training, all phases together.
        input: How an image becomes the network's input.
        network: Backbone to classifier, or a complete system.
        augmentations: In order, as calls ("erase(probability=0.5)").
        sampling: What a batch holds.
        losses: Terms of the weighted sum that is minimised.
        optimizer: Update rule, learning rate, weight decay.
        schedule: Learning rate over the epochs.
        computation: Precision, memory, several devices.
        validation_persons: Held out of train to choose the best epoch; with 0 the last one is the
            result.
        validate_every: Epochs between two scores on them.
        origins: Where each choice comes from, a line each: papers are silent on many.
        phases: Of a staged method, whose epochs add up to ``epochs``; none is one of all epochs.
        averaging: A mean of the weights in place of the last ones.
        texts: How a text is learnt for each person ahead of the epochs; () learns none.

    Raises:
        ValueError: A number out of its range, with its path.

    Examples:
        >>> Recipe("short", epochs=20).with_setting("optimizer.rate", 1e-3).optimizer.rate
        0.001
    """

    name: str
    epochs: int = 120
    input: Input = field(default_factory=Input)
    network: Network = field(default_factory=Network)
    augmentations: tuple[str, ...] = ("flip", "pad_and_crop", "erase")
    sampling: Sampling = field(default_factory=Sampling)
    losses: tuple[LossTerm, ...] = (LossTerm("cross_entropy"),)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    computation: Computation = field(default_factory=Computation)
    validation_persons: int = 0
    validate_every: int = 5
    origins: tuple[str, ...] = field(default=())
    phases: tuple[Phase, ...] = ()
    averaging: Averaging = field(default_factory=Averaging)
    texts: tuple[Texts, ...] = ()

    def __post_init__(self) -> None:
        within("epochs", self.epochs, 1, 100_000)
        within("validation_persons", self.validation_persons, 0, 2**31)
        within("validate_every", self.validate_every, 1, 100_000)

    def to_json(self) -> str:
        """The recipe as JSON text that `from_json` reads back."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read a recipe; unknown keys and wrong types are named with their path (ValueError)."""
        recipe: Recipe = read_value(cls, parse_object(text, "a recipe"), "recipe")
        return recipe

    def with_setting(self, path: str, value: str | float | bool) -> Recipe:
        """The recipe with one value changed, as ``--set path=value`` does.

        Args:
            path: through fields (``optimizer.rate``), into the options of a component
                (``network.classifier.scale``), into a loss by its name
                (``losses.triplet.margin``, ``losses.triplet.weight``; of one that is there for
                several parts ``losses.triplet[global*].weight``, as the log names it) or a phase
                by its name (``phases.head.epochs``).
            value: the new value; text stands for what it spells.

        Raises:
            ValueError: naming what exists at the wrong step, or what the value must be.
        """
        return changed(self, path, value, path)


def with_settings(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """The recipe with settings ``path=value`` made in their order.

    Raises:
        ValueError: for one that does not fit, or is not written so.
    """
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"--set takes path=value, got {setting!r}")
        recipe = recipe.with_setting(path, value)
    return recipe
