"""Recipe: everything that decides a training run, as frozen dataclasses that go to and from JSON.

A recipe is built by a function (see ``recipes/``), changed by ``--set a.b=value``, and stored
beside the weights. Components stand in it as calls (``"triplet(margin=0.3)"``, see `registry`).
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib.util
import inspect
import json
import os
import sys
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from passerby.registry import NOT_A_LITERAL, RECIPES, Call, suggest

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Input:
    """How an image becomes the network's input: resized, then (value / 255 − mean) / std."""

    colours: Literal["rgb"] = "rgb"
    height: int = 256
    width: int = 128
    filter: Literal["bilinear", "bicubic"] = "bilinear"
    antialias: bool = True
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True)
class Network:
    """Backbone to classifier. neck: batch norm (BNNeck), none.

    start: the weights that training begins with: imagenet, none, or those of a model folder or of
    "default", of which ``start_of`` takes what its patterns of names fit ("backbone.*, neck.*";
    classifiers never). system: a complete method's network, which says what of the rest it reads;
    plain reads all. projection: a linear layer between pooling and neck, or none.
    """

    backbone: str = "resnet50(last_stride=1)"
    start: str = "none"
    attention: str = "none"
    pooling: str = "average"
    neck: Literal["batch_norm", "none"] = "batch_norm"
    classifier: str = "linear"
    system: str = "plain"
    projection: str = "none"
    start_of: str = "*"


@dataclass(frozen=True)
class Sampling:
    """A batch: so many persons, so many images of each (P × K).

    limit: how often one person may come in an epoch (0: as often as its images allow). sources:
    where there are several, drawn from jointly, evenly within each batch, or one source a batch.
    cameras: balanced spreads a person's images over as many cameras as possible. sites: apart fills
    a batch (a source's share of it) with persons of one site as far as they reach; persons are of
    one site when cameras in common link them. Strangers in one light are hard to tell apart,
    those of two places are told by the light.
    """

    persons: int = 16
    images: int = 4
    limit: int = 0
    sources: Literal["joint", "even", "alternate"] = "joint"
    cameras: Literal["any", "balanced"] = "any"
    sites: Literal["mixed", "apart"] = "mixed"


@dataclass(frozen=True)
class LossTerm:
    """One term of the weighted sum that is minimised.

    rate: at which parameters of the loss itself (centres) follow its unweighted gradient, apart
    from the optimizer and its schedule; 0: they learn as all others do.
    parts: of which of a system's parts, by a pattern of their names ("global*").
    """

    loss: str
    weight: float = 1.0
    rate: float = 0.0
    parts: str = "*"


@dataclass(frozen=True)
class Rate:
    """Factors on learning rate and weight decay of the parameters whose names fit ``of``."""

    of: str
    rate: float = 1.0
    weight_decay: float = 1.0


@dataclass(frozen=True)
class Optimizer:
    """Update rule; rate is the learning rate that warm-up reaches.

    decays: all parameters, or only matrices and larger: no biases, no weights of norms. rates:
    for some parameters by patterns of their names; the factors of all patterns that fit multiply.
    """

    name: Literal["adam", "adamw", "sgd"] = "adam"
    rate: float = 3.5e-4
    weight_decay: float = 5e-4
    momentum: float = 0.9
    decays: Literal["all", "matrices"] = "all"
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """Learning rate over epochs: linear warm-up, then steps or a cosine down to ``floor`` × rate.

    warm_up in epochs, from ``warm_up_start`` × rate; at each of ``steps`` (epochs) × ``factor``.
    one_cycle is cosine with a warm-up that is the half of a cosine too.
    """

    kind: Literal["step", "cosine", "constant", "one_cycle"] = "step"
    warm_up: float = 10.0
    warm_up_start: float = 0.01
    steps: tuple[int, ...] = (40, 70)
    factor: float = 0.1
    floor: float = 0.0


@dataclass(frozen=True)
class Averaging:
    """A mean of the weights that takes the place of the last ones in validation and result.

    exponential: over all steps, forgetting with ``decay``; last: uniform over the last ``epochs``.
    """

    kind: Literal["none", "exponential", "last"] = "none"
    decay: float = 0.999
    epochs: int = 5


@dataclass(frozen=True)
class Phase:
    """One stage of a staged method: what trains, on which losses, how fast.

    trains: patterns of parameter names (``classifier*``, ``backbone.layer4.*``, ``losses.*``); all
    else is frozen. What is left empty is the recipe's: losses (), optimizer (), schedule (), and
    rate 0. The schedule runs over the phase's own epochs.
    """

    name: str
    epochs: int
    trains: tuple[str, ...] = ("*",)
    losses: tuple[LossTerm, ...] = ()
    rate: float = 0.0
    optimizer: tuple[Optimizer, ...] = ()
    schedule: tuple[Schedule, ...] = ()


