"""An environment with the wheel of Passerby and nothing but what it brings along.

The wheel is built and installed. What it needs is not installed again (PyTorch alone is
gigabytes) but linked from where the tests run: package by package, those that the metadata name
and no other, so that what is not among them cannot be imported there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from release.dependencies import ROOT

OF_THE_PACKAGE = ("pyproject.toml", "README.md", "LICENSE", "passerby")


def ended_well(command: Sequence[str | Path], **options: object) -> str:
    """What a command prints; it ends well, or the test fails with all that it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(folder: Path) -> tuple[Path, Path]:
    """The sdist and the wheel that is made of it, from a copy of what they are made of."""
    source, out = folder / "source", folder / "dist"
    source.mkdir()
    for name in OF_THE_PACKAGE:
        if (ROOT / name).is_dir():
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=leave)
        else:
            shutil.copy(ROOT / name, source / name)
    ended_well([sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source])
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


@dataclass(frozen=True)
class Environment:
    """folder: of a virtual environment; linked: a folder of further packages, None for none."""

    folder: Path
    linked: Path | None = None

    @property
    def python(self) -> Path:
        return self._script("python")

    @property
    def packages(self) -> Path:
        return next(self.folder.rglob("site-packages"))

    def run(self, *words: object, home: Path) -> subprocess.CompletedProcess[str]:
        """``passerby WORDS`` in its own folder; nothing of this process's paths counts."""
        return self._run([self._script("passerby"), *map(str, words)], home)

    def runs(self, code: str, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """A program of Python there."""
        return self._run([self.python, "-c", code, *words], home)

    def _run(self, command: Sequence[str | Path], home: Path) -> subprocess.CompletedProcess[str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        own |= {"PYTHONPATH": str(self.linked)} if self.linked else {}
        own["PASSERBY_CACHE"] = str(home / "cache")
        return subprocess.run(
            command, cwd=home, env=own, capture_output=True, text=True, check=False
        )

    def _script(self, name: str) -> Path:
        windows = os.name == "nt"
        return self.folder / ("Scripts" if windows else "bin") / (name + ".exe" * windows)


def installed(wheel: Path, folder: Path, needed: Iterable[Distribution]) -> Environment:
    """A new environment with a wheel and links to what it needs, without pip."""
    ended_well([sys.executable, "-m", "venv", "--without-pip", folder])
    made = Environment(folder)
    install = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", wheel]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", made.python]
    ended_well([*pip, *install])
    link(needed, made.packages)
    return made


def link(distributions: Iterable[Distribution], folder: Path) -> Path:
    """Link packages and their metadata into a folder, where they are not yet.

    Of folders that several packages fill, such as ``nvidia``, what is in them is linked.
    """
    folder.mkdir(exist_ok=True)
    for distribution in distributions:
        for file in distribution.files or ():
            home = Path(str(distribution.locate_file("")))
            top, *_ = file.parts
            own = top.endswith(".dist-info") or (home / top / "__init__.py").exists()
            entry = Path(*file.parts[: 1 if own else 2])
            if top in ("..", "__pycache__") or (folder / entry).is_symlink():
                continue
            (folder / entry).parent.mkdir(exist_ok=True)
            (folder / entry).symlink_to(home / entry)
    return folder
