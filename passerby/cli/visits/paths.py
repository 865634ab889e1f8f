"""``passerby gallery path`` and ``transits``: which way persons went, and how long they take."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import UseAppendAction, arg

from passerby.cli.options import File, Filter, Json, MovedModel, Names, Place
from passerby.process.reporting import answer
from passerby.process.whole_files import require_folder_of

_MOST = 200  # passages that a search by image brings

Overlapping = Annotated[UseAppendAction[tuple[tuple[str, str], ...]], arg(metavar="CAMERA CAMERA")]


def path(
    place: Place,
    /,
    *,
    filter: Filter,
    gallery_model: MovedModel,
    like: Annotated[Names, arg(metavar="IMAGE")] = (),
    least_ratio: Annotated[float | None, arg(metavar="RATIO")] = None,
    transits: bool = True,
    overlapping: Overlapping = (),
    json: Json = False,
    csv: bool = False,
    out: File = None,
) -> None:
    """Say which way a person went: passages over the cameras in order, and which cannot be.

    The person is named (--person) or shown (--like).

    Args:
        like: an image of the person (repeatable: several are pooled), in place of a name.
        least_ratio: with --like, passages with a likelihood ratio above this (default: as linking).
        transits: learn how fast others went from camera to camera, to tell what is too fast.
        overlapping: two cameras that see one place, where a person may be at one time.
        csv: a row for each passage, as CSV.
        out: write a page (HTML) with lanes and a picture of each passage to this file.
    """
    from passerby.visual.visits.path_page import write_path_page

    if bool(filter.person) == bool(like) or len(filter.person) > 1:
        raise ValueError("expected one person by name (--person), or images of one (--like)")
    if json and csv:
        raise ValueError("--json and --csv contradict each other: name one")
    require_folder_of(out)
    with gallery_model.open(place) as gallery:
        found = gallery.path(
            filter.where(), like, least_ratio=least_ratio, transits=transits,
            overlapping=overlapping, most=_MOST,
        )  # fmt: skip
        if out is not None:
            shown = [stay.sighting for stay in found.stays]
            write_path_page(found, out, gallery.thumbnails(shown))
    if csv:
        answer(found.to_csv().rstrip("\n"))
    else:
        answer(found.to_json() if json else found)


def transits(
    place: Place, /, *, filter: Filter, overlapping: Overlapping = (), json: Json = False
) -> None:
    """Say how long persons take from camera to camera, as those who can be linked show.

    Args:
        overlapping: two cameras that see one place, where a person may be at one time.
    """
    from passerby.gallery.gallery import Gallery
    from passerby.gallery.link.rules import Rules

    with Gallery.open(place) as gallery:
        learnt = gallery.transits(filter.where(), Rules(overlapping=overlapping))
    answer(learnt.to_json() if json else learnt)
