"""Gives what is published the address that it is published from.

    python -m release.address https://HOST/OWNER/NAME vX.Y.Z

The tree names no address of its own, so that a copy of it is not wrong about where it lies. On a
package index, though, README's links would lead nowhere and its picture would be missing. So the
workflow that releases calls this before it builds: README's relative links become links into the
tagged tree, and pyproject.toml gets ``[project.urls]``. Nothing of it is committed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_LINK = re.compile(r"(!?\[[^\]]*\])\((?![a-z]+:|#)([^)\s]+)\)")
_NAMED = re.compile(r"https://[\w.:-]+(/[\w.-]+){2}")


def published_readme(text: str, address: str, tag: str) -> str:
    """README as it stands on a package index: links are absolute, pictures are raw files.

    >>> published_readme("![a](docs/a.webp) [b](docs/b.md)", "https://x.org/o/n", "v1")
    '![a](https://x.org/o/n/raw/v1/docs/a.webp) [b](https://x.org/o/n/blob/v1/docs/b.md)'
    """

    def absolute(found: re.Match[str]) -> str:
        kind = "raw" if found[1].startswith("!") else "blob"
        return f"{found[1]}({address}/{kind}/{tag}/{found[2]})"

    return _LINK.sub(absolute, text).replace("<this repository>", address)


def published_project(text: str, address: str, tag: str) -> str:
    """pyproject.toml with the links that a package index shows. ValueError where it has some."""
    if "[project.urls]" in text:
        raise ValueError("pyproject.toml has [project.urls] already: nothing is to be added")
    links = {
        "Source": address,
        "Documentation": f"{address}/blob/{tag}/docs/index.md",
        "Changelog": f"{address}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{address}/issues",
    }
    lines = "".join(f'{name} = "{link}"\n' for name, link in links.items())
    return text.replace("[project.scripts]", f"[project.urls]\n{lines}\n[project.scripts]", 1)


def main() -> None:
    """Write both files anew."""
    if len(sys.argv) != 3 or not _NAMED.fullmatch(sys.argv[1]):
        sys.exit("expected: python -m release.address https://HOST/OWNER/NAME vX.Y.Z")
    for name, published in (
        ("README.md", published_readme),
        ("pyproject.toml", published_project),
    ):
        path = ROOT / name
        path.write_text(published(path.read_text("utf-8"), *sys.argv[1:]), "utf-8")


if __name__ == "__main__":
    main()
