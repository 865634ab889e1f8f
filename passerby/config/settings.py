"""Settings: one value of a recipe changed by its path, as ``--set optimizer.rate=1e-3`` does."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar, get_type_hints

from passerby.calls import NOT_A_LITERAL, Call
from passerby.config.sections import LossTerm
from passerby.process.json_files import read_value
from passerby.process.spelling import suggest

_Node = TypeVar("_Node")

# Fields of text that name no component, and so have no options.
_NO_COMPONENTS = {"name", "parts", "of", "start", "start_of", "encoder", "sentence"}


def changed(node: _Node, steps: str, value: object, path: str) -> _Node:
    """A configuration with one value changed.

    Args:
        node: a frozen dataclass.
        steps: the way to the value from here, names of fields with dots between them. A loss, a
            phase or a rate is reached by its name, an option of a component by the option's.
        value: the new value; text stands for what it spells.
        path: the whole path, for messages.

    Raises:
        ValueError: naming what exists at the step that does not.
    """
    step, dot, rest = steps.partition(".")
    step = step.replace("-", "_")
    names = [f.name for f in dataclasses.fields(node)]  # type: ignore[arg-type]
    if step not in names:
        raise ValueError(
            f"--set {path}: {type(node).__name__} has no field {step!r}{suggest(step, names)} "
            f"(fields: {', '.join(names)})"
        )
    current, expected = getattr(node, step), get_type_hints(type(node))[step]
    new: Any
    if not dot:
        new = read_value(expected, value if expected is str else _literal(value), path)
    elif step in _NAMES_OF:
        new = _changed_item(step, current, rest, value, path)
    elif dataclasses.is_dataclass(current):
        new = changed(current, rest, value, path)
    elif isinstance(current, tuple) and len(current) == 1 and dataclasses.is_dataclass(current[0]):
        new = (changed(current[0], rest, value, path),)
    elif expected is str and step not in _NO_COMPONENTS and "." not in rest:
        new = _with_option(current, rest, value)
    else:
        raise ValueError(f"--set {path}: {step} is {current!r} and has no field {rest}")
    return replace(node, **{step: new})  # type: ignore[type-var]


def term_names(terms: Sequence[LossTerm]) -> list[str]:
    """The losses' names; of one that is there for several parts, with their pattern.

    >>> from passerby.config import LossTerm
    >>> term_names([LossTerm("triplet"), LossTerm("triplet", parts="a"), LossTerm("circle")])
    ['triplet[*]', 'triplet[a]', 'circle']
    """
    names = [Call.parse(term.loss).name for term in terms]
    return [
        name if names.count(name) == 1 else f"{name}[{term.parts}]"
        for name, term in zip(names, terms, strict=True)
    ]


# Fields that hold several, and how one of them is named in a path.
_NAMES_OF = {
    "losses": term_names,
    "phases": lambda phases: [phase.name for phase in phases],
    "rates": lambda rates: [rate.of for rate in rates],
}


def _changed_item(
    field: str, items: tuple[Any, ...], steps: str, value: object, path: str
) -> tuple[Any, ...]:
    """One of several changed: ``triplet.margin``, ``triplet[global*].weight``, ``head.epochs``."""
    names = _NAMES_OF[field](items)
    plain = steps.replace("-", "_") if field == "losses" else steps
    fitting = [row for row, name in enumerate(names) if plain.startswith(f"{name}.")]
    if not fitting:
        raise ValueError(f"--set {path}: {_how_to_name(field, names, plain)}")
    row = max(fitting, key=lambda row: len(names[row]))
    if names.count(names[row]) > 1:
        raise ValueError(f"--set {path}: there are several {names[row]!r}, which have one name")
    rest = plain[len(names[row]) + 1 :]
    item = items[row]
    own = [f.name for f in dataclasses.fields(item)]
    if field == "losses" and rest not in own:
        if not rest.isidentifier():
            raise ValueError(f"--set {path}: expected losses.NAME.weight or losses.NAME.OPTION")
        item = replace(item, loss=_with_option(item.loss, rest, value))
    else:
        item = changed(item, rest, value, path)
    return (*items[:row], item, *items[row + 1 :])


def _how_to_name(field: str, names: Sequence[str], steps: str) -> str:
    """What to write in place of a name that fits none, or several."""
    known = ", ".join(names) or "none"
    several = [name for name in names if name.partition("[")[0] == steps.partition(".")[0]]
    if field == "losses" and several and "[" in several[0]:
        option = steps.rpartition(".")[2]
        ways = " or ".join(f"'{field}.{name}.{option}=...'" for name in several)
        return f"the recipe has this loss for several parts; choose by --set {ways}"
    if field == "losses" and "." in steps:
        return f"the recipe has the losses {known}"
    example = {"losses": "weight or losses.NAME.OPTION", "phases": "FIELD", "rates": "rate"}[field]
    return f"expected {field}.NAME.{example} ({field}: {known})"


def _with_option(call: str, option: str, value: object) -> str:
    """A component's call with one option set."""
    return str(Call.parse(call).with_option(option.replace("-", "_"), _literal(value)))


def _literal(value: object) -> object:
    """``0.2`` as a number, ``true`` as a boolean, ``(40,70)`` as a tuple, the rest as text."""
    if not isinstance(value, str):
        return value
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return ast.literal_eval(value)
    except NOT_A_LITERAL:
        return value
