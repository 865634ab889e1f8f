"""The filter that many routes take, as query parameters."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime

from passerby.tables.filters import Where

Names = Annotated[list[str], Query(max_length=1000)]


def where_of(
    *,
    person: Annotated[Names, Query(description="of one of these persons")] = [],  # noqa: B006
    camera: Annotated[Names, Query(description="by one of these cameras")] = [],  # noqa: B006
    not_camera: Annotated[Names, Query(description="by none of these cameras")] = [],  # noqa: B006
    source: Annotated[Names, Query(description="of one of these sources")] = [],  # noqa: B006
    sighting: Annotated[Names, Query(description="one of these ids")] = [],  # noqa: B006
    known: Annotated[bool | None, Query(description="whether the person is known")] = None,
    since: Annotated[AwareDatetime | None, Query(description="seen from then on")] = None,
    until: Annotated[AwareDatetime | None, Query(description="seen before then")] = None,
    min_quality: Annotated[float | None, Query(ge=0, le=1)] = None,
) -> Where:
    """The sightings that satisfy all conditions given."""
    both = {*camera} & {*not_camera}
    if both:
        raise ValueError(f"camera and not_camera both name {', '.join(sorted(both))}")
    return Where(
        ids=tuple(sighting),
        persons=tuple(person),
        cameras=tuple(camera),
        not_cameras=tuple(not_camera),
        sources=tuple(source),
        since=since,
        until=until,
        known=known,
        min_quality=min_quality,
    )


Filter = Annotated[Where, Depends(where_of)]
Overlapping = Annotated[
    list[str], Query(max_length=1000, description="two cameras that see one place, as A,B")
]


def pairs_of(overlapping: list[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of cameras. Raises ValueError for what is not two names with a comma between."""
    found = [tuple(text.split(",")) for text in overlapping]
    if any(len(pair) != 2 or not all(pair) for pair in found):
        raise ValueError("overlapping is of two cameras, as overlapping=A,B")
    return tuple((pair[0], pair[1]) for pair in found)
