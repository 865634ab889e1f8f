"""The ``passerby mcp`` command: a gallery as read-only tools of the Model Context Protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from passerby.cli.options import MovedModel
from passerby.extras import lacking


def mcp(
    *,
    gallery: Annotated[str, arg(metavar="GALLERY")],
    gallery_model: MovedModel,
    pictures: Annotated[str | None, arg(metavar="FOLDER")] = None,
) -> None:
    """Let an assistant ask a gallery, over standard input and output; it can change nothing.

    Args:
        gallery: that is asked.
        pictures: folder of the files that it may ask with (default: none, bytes alone).
    """
    try:
        from passerby.assistants.server import server_of
    except ImportError as error:
        raise lacking("passerby mcp", "mcp", "mcp", error) from None
    from passerby.assistants.tools import Tools

    folder = None if pictures is None else Path(pictures)
    with gallery_model.open(gallery) as opened:
        if folder is not None and not folder.is_dir():
            raise ValueError(f"{pictures}: there is no such folder of pictures")
        server_of(Tools(opened, folder)).run("stdio")
