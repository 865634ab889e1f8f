"""From a written call such as ``"triplet(margin=0.3)"`` to the object it names.

Losses, attention modules, backbones, poolings, classifiers, systems, data sets, augmentations and
recipes are chosen by such calls (`passerby.calls`) in recipes, on the command line and in saved
configurations. Options are declared once, in the constructor's signature, and a slip is answered
with what was meant.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from passerby.calls import Call
from passerby.process.spelling import suggest

T = TypeVar("T", bound=Callable[..., Any])


def _parameters(component: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The options of a component; a module without a constructor of its own has none."""
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(component).parameters
    return {name: p for name, p in parameters.items() if p.kind not in open_ended}


def _types(component: Callable[..., Any]) -> dict[str, Any]:
    """What the options of a component must be, as it declares; {} where that cannot be read."""
    maker = component.__init__ if inspect.isclass(component) else component
    try:
        return get_type_hints(maker)
    except (NameError, TypeError, AttributeError):
        return {}  # names that are imported for type checking alone


def _fits(value: Any, expected: Any) -> bool:
    """Whether a written value is of a declared type; types that cannot be written take all."""
    origin, inner = get_origin(expected), get_args(expected)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if origin in (tuple, list, Sequence):
        items = inner[:1] * len(value) if isinstance(value, (list, tuple)) else ()
        if origin is tuple and inner[-1] is not Ellipsis:
            items = inner
        return (
            isinstance(value, (list, tuple))
            and len(items) == len(value)
            and all(map(_fits, value, items))
        )
    if expected is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if expected in (int, bool, str, type(None)):
        return type(value) is expected
    return True


def _worded(expected: Any) -> str:
    """A type for people: ``a number``, ``mean, image or noise``."""
    origin, inner = get_origin(expected), get_args(expected)
    if origin in (Union, UnionType):
        return " or ".join(map(_worded, inner))
    if origin is Literal:
        return " or ".join(filter(None, [", ".join(map(str, inner[:-1])), str(inner[-1])]))
    if origin in (tuple, list, Sequence):
        return "a list" if not inner else f"a list of {_worded(inner[0]).removeprefix('a ')}s"
    words = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}
    words[type(None)] = "none"
    return words.get(expected, getattr(expected, "__name__", str(expected)))


def _is_same(first: Callable[..., Any], second: Callable[..., Any]) -> bool:
    """Whether two components are one place of one module, run twice."""
    places = [(one.__module__, one.__qualname__) for one in (first, second)]
    return places[0] == places[1]


@dataclass(frozen=True)
class Description:
    """options: with their defaults, as written; summary: the docstring's first line."""

    options: str
    summary: str