@dataclass(frozen=True)
class Computation:
    """How a step is computed; docs/training.md says what each choice costs.

    precision: float32; bfloat16 or float16 (with a scaled loss) by autocast; auto takes one of the
    two on GPUs and float32 on CPUs. compile: let torch.compile fuse the network's operations.
    accumulate: in so many parts a batch goes through the network, twice; the losses see all of it.
    recompute: keep what enters each stage of the backbone and compute the rest again. Both save
    memory. sync_batch_norm: batch norm takes its statistics over all GPUs.
    """

    precision: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    compile: bool = False
    accumulate: int = 1
    recompute: bool = False
    sync_batch_norm: bool = False


@dataclass(frozen=True)
class Recipe:
    """A full, named configuration of a run.

    validation_persons: persons held out of train to choose the best epoch (0: the last epoch is
    the result), scored every ``validate_every`` epochs. origins: where each choice comes from, as
    (choice, origin) lines: the paper is silent on many. phases: of a staged method, whose epochs
    add up to ``epochs``; none is one phase of all epochs.
    """

    name: str
    epochs: int = 120
    input: Input = Input()
    network: Network = Network()
    augmentations: tuple[str, ...] = ("flip", "pad_and_crop", "erase")
    sampling: Sampling = Sampling()
    losses: tuple[LossTerm, ...] = (LossTerm("cross_entropy"),)
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    computation: Computation = Computation()
    validation_persons: int = 0
    validate_every: int = 5
    origins: tuple[str, ...] = field(default=())
    phases: tuple[Phase, ...] = ()
    averaging: Averaging = Averaging()

    def to_json(self) -> str:
        """The recipe as JSON text that `from_json` reads back."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read a recipe; unknown keys and wrong types are named with their path (ValueError)."""
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"a recipe must be JSON: {error}") from None
        return _read(cls, content, "recipe")

    def with_setting(self, path: str, value: str | float | bool) -> Recipe:
        """The recipe with one value changed, as ``--set path=value`` does.

        A path goes through fields (``optimizer.rate``), into the options of a component
        (``network.classifier.scale``), and into a loss by its name (``losses.triplet.margin``,
        ``losses.triplet.weight``) or a phase by its name (``phases.head.epochs``). Raises
        ValueError naming what exists at the wrong step.
        """
        return _set(self, path.split("."), value, path)


def open_recipe(text: str, settings: Sequence[str] = ()) -> Recipe:
    """The recipe that a command names, with its ``--set`` settings.

    text: a registered name, with options if need be (``"table1_ours(scale=compact)"``), a JSON
    file, a model's config.json, or ``file.py:function``. settings: ``path=value`` each. Raises
    ValueError when there is no such recipe or a setting does not fit.
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
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"--set takes path=value, got {setting!r}")
        recipe = recipe.with_setting(path, value)
    return recipe


def _from_json_file(file: Path) -> Recipe:
    """A recipe of its own, or the one in a model's config.json."""
    text = _read_text(file)
    try:
        content = json.loads(text)
        if isinstance(content, dict):
            content = content.get("recipe", content)
        return _read(Recipe, content, "recipe")
    except json.JSONDecodeError as error:
        raise ValueError(f"{file} is not JSON: {error}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _from_python(file: Path, function: str) -> Recipe:
    """Run a user's own recipe file, which may also register components of its own."""
    if not file.is_file():
        raise ValueError(f"no such recipe file: {file}")
    module = _run_file(file.resolve())
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


def imported_files(objects: Iterable[object]) -> dict[str, Path]:
    """The users' files that define the classes of these objects, by the names of their modules."""
    modules = {type(item).__module__ for item in objects}
    return {name: file for name, file in _imported.items() if name in modules}


def import_files(files: Mapping[str, Path]) -> None:
    """Run in this process what `imported_files` named in another, so that pickles find it."""
    for name, file in files.items():
        if name not in sys.modules:
            _run_file(file)


def _run_file(file: Path) -> types.ModuleType:
    """Run a file as a module of its own; run again, it stands for what it says now."""
    place = hashlib.sha256(os.fsencode(file)).hexdigest()[:8]  # two files may have one name
    name = f"passerby_recipe_{file.stem}_{place}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses in the file look themselves up there
    spec.loader.exec_module(module)
    _imported[name] = file
    return module


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"cannot read {path}: it is not text") from None


