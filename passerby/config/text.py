"""A recipe as text: each value by the path that ``--set`` takes, and where the choices are from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from passerby.config.recipe import Recipe
from passerby.config.sections import LossTerm, Phase, Rate
from passerby.config.settings import term_names


def recipe_text(recipe: Recipe) -> str:
    """The recipe for a reader, a line a value.

    >>> print(recipe_text(Recipe("small", epochs=3)).splitlines()[1])
    epochs                       3
    """
    lines = [recipe.name, *(f"{path:28} {value}" for path, value in _leaves(recipe, ""))]
    if recipe.origins:
        lines += ["", "origins:", *(f"- {line}" for line in recipe.origins)]
    return "\n".join(lines)


def _leaves(node: object, path: str) -> Iterator[tuple[str, object]]:
    for field in dataclasses.fields(node):  # type: ignore[arg-type]
        value, own = getattr(node, field.name), f"{path}{field.name}"
        if own in ("name", "origins"):
            continue
        if dataclasses.is_dataclass(value):
            yield from _leaves(value, f"{own}.")
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            yield from _several(value, f"{own}.")
        else:
            yield own, "()" if value == () else value


def _several(items: tuple, path: str) -> Iterator[tuple[str, object]]:
    """What a field holds several of, each by its name; a single one without a name by none."""
    if isinstance(items[0], LossTerm):
        for name, term in zip(term_names(items), items, strict=True):
            yield f"{path}{name}", term.loss
            yield from ((f"{path}{name}.{n}", v) for n, v in _changed(term))
    elif isinstance(items[0], Phase):
        for phase in items:
            yield from _leaves(phase, f"{path}{phase.name}.")
    elif isinstance(items[0], Rate):
        for rate in items:
            yield f"{path}{rate.of}.rate", rate.rate
            yield f"{path}{rate.of}.weight_decay", rate.weight_decay
    elif len(items) == 1:
        yield from _leaves(items[0], path)
    else:
        yield path[:-1], items


def _changed(term: LossTerm) -> Iterator[tuple[str, object]]:
    """The weight of a term, and what of it is not as it is by default."""
    for field in dataclasses.fields(term):
        value = getattr(term, field.name)
        if field.name == "weight" or (field.name != "loss" and value != field.default):
            yield field.name, value
