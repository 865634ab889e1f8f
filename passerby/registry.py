"""From a written call such as ``"triplet(margin=0.3)"`` to the object it names.

Losses, attention modules, backbones, poolings, classifiers, systems, data sets, augmentations and
recipes are chosen by such calls in recipes, on the command line and in saved configurations.
Options are declared once, in the constructor's signature, and a slip is answered with what was
meant.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from passerby.process.spelling import suggest

T = TypeVar("T", bound=Callable[..., Any])

# What reading a literal raises: TypeError for {[]: 1}, the last two for thousands of brackets.
NOT_A_LITERAL = (SyntaxError, ValueError, TypeError, MemoryError, RecursionError)

_WORDS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Call:
    """A component's name with its options, as written: ``Call("triplet", {"margin": 0.3})``."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Call:
        """Read ``name`` or ``name(option=value, ...)``.

        Values are Python literals; a bare word is a string, so that shells need no quotes:
        ``msmt17(val=separate)``. Raises ValueError for anything else (nothing is evaluated).
        """
        try:
            return cls._parsed(text)
        except ValueError as error:
            quoted = _with_quotes(text)
            with suppress(ValueError):
                cls._parsed(quoted)  # advice that would not work is not given
                error = ValueError(f"{error}: text that is more than a word needs quotes: {quoted}")
            raise error from None

    @classmethod
    def _parsed(cls, text: str) -> Call:
        wanted = f"expected name(option=value, ...), got {text!r}"
        try:
            with warnings.catch_warnings():
                # A pattern such as '\d+' may stand there without the r of a raw string.
                warnings.simplefilter("ignore", SyntaxWarning)
                warnings.simplefilter("ignore", DeprecationWarning)  # the same, before Python 3.12
                tree = ast.parse(_underscored(text.strip()), mode="eval").body
        except NOT_A_LITERAL:
            raise ValueError(wanted) from None
        if isinstance(tree, ast.Name):
            return cls(tree.id)
        if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name) or tree.args:
            raise ValueError(wanted)
        options: dict[str, Any] = {}
        for keyword in tree.keywords:
            if keyword.arg is None or keyword.arg in options:
                raise ValueError(wanted)
            options[keyword.arg] = _storable(_literal(keyword.value, wanted), keyword.arg)
        return cls(tree.func.id, options)

    def __str__(self) -> str:
        if not self.options:
            return self.name
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.options.items())})"

    def with_option(self, option: str, value: Any) -> Call:
        """The same call with one option set. Raises ValueError for what cannot be written."""
        return Call(self.name, {**self.options, option: _storable(value, option)})


def _underscored(text: str) -> str:
    """The command line may write ``cross-entropy(...)`` for ``cross_entropy(...)``."""
    name, bracket, options = text.partition("(")
    return name.replace("-", "_") + bracket + options


def _literal(node: ast.expr, wanted: str) -> Any:
    if isinstance(node, ast.Name):
        return _WORDS.get(node.id.lower(), node.id)
    try:
        return ast.literal_eval(node)
    except NOT_A_LITERAL:
        raise ValueError(wanted) from None


def _storable(value: Any, option: str) -> Any:
    """The value if it reads the same again once it is written, which others do not."""
    if isinstance(value, (list, tuple)):
        for item in value:
            _storable(item, option)
    elif isinstance(value, dict):
        for item in (*value.keys(), *value.values()):
            _storable(item, option)
    elif not (
        value is None
        or isinstance(value, (bool, str))
        or (isinstance(value, int) and abs(value) < 2**63)
        or (isinstance(value, float) and math.isfinite(value))
    ):
        raise ValueError(
            f"{option} must be a finite number, a text, true, false or none, or a list or mapping "
            f"of these, got {_shortened(value)}"
        )
    return value


def _shortened(value: object) -> str:
    """A value as it is written, of bounded length; of numbers too long for Python the type."""
    try:
        return repr(value)[:60]
    except ValueError:
        return f"a very long {type(value).__name__}"


def _with_quotes(text: str) -> str:
    """A call with quotes around every value that is no literal: ``folder(path=/data)``."""
    name, bracket, inside = text.strip().partition("(")
    if not bracket or not inside.endswith(")"):
        return text
    options = re.split(r",\s*(?=\w+\s*=)", inside[:-1])
    return f"{name}({', '.join(map(_with_quoted_value, options))})"


def _with_quoted_value(option: str) -> str:
    name, value = (part.strip() for part in (*option.split("=", 1), "")[:2])
    try:
        ast.literal_eval(value)
    except NOT_A_LITERAL:
        return option.strip() if value.isidentifier() else f"{name}={value!r}"
    return option.strip()


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
