"""Commands about models that others made, and about what recipes may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from passerby.cli.options import File, Folder, Settings
from passerby.process.reporting import say
from passerby.registry import KINDS

if TYPE_CHECKING:
    Kind = str
else:
    Kind = Literal[tuple(KINDS)]


def pull(
    name: Positional[Annotated[str | None, arg(metavar="NAME")]] = None,
    /,
    *,
    sha256: Annotated[str, arg(metavar="HASH")] = "",
    out: File = None,
    limit: Annotated[float, arg(metavar="GIGABYTES")] = 2.0,
) -> None:
    """Fetch published weights into a cache, checked and resumed; without NAME list what is known.

    Args:
        name: of published weights, a URL (https), or hub:OWNER/REPOSITORY[@REVISION]/FILE.
        sha256: of the file, as its publisher states it.
        out: file to write in place of the cache.
        limit: gigabytes that are taken at most.
    """
    from passerby.weights.pull import published_listing, pull

    if name is None:
        say(published_listing())
    elif not 1e-9 <= limit <= 1e5:
        raise ValueError(f"--limit is in gigabytes, up to 100,000, got {limit:g}")
    else:
        say(pull(name, sha256, out, limit=int(limit * 1e9)))


def convert(
    file: Positional[Annotated[str, arg(metavar="FILE")]],
    /,
    *,
    out: Folder,
    source: Annotated[str, arg(name="from", metavar="FAMILY")] = "auto",
    architecture: Annotated[str | None, arg(metavar="NAME")] = None,
    set: Settings = (),
) -> None:
    """Turn published weights (.pth, .safetensors, .onnx) into a MODEL; no code in them is run.

    Args:
        file: of torchreid, FastReID, timm, torchvision or the bag-of-tricks baseline.
        out: folder of the model.
        source: whose names the file has (see passerby list families), or auto.
        architecture: as the family calls it; timm needs it.
        set: what weights do not tell, as in input.height=384.
    """
    from passerby.models.convert import convert_weights

    say(convert_weights(file, out, source, architecture, set))


def list_components(kind: Positional[Kind], /) -> None:
    """List what can be named in recipes and commands, with options and their defaults.

    Args:
        kind: which components.
    """
    from passerby.registry import listing

    if kind == "systems":
        from passerby.cli.systems_table import systems_listing

        say(systems_listing())
    else:
        say(listing(kind))
