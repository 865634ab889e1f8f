"""What a network costs: parameters and multiplications, counted and not timed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from passerby.config import Recipe
from passerby.models.system import build_model


@dataclass(frozen=True)
class Cost:
    """parameters; multiplications (with their additions) for one image; length of an embedding."""

    parameters: int
    multiplications: int
    dimensions: int


def cost_of(recipe: Recipe) -> Cost:
    """What the recipe's network costs as it is tested, without classifiers."""
    with torch.device("meta"), torch.no_grad():  # counted, not computed
        system = build_model(replace(recipe.network, start="none"), persons=0).eval()
        image = torch.zeros(1, 3, recipe.input.height, recipe.input.width)
        with FlopCounterMode(display=False) as counter:
            system(image)
    parameters = sum(parameter.numel() for parameter in system.parameters())
    # The counter takes a multiplication and its addition as two.
    return Cost(parameters, counter.get_total_flops() // 2, system.dimensions)
