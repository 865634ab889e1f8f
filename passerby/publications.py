"""What systems of the literature are said to reach: one row a recipe file, with its sources."""

from __future__ import annotations

from dataclasses import dataclass

from passerby.registry import RECIPES


@dataclass(frozen=True)
class Score:
    """Rank-1 and mAP in percent on a data set, single query, not re-ranked; source: where from."""

    data: str
    rank1: float
    mean_average_precision: float
    source: str


@dataclass(frozen=True)
class Publication:
    """A row of the table of systems.

    recipe: the call that builds it; paper: authors and year; link: to it, or empty; scores: of a
    data set, first the one that the table shows (the original's), then others that are quoted;
    note: what to know of them.
    """

    system: str
    paper: str
    link: str
    recipe: str
    scores: tuple[Score, ...]
    note: str = ""


_published: list[Publication] = []


def publish(publication: Publication) -> Publication:
    """Enter a row; called where a recipe file is imported. Raises ValueError for a second one."""
    if publication.system in {known.system for known in _published}:
        raise ValueError(f"two publications are named {publication.system!r}")
    _published.append(publication)
    return publication


def publications() -> tuple[Publication, ...]:
    """All rows, by the names of the systems."""
    RECIPES.names()  # imports the recipe files
    return tuple(sorted(_published, key=lambda known: known.system.lower()))


def expected(publication: Publication, data: str) -> str:
    """The line of a recipe's origins that says what to expect on a data set, and who says so.

    Raises ValueError for a data set without a published figure.
    """
    for score in publication.scores:
        if score.data == data:
            figures = f"rank-1 {score.rank1:g}, mAP {score.mean_average_precision:g}"
            return f"expected on {data}, {figures}: {score.source}"
    known = ", ".join(dict.fromkeys(score.data for score in publication.scores))
    raise ValueError(f"nothing is published of {publication.system} on {data!r} (data: {known})")
