"""The tools as a server of the Model Context Protocol, over standard input and output.

Nothing here changes or deletes anything: there is no tool that could (mcp 2.3, extra ``[mcp]``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from threading import Lock
from typing import Annotated, Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from passerby.assistants.tools import MOST_PASSAGES, Filter, Tools
from passerby.version import __version__

_INSTRUCTIONS = (
    "Search a gallery of sightings of persons by cameras. Everything is read only. The data are "
    "biometric: ask for what the task needs. Give likelihood ratios with their limits, and never "
    "say that somebody was identified."
)

Path = Annotated[str, Field(description="file of a picture, in the folder that may be read")]
Base64 = Annotated[str, Field(description="a picture's bytes (JPEG, PNG, ...) in base 64")]
Camera = Annotated[str, Field(description="by this camera only")]
Person = Annotated[str, Field(description="name of a person in the gallery")]
Time = Annotated[str, Field(description="ISO 8601 with a zone: 2026-05-01T08:30:00+02:00")]
Most = Annotated[int, Field(ge=1, le=MOST_PASSAGES)]


def server_of(tools: Tools) -> MCPServer:
    """A server with the tools."""
    lock = Lock()

    def answered(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        # Standard output is the protocol's: what the package says goes elsewhere.
        with lock, redirect_stdout(sys.stderr):
            try:
                return work()
            except ValueError as error:
                raise ToolError(str(error)) from None

    made = MCPServer(
        "passerby", instructions=_INSTRUCTIONS, version=__version__, log_level="WARNING"
    )
    reads = ToolAnnotations(
        read_only_hint=True,
        destructive_hint=False,
        idempotent_hint=True,
        open_world_hint=False,
    )

    @made.tool(annotations=reads)
    def overview() -> dict[str, Any]:
        """What the gallery holds: sightings by camera, day and person; whether it is calibrated."""
        return answered(tools.overview)

    @made.tool(annotations=reads)
    def search(
        *,
        picture: Path = "",
        picture_base64: Base64 = "",
        sighting: Annotated[str, Field(description="id of a sighting, in place of a picture")] = "",
        most: Most = 10,
        camera: Camera = "",
        person: Person = "",
        since: Time = "",
        until: Time = "",
        known: bool | None = None,
    ) -> dict[str, Any]:
        """Passages of the persons likest to a picture or a sighting, with likelihood ratios."""
        chosen = Filter(camera, person, since, until, known)
        return answered(lambda: tools.search(picture, picture_base64, sighting, most, chosen))

    @made.tool(annotations=reads)
    def passages(
        *,
        camera: Camera = "",
        person: Person = "",
        since: Time = "",
        until: Time = "",
        most: Most = 50,
        skip: Annotated[int, Field(ge=0)] = 0,
    ) -> dict[str, Any]:
        """Who passed by: passages in the order of time, with camera, from and to."""
        chosen = Filter(camera, person, since, until)
        return answered(lambda: tools.passages(chosen, most, skip))

    @made.tool(annotations=reads)
    def visitors(
        *,
        since: Time = "",
        until: Time = "",
        camera: Camera = "",
        by: Literal["", "hour", "day", "camera"] = "",
    ) -> dict[str, Any]:
        """How many different persons were seen, with intervals; by hour, day or camera."""
        chosen = Filter(camera, "", since, until)
        return answered(lambda: tools.visitors(chosen, by))

    @made.tool(annotations=reads)
    def path(
        *,
        person: Person = "",
        picture: Path = "",
        picture_base64: Base64 = "",
        since: Time = "",
        until: Time = "",
    ) -> dict[str, Any]:
        """Which way a person went over the cameras, and which passages cannot be theirs."""
        chosen = Filter("", "", since, until)
        return answered(lambda: tools.path(person, picture, picture_base64, chosen))

    return made
