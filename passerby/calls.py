"""A component's name with its options, as written: ``"triplet(margin=0.3)"``."""

from __future__ import annotations

import ast
import math
import re
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

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
