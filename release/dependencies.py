"""What Passerby brings along: the packages that it needs with some of its extras, and theirs.

Told by the metadata of what is installed here, so that a list is true of one system and one Python.

    python -m release.dependencies gallery    # what the extra [gallery] adds, in MB
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
OWN = "passerby"


def project() -> tuple[list[str], Mapping[str, list[str]]]:
    """Passerby's requirements, and those of each extra, as pyproject.toml has them."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return table["dependencies"], table["optional-dependencies"]


def closure(extras: Iterable[str] = ()) -> dict[str, Distribution]:
    """All packages that Passerby with these extras brings along, by name.

    Raises:
        importlib.metadata.PackageNotFoundError: One of them is not installed.
    """
    core, own_extras = project()
    todo = [*map(Requirement, core), Requirement(f"{OWN}[{','.join(extras)}]")]
    seen: dict[str, set[str]] = {}
    found: dict[str, Distribution] = {}
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        new = {"", *wanted.extras} - seen.get(name, set())
        seen.setdefault(name, set()).update(new)
        if name == OWN:
            todo += [Requirement(one) for extra in new - {""} for one in own_extras[extra]]
        elif new:
            found[name] = distribution(name)
            todo += _of_here(found[name].requires or (), new)
    return dict(sorted(found.items()))


def direct(extra: str = "") -> list[str]:
    """Names of what Passerby itself names, or one of its extras, beside other extras."""
    core, extras = project()
    wanted = map(Requirement, extras[extra] if extra else core)
    return sorted(name for one in wanted if (name := canonicalize_name(one.name)) != OWN)


def _of_here(requirements: Sequence[str], extras: Iterable[str]) -> list[Requirement]:
    """Those that count on this system, with any of these extras."""
    found = map(Requirement, requirements)
    return [
        one
        for one in found
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def main() -> None:
    """Print the packages, in MB, and those that the extras named on the command line add."""
    core, whole = closure(), closure(sys.argv[1:])
    for title, names in (("core", core), ("more", sorted(whole.keys() - core.keys()))):
        sizes = {name: _megabytes(whole[name]) for name in names}
        print(f"{title}: {sum(sizes.values()):.0f} MB")
        for name, size in sorted(sizes.items(), key=lambda one: -one[1]):
            print(f"  {size:7.1f} {name}")


def _megabytes(found: Distribution) -> float:
    return sum(file.size or 0 for file in found.files or ()) / 1e6


if __name__ == "__main__":
    main()