def _literal(text: Any) -> Any:
    """``0.2`` as a number, ``true`` as a boolean, ``(40,70)`` as a tuple, the rest as text."""
    if not isinstance(text, str):
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except NOT_A_LITERAL:
        return text


def _set(node: Any, steps: list[str], value: Any, path: str) -> Any:
    step, rest = steps[0].replace("-", "_"), steps[1:]
    names = [f.name for f in dataclasses.fields(node)]
    if step not in names:
        raise ValueError(
            f"--set {path}: {type(node).__name__} has no field {step!r}{suggest(step, names)} "
            f"(fields: {', '.join(names)})"
        )
    current = getattr(node, step)
    expected = get_type_hints(type(node))[step]
    if not rest:
        changed = _read(expected, value if expected is str else _literal(value), path)
    elif step == "phases":
        changed = _set_in_phases(current, rest, value, path)
    elif isinstance(current, tuple):
        changed = _set_in_losses(current, rest, _literal(value), path)
    elif dataclasses.is_dataclass(current):
        changed = _set(current, rest, value, path)
    elif expected is str and step != "name" and len(rest) == 1:
        option = rest[0].replace("-", "_")
        changed = str(Call.parse(current).with_option(option, _literal(value)))
    else:
        raise ValueError(f"--set {path}: {step} is {current!r} and has no field {'.'.join(rest)}")
    return replace(node, **{step: changed})


def _set_in_phases(
    phases: tuple[Phase, ...], steps: list[str], value: Any, path: str
) -> tuple[Phase, ...]:
    names = [phase.name for phase in phases]
    if steps[0] not in names or len(steps) == 1:
        known = ", ".join(names) or "none"
        raise ValueError(f"--set {path}: expected phases.NAME.FIELD (phases: {known})")
    row = names.index(steps[0])
    return (*phases[:row], _set(phases[row], steps[1:], value, path), *phases[row + 1 :])


def _set_in_losses(
    terms: tuple[Any, ...], steps: list[str], value: Any, path: str
) -> tuple[LossTerm, ...]:
    if not all(isinstance(term, LossTerm) for term in terms) or len(steps) != 2:
        raise ValueError(f"--set {path}: expected losses.NAME.weight or losses.NAME.OPTION")
    name, option = (step.replace("-", "_") for step in steps)
    names = [Call.parse(term.loss).name for term in terms]
    if name not in names:
        raise ValueError(f"--set {path}: the recipe has the losses {', '.join(names)}")
    row = names.index(name)
    if option in ("weight", "rate", "parts"):
        expected = get_type_hints(LossTerm)[option]
        changed = replace(terms[row], **{option: _read(expected, value, path)})
    else:
        changed = replace(
            terms[row], loss=str(Call.parse(terms[row].loss).with_option(option, value))
        )
    return (*terms[:row], changed, *terms[row + 1 :])


def _read(expected: Any, value: Any, path: str) -> Any:
    """Convert JSON content to a field's type, or say what does not fit."""
    origin = get_origin(expected)
    if dataclasses.is_dataclass(expected):
        return _read_dataclass(expected, value, path)
    if origin is tuple:
        return _read_tuple(get_args(expected), value, path)
    if origin is Literal:
        if value not in get_args(expected):
            known = ", ".join(map(repr, get_args(expected)))
            raise ValueError(f"{path} must be one of {known}, got {value!r}")
        return value
    if origin in (Union, types.UnionType):
        raise AssertionError("recipes hold no unions")
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not expected:
        raise ValueError(f"{path} must be {expected.__name__}, got {value!r}")
    return value


def _read_dataclass(expected: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{path} must be a mapping of fields, got {value!r}")
    hints = get_type_hints(expected)
    for key in value:
        if key not in hints:
            raise ValueError(f"{path} has an unknown field {key!r}{suggest(key, list(hints))}")
    try:
        return expected(
            **{key: _read(hints[key], item, f"{path}.{key}") for key, item in value.items()}
        )
    except TypeError as error:
        raise ValueError(f"{path}: {error}") from None


def _read_tuple(items: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{path} must be a list, got {value!r}")
    if items[-1] is Ellipsis:
        return tuple(_read(items[0], item, f"{path}[{i}]") for i, item in enumerate(value))
    if len(value) != len(items):
        raise ValueError(f"{path} must hold {len(items)} values, got {len(value)}")
    return tuple(
        _read(kind, item, f"{path}[{i}]")
        for i, (kind, item) in enumerate(zip(items, value, strict=True))
    )
