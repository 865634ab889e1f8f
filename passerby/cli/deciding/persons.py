"""The ``passerby gallery person`` commands: who is known, and saying who is who."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from passerby.cli.options import Filter, Json, Place
from passerby.process.reporting import answer, say

if TYPE_CHECKING:
    from passerby.gallery.ledger.events import Event

Person = Positional[Annotated[str, arg(metavar="PERSON", help="by name.")]]
Sightings = Positional[
    Annotated[tuple[str, ...], arg(metavar="SIGHTING...", help="ids, as search shows them.")]
]
By = Annotated[str, arg(metavar="TEXT", help="who decides (default: the login name).")]


def list_persons(place: Place, /, *, filter: Filter, json: Json = False, csv: bool = False) -> None:
    """List who is known by name: sightings, cameras, from and to.

    Args:
        csv: a row a person, as CSV.
    """
    from passerby.gallery.gallery import Gallery
    from passerby.gallery.ledger.persons import known_csv, known_json, known_text, persons

    if json and csv:
        raise ValueError("--json and --csv contradict each other: name one")
    with Gallery.open(place) as gallery:
        found = persons(gallery.store, filter.where())
    text = known_json if json else known_csv if csv else known_text
    answer(text(found).rstrip("\n"))


def name(place: Place, person: Person, sightings: Sightings, /, *, by: By = "") -> None:
    """Say that sightings are of a person, known before or not."""
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        said(gallery.ledger.name(sightings, person, by=by or login()))


def rename(
    place: Place,
    person: Person,
    new: Positional[Annotated[str, arg(metavar="NEW", help="name that nobody has.")]],
    /,
    *,
    by: By = "",
) -> None:
    """Give a person another name."""
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        said(gallery.ledger.rename(person, new, by=by or login()))


def merge(
    place: Place,
    persons: Positional[Annotated[tuple[str, ...], arg(metavar="PERSON...", help="by name.")]],
    /,
    *,
    into: Annotated[str, arg(metavar="NAME")] = "",
    by: By = "",
) -> None:
    """Say that persons are one.

    Args:
        into: the name that all have since (default: the first).
    """
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        said(gallery.ledger.merge(persons, into, by=by or login()))


def split(
    place: Place,
    sightings: Sightings,
    /,
    *,
    person: Annotated[str, arg(metavar="NAME")] = "",
    by: By = "",
) -> None:
    """Say that sightings are not of the person whose name they bear.

    Args:
        person: whose they are (default: not known).
    """
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        said(gallery.ledger.split(sightings, person, by=by or login()))


def apart(
    place: Place,
    one: Person,
    other: Positional[Annotated[str, arg(metavar="OTHER", help="by name.")]],
    /,
    *,
    by: By = "",
) -> None:
    """Say that two persons are two: never linked, never asked about again."""
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        said(gallery.ledger.tell_apart(one, other, by=by or login()))


def not_a_person(
    place: Place,
    sightings: Sightings = (),
    /,
    *,
    person: Annotated[str, arg(metavar="NAME")] = "",
    by: By = "",
) -> None:
    """Say that sightings show no person: searches, links, counts, alerts and questions leave them
    out.

    Args:
        person: all sightings of this name, in place of some by id.
    """
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        said(gallery.ledger.not_a_person(sightings, person, by=by or login()))


def said(event: Event) -> None:
    """What was decided, and how it is undone."""
    say(f"{event.number}: {event.said}")
    if event.in_force:
        say(f"to undo it: passerby gallery decisions GALLERY --undo {event.number}")


def login() -> str:
    """The name that the user is logged in by, "" where there is none."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # of a user without a name, as in a container
        return ""