class Registry:
    """The components of one kind, found in a module or in the modules of a package.

    The package is imported on first use, so that a registry costs nothing until it is asked.
    """

    def __init__(self, noun: str, home: str) -> None:
        self.noun = noun
        self._home = home
        self._found: dict[str, Callable[..., Any]] = {}
        self._imported = False

    def register(self, component: T) -> T:
        """Decorator: enter a class or function by its name, ``PairCircle`` as ``pair_circle``.

        Registered again by the same module (a user's file opened twice, a notebook's cell run
        again), the new one takes the place of the old. Raises ValueError for the name of another.
        """
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", component.__name__).lower()
        if name in self._found and not _is_same(self._found[name], component):
            raise ValueError(f"there already is a {self.noun} named {name!r}: rename one of them")
        self._found[name] = component
        return component

    def names(self) -> list[str]:
        """All registered names, sorted."""
        self._import_home()
        return sorted(self._found)

    def get(self, name: str) -> Callable[..., Any]:
        """The class or function of that name; ValueError with a suggestion when there is none."""
        self._import_home()
        name = name.replace("-", "_")
        if name not in self._found:
            raise ValueError(
                f"no {self.noun} is named {name!r}{suggest(name, list(self._found))} "
                f"(known: {', '.join(self.names())})"
            )
        return self._found[name]

    def build(self, call: str | Call, **given: Any) -> Any:
        """Construct what the call names.

        ``given`` are the arguments that the caller supplies (channels, number of persons), not
        the user: a call that sets one of them, or an option that does not exist, or leaves out a
        required one, raises ValueError.
        """
        call = Call.parse(call) if isinstance(call, str) else call
        component = self.get(call.name)
        parameters = _parameters(component)
        self._require_parameters(call.name, given)
        allowed = [name for name in parameters if name not in given]
        for option in call.options:
            if option not in allowed:
                raise ValueError(
                    f"{self.noun} {call.name!r} has no option {option!r}"
                    f"{suggest(option, allowed)} (options: {', '.join(allowed) or 'none'})"
                )
        missing = [
            name
            for name in allowed
            if parameters[name].default is inspect.Parameter.empty and name not in call.options
        ]
        if missing:
            raise ValueError(f"{self.noun} {call.name!r} needs {', '.join(missing)}")
        types = _types(component)
        for option, value in call.options.items():
            if not _fits(value, types.get(option, Any)):
                raise ValueError(
                    f"{self.noun} {call.name!r}: {option} must be {_worded(types[option])}, "
                    f"got {value!r}"
                )
        return component(**given, **call.options)

    def _require_parameters(self, name: str, given: Mapping[str, Any]) -> None:
        """Raise ValueError for a component (of a user's file) that does not take what it gets."""
        parameters = inspect.signature(self.get(name)).parameters
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
            return
        lacking = [wanted for wanted in given if wanted not in parameters]
        if lacking:
            raise ValueError(
                f"{self.noun} {name!r} must be made from {', '.join(given)} and its own options; "
                f"it does not take {', '.join(lacking)}"
            )

    def describe(self, name: str) -> Description:
        """The options of one component and what it is."""
        component = self.get(name)
        options = [
            f"{p.name}={p.default!r}"
            for p in _parameters(component).values()
            if p.default is not inspect.Parameter.empty
        ]
        summary = (inspect.getdoc(component) or "").partition("\n")[0]
        return Description(", ".join(options), summary)

    def _import_home(self) -> None:
        if self._imported:
            return
        self._imported = True
        home = import_module(self._home)
        for module in iter_modules(getattr(home, "__path__", [])):
            import_module(f"{self._home}.{module.name}")


ATTENTIONS = Registry("attention", "passerby.models.attention")
AUGMENTATIONS = Registry("augmentation", "passerby.data.augmentations")
BACKBONES = Registry("backbone", "passerby.models.backbones")
CLASSIFIERS = Registry("classifier", "passerby.models.classifiers")
DATASETS = Registry("data set", "passerby.data.datasets")
FAMILIES = Registry("family of weights", "passerby.weights.families")
LOSSES = Registry("loss", "passerby.losses")
POOLINGS = Registry("pooling", "passerby.models.pooling")
PROJECTIONS = Registry("projection", "passerby.models.projections")
RECIPES = Registry("recipe", "passerby.recipes")
RUNTIMES = Registry("runtime", "passerby.embedding.runtimes")
SYSTEMS = Registry("system", "passerby.models.systems")
TRACKERS = Registry("tracker", "passerby.training.trackers")


KINDS = {
    "recipes": RECIPES,
    "losses": LOSSES,
    "attention": ATTENTIONS,
    "datasets": DATASETS,
    "backbones": BACKBONES,
    "classifiers": CLASSIFIERS,
    "poolings": POOLINGS,
    "augmentations": AUGMENTATIONS,
    "systems": SYSTEMS,
    "projections": PROJECTIONS,
    "families": FAMILIES,
    "runtimes": RUNTIMES,
    "trackers": TRACKERS,
}
"""All registries, by the names that ``passerby list`` takes."""


def listing(kind: str) -> str:
    """Every component of a kind (``losses``, ``recipes``, ...): name, options, first doc line."""
    if kind not in KINDS:
        raise ValueError(f"there are no {kind!r} to list (kinds: {', '.join(KINDS)})")
    registry = KINDS[kind]
    lines = []
    for name in registry.names():
        found = registry.describe(name)
        lines.append(f"{name}({found.options})" if found.options else name)
        lines.append(f"    {found.summary}")
    return "\n".join(lines)
