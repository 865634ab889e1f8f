"""YAML configurations of other people, read within bounds and without running anything.

Tags that make objects and aliases that repeat what they name are refused, and so is a base that
lies elsewhere than where it may. Text that spells a Python literal is that literal, as yacs has it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from passerby.extras import lacking
from passerby.process.sizes import size_text

BASE = "_BASE_"
LARGEST = 100_000
"""Bytes of one file; the longest of the peers' own has four thousand."""
LONGEST_CHAIN = 10
DEEPEST = 20
"""Mappings and lists within each other; the peers' own have four."""


def read_yaml(file: Path, bases: Path | None = None) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """(Values by their keys, as in ``SOLVER.BASE_LR``; the bases that were read, nearest first).

    A base (``_BASE_``) is looked for from the folder of the file that names it, and must lie in or
    below ``bases``: the folder above that of ``file`` where none is given.

    Raises:
        ValueError: for a file that cannot be read or is no mapping, a base that lies elsewhere, and
            bases without an end.
    """
    merged = _mapping(file)
    within = (bases or file.parent / "..").resolve()
    if not within.is_dir():
        raise ValueError(f"--bases {bases} is no folder")
    chain = [file]
    while BASE in merged:
        base = _base(chain[-1], merged.pop(BASE), within)
        if len(chain) > LONGEST_CHAIN or base.resolve() in [one.resolve() for one in chain]:
            raise ValueError(f"{chain[-1]}: its bases have no end")
        chain.append(base)
        merged = _merged(_mapping(base), merged)
    return dict(_flat(merged, file)), tuple(chain[1:])


def _base(file: Path, named: object, within: Path) -> Path:
    if not isinstance(named, str) or not named.endswith((".yml", ".yaml")):
        raise ValueError(f"{file}: {BASE} must name a .yml or .yaml file")
    base = file.parent / named
    if not base.resolve().is_relative_to(within):
        raise ValueError(
            f"{file}: its base {named!r} lies outside {within}; where you trust it, name a folder "
            "that holds both with --bases"
        )
    return base


def _mapping(file: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise lacking(str(file), "PyYAML", "yaml", error) from None
    with file.open("rb") as opened:
        text = opened.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise ValueError(f"{file} has more than {size_text(LARGEST)}: no configuration")
    try:
        _refuse_hostile(file, yaml.scan(text, Loader=yaml.SafeLoader))
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{file}{line}: it is not YAML that is read: {error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise ValueError(f"{file} is not YAML") from None
    if not isinstance(content, dict):
        raise ValueError(f"{file}: expected keys with values, as in a configuration")
    return content


def _refuse_hostile(file: Path, tokens: Iterable[Any]) -> None:
    """ValueError for aliases, which may stand for more than can be held, and for deep nesting."""
    depth = 0
    for token in tokens:
        kind = type(token).__name__
        depth += kind.endswith(("MappingStartToken", "SequenceStartToken"))
        depth -= kind.endswith("EndToken") and kind.startswith(("Block", "Flow"))
        if kind == "AliasToken":
            raise ValueError(f"{file}, line {token.start_mark.line + 1}: aliases are not read")
        if depth > DEEPEST:
            raise ValueError(f"{file} is nested deeper than {DEEPEST}: no configuration")


def _merged(base: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The base with what stands above it; mappings are merged, all else replaced."""
    found = dict(base)
    for key, value in above.items():
        old = found.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        found[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return found


def _flat(values: Mapping[str, Any], file: Path, above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        if not isinstance(key, str) or not re.fullmatch(r"[\w-]{1,80}", key):
            raise ValueError(f"{file}: {key!r} is no key of a configuration")
        if isinstance(value, dict):
            found += _flat(value, file, f"{above}{key}.")
        else:
            found.append((f"{above}{key}", _literal(value)))
    return found


def _literal(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return value
