"""Parameters by patterns of their names: ``classifier*``, ``backbone.layer4.*``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name fits one of the patterns; ``*`` stands for any text, dots included.

    >>> matches("backbone.layer4.0.conv1.weight", ["classifier*", "backbone.layer4.*"])
    True
    """
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def refuse_idle(patterns: Iterable[str], names: Sequence[str], place: str) -> None:
    """Raise ValueError for a pattern that fits no name: a slip would change what is trained.

    place: where the pattern stands, for the message, which lists the names.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            known = ", ".join(outline(names))
            raise ValueError(f"{place}: no parameter is named {pattern!r} (there are {known})")


def outline(names: Iterable[str]) -> list[str]:
    """Names with all below their second level taken together, to be read by a person.

    >>> outline(["backbone.layer1.0.bn1.weight", "backbone.layer1.0.bn1.bias", "neck.weight"])
    ['backbone.layer1.*', 'neck.weight']
    """
    cut = [name.split(".") for name in names]
    return list(dict.fromkeys(".".join(p[:2]) + ".*" * (len(p) > 2) for p in cut))
