"""The recipe that a command names: a registered one, a JSON file, a function in a user's file."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import sys
import traceback
import types
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from passerby.config.recipe import Recipe, with_settings
from passerby.process.json_files import read_object, read_value
from passerby.registry import (
    ATTENTIONS,
    AUGMENTATIONS,
    BACKBONES,
    CLASSIFIERS,
    LOSSES,
    POOLINGS,
    PROJECTIONS,
    RECIPES,
    SYSTEMS,
    Call,
)


def open_recipe(text: str, settings: Sequence[str] = ()) -> Recipe:
    """The recipe that a command names, with its ``--set`` settings.

    Args:
        text: a registered name, with options if need be (``"table1_ours(scale=compact)"``), a
            JSON file, a model's config.json, or ``file.py:function``.
        settings: ``path=value`` each.

    Raises:
        ValueError: when there is no such recipe or a setting does not fit.
    """
    file, colon, function = text.rpartition(":")
    if colon and file.endswith(".py"):
        recipe = _from_python(Path(file), function)
    elif text.endswith(".json"):
        recipe = _from_json_file(Path(text))
    elif text.endswith(".py"):
        raise ValueError(f"name the function that makes the recipe: {text}:FUNCTION")
    else:
        recipe = RECIPES.build(text)
    return with_settings(recipe, settings)


def _from_json_file(file: Path) -> Recipe:
    """A recipe of its own, or the one in a model's config.json."""
    content = read_object(file, "a recipe as JSON")
    try:
        recipe: Recipe = read_value(Recipe, content.get("recipe", content), "recipe")
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    return recipe


def _from_python(file: Path, function: str) -> Recipe:
    """Run a user's own recipe file, which may also register components of its own."""
    if not file.is_file():
        raise ValueError(f"no such recipe file: {file}")
    module = import_file(file)
    call = Call.parse(function)
    make = getattr(module, call.name, None)
    if not callable(make):
        raise ValueError(f"{file} has no function {call.name!r}")
    try:
        inspect.signature(make).bind(**call.options)
    except TypeError as error:
        raise ValueError(f"{file}:{call}: {error}") from None
    recipe = make(**call.options)
    if not isinstance(recipe, Recipe):
        raise ValueError(f"{file}:{call.name} must return a Recipe, got {type(recipe).__name__}")
    return recipe


# Modules that were made from users' own files, by name: what a fresh process must import, too.
_imported: dict[str, Path] = {}

# What those files said when they were run.
_sources: dict[Path, bytes] = {}

# Files that may be run where a stored model needs them (``--import``).
_allowed: list[Path] = []


def import_file(file: Path) -> types.ModuleType:
    """Run a user's own file, so that the components that it registers can be named.

    Raises:
        ValueError: where there is no such file, or running it fails.
    """
    if not file.is_file():
        raise ValueError(f"no such file: {file}")
    return _run_file(file.resolve())


def allow_imports(files: Iterable[str | os.PathLike[str]]) -> None:
    """Let files of one's own be run where a stored model needs them, as ``--import FILE`` does.

    Nothing is run now, and nothing but what a model was trained with: `import_allowed` compares.
    """
    _allowed.extend(map(Path, files))


def import_allowed(sha256: str) -> bool:
    """Run the allowed file with this hash; whether there is one, or it has been run already.

    Raises:
        ValueError: for an allowed file that there is not, or that fails.
    """
    if any(hashlib.sha256(source).hexdigest() == sha256 for source in _sources.values()):
        return True
    for file in _allowed:
        if not file.is_file():
            raise ValueError(f"--import {file}: there is no such file")
        source = file.read_bytes()
        if hashlib.sha256(source).hexdigest() == sha256:
            _run_file(file.resolve(), source)
            return True
    return False


def imported_source(file: Path) -> bytes:
    """What an imported file said when it was run."""
    return _sources[file]


def imported_files(objects: Iterable[object]) -> dict[str, Path]:
    """The users' files that define the classes of these objects, by the names of their modules."""
    modules = {type(item).__module__ for item in objects}
    return {name: file for name, file in _imported.items() if name in modules}


def component_files(recipe: Recipe) -> tuple[Path, ...]:
    """The users' files that define components which a recipe names, each once, in order of use."""
    network = recipe.network
    named = [
        (SYSTEMS, network.system),
        (BACKBONES, network.backbone),
        (ATTENTIONS, network.attention),
        (POOLINGS, network.pooling),
        (PROJECTIONS, network.projection),
        (CLASSIFIERS, network.classifier),
        *((AUGMENTATIONS, call) for call in recipe.augmentations),
    ]
    terms = (*recipe.losses, *(term for phase in recipe.phases for term in phase.losses))
    named += [(LOSSES, term.loss) for term in terms]
    # "none" names no component.
    found = [
        _imported.get(registry.get(call.name).__module__)
        for registry, call in ((registry, Call.parse(text)) for registry, text in named)
        if call.name in registry.names()
    ]
    return tuple(dict.fromkeys(file for file in found if file is not None))


def import_files(files: Mapping[str, Path]) -> None:
    """Run in this process what `imported_files` named in another, so that pickles find it."""
    for name, file in files.items():
        if name not in sys.modules:
            _run_file(file)


def _run_file(file: Path, source: bytes | None = None) -> types.ModuleType:
    """Run a file as a module of its own; run again, it stands for what it says now.

    source: what it says, where that has been read and compared.
    """
    source = file.read_bytes() if source is None else source
    place = hashlib.sha256(os.fsencode(file)).hexdigest()[:8]  # two files may have one name
    name = f"passerby_recipe_{file.stem}_{place}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses in the file look themselves up there
    try:
        exec(compile(source, str(file), "exec"), vars(module))
    except Exception as error:  # whatever the user's code raises
        del sys.modules[name]
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame.lineno for frame in frames if frame.filename == str(file)]
        line = error.lineno if isinstance(error, SyntaxError) else own[-1]
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{file} cannot be run: {reason} (line {line})") from error
    _imported[name], _sources[file] = file, source
    return module
