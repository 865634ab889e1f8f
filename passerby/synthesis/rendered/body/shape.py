"""The shape of a naked body: MakeHuman's targets mixed by sex, age, weight and so on."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from passerby.synthesis.rendered.assets.opened import Pack
from passerby.synthesis.rendered.assets.packing import (
    AGES,
    ANCESTRIES,
    HEIGHTS,
    MUSCLES,
    PROPORTIONS,
    SEXES,
    WEIGHTS,
)


@dataclass(frozen=True)
class Build:
    """What a body is like; all from 0 to 1."""

    manly: float = 0.5
    age: float = 2 / 3  # 1/3 a child, 2/3 a young adult, 1 old
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    proportions: float = 0.5
    ancestry: tuple[float, float, float] = (0.0, 0.0, 1.0)  # African, Asian, European: sum 1


def _between(value: float, names: tuple[str, ...], least: float = 0.0) -> dict[str, float]:
    """How much of each name, these being spread evenly from `least` to 1."""
    place = (min(max(value, least), 1.0) - least) / (1 - least) * (len(names) - 1)
    first = min(int(place), len(names) - 2)
    shares = {names[first]: 1 - (place - first), names[first + 1]: place - first}
    return {name: share for name, share in shares.items() if share > 1e-9}


def mixture(build: Build) -> dict[str, float]:
    """How much of each target makes the body."""
    found: dict[str, float] = {}
    sexes, ages = _between(build.manly, SEXES), _between(build.age, AGES, 1 / 3)
    muscles, weights = _between(build.muscle, MUSCLES), _between(build.weight, WEIGHTS)
    heights = _between(build.height, (HEIGHTS[0], "", HEIGHTS[1]))
    proportions = _between(build.proportions, (PROPORTIONS[0], "", PROPORTIONS[1]))
    for sex, age in product(sexes, ages):
        share = sexes[sex] * ages[age]
        for ancestry, part in zip(ANCESTRIES, build.ancestry, strict=True):
            found[f"{ancestry}-{sex}-{age}"] = share * part
        for muscle, weight in product(muscles, weights):
            name, part = f"{sex}-{age}-{muscle}-{weight}", muscles[muscle] * weights[weight]
            found[f"universal-{name}"] = share * part
            for extremes in (heights, proportions):
                found |= {
                    f"{name}-{extreme}": share * part * amount
                    for extreme, amount in extremes.items() if extreme
                }  # fmt: skip
    return {name: share for name, share in found.items() if share}


def shaped(pack: Pack, build: Build) -> np.ndarray:
    """The vertices of the base mesh [base points, 3] float32, metres, in the rest pose."""
    shares = mixture(build)
    rows = [pack.targets.index(name) for name in shares]
    amounts = np.array(list(shares.values()), np.float32) * pack.units[rows]
    points = pack.points.copy()
    for row, amount in zip(rows, amounts, strict=True):
        points += pack.moves[row] * amount
    return points
