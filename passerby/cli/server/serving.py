"""The ``passerby serve`` command: galleries over HTTP and in a browser."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import UseAppendAction, arg

from passerby.cli.options import MovedModel, Number
from passerby.cli.server.keys import State
from passerby.extras import lacking


def serve(
    *,
    gallery: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="[NAME=]GALLERY")],
    gallery_model: MovedModel,
    host: Annotated[str, arg(metavar="ADDRESS")] = "127.0.0.1",
    port: Number = 8765,
    workers: Number = 1,
    keys: bool = False,
    behind_proxy: bool = False,
    detector: Annotated[str, arg(metavar="FILE")] = "",
    state: State = None,
) -> None:
    """Serve galleries over HTTP, with a page for a browser, until stopped.

    Args:
        gallery: what is served, under the last part of its place unless named (repeatable).
        host: to listen at; any but this machine's own needs keys, or --behind-proxy.
        port: to listen at; 0: a free one.
        workers: processes.
        keys: ask for a key on this machine as well (passerby serve keys add NAME).
        behind_proxy: a proxy decides who may ask, where there are no keys; nobody else reaches the
            port.
        detector: file of a detector of persons, to click them in whole frames.
    """
    from passerby.serve.settings import Settings, named_places

    try:
        from passerby.serve.running import run
    except ImportError as error:
        raise lacking("passerby serve", error.name or "FastAPI", "serve", error) from None

    run(
        Settings(
            named_places(gallery),
            model=gallery_model.model,
            device=gallery_model.device,
            runtime=gallery_model.runtime,
            detector=detector,
            state=state or "",
            host=host,
            port=port,
            workers=workers,
            behind_proxy=behind_proxy,
            keys=keys,
        )
    )
