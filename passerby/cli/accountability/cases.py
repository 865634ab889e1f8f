"""``passerby gallery export-case`` and ``verify-case``: evidence that others can check."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from typing import Annotated

from tyro.conf import Positional, arg

from passerby.cli.options import Filter, Json, MovedModel, Names, Place, Share
from passerby.process.plain_json import as_json
from passerby.process.reporting import answer, say
from passerby.process.spelling import count_of
from passerby.process.whole_files import require_folder_of

By = Annotated[str, arg(metavar="TEXT", help="who asks.")]
Reason = Annotated[str, arg(metavar="TEXT", help="why it is asked.")]
Like = Annotated[
    Names,
    arg(metavar="IMAGE", help="an image of the person (repeatable: several are of one person)."),
]


def export_case(
    place: Place,
    out: Positional[Annotated[str, arg(metavar="OUT.zip", help="file to write.")]],
    /,
    *,
    filter: Filter,
    gallery_model: MovedModel,
    by: By,
    reason: Reason,
    like: Like = (),
    k: Annotated[int, arg(aliases=("-k",), metavar="N")] = 10,
    query_camera: Annotated[str, arg(metavar="NAME")] = "",
    elsewhere: bool = False,
    exact: bool = True,
    prior_absent: Share = 0.5,
    fpir: Share = 0.01,
) -> None:
    """Write evidence into one zip: report, pictures, times, likelihood ratios, who asked and why.

    Of a search (--like), or of a named person's passages (--person without --like).

    Args:
        k: passages of a search.
        query_camera: camera that took the images; decides which calibration holds.
        elsewhere: no camera of the gallery took the images.
        exact: compare all sightings, without an index.
        prior_absent: probability, before the search, that the person is not among these.
        fpir: share of the searches for such persons that may be answered with somebody.
    """
    from passerby.gallery.case.case import Asked, case_of_images, case_of_person
    from passerby.gallery.search.options import SearchOptions
    from passerby.visual.case.case_page import write_case_file

    if not like and len(filter.person) != 1:
        raise ValueError("expected images of the person (--like), or one by name (--person)")
    require_folder_of(out)
    where = filter.where()
    asked = Asked(by, reason, command_said(sys.argv))
    with gallery_model.open(place) as gallery:
        if like:
            options = SearchOptions(
                k, where, exact, False, prior_absent, fpir, True, query_camera, elsewhere
            )
            case = case_of_images(gallery, like, options, asked)
        else:
            case = case_of_person(gallery, filter.person[0], asked, where)
    written = write_case_file(case, out)
    for note in case.notes:
        say(f"note: {note}")
    say(
        f"{out}: {count_of(len(case.exhibits), 'passage')}, "
        f"{count_of(len(case.pictures), 'picture')}; {written}"
    )


def verify_case(
    file: Positional[Annotated[str, arg(metavar="CASE.zip", help="that export-case wrote.")]],
    /,
    *,
    json: Json = False,
) -> None:
    """Say whether the file of a case is as it was written, and what differs."""
    from passerby.gallery.case.verifying import verify_case as verified

    found = verified(file)
    answer(as_json(found, whole=found.whole) if json else found)
    if not found.whole:
        raise ValueError(f"{count_of(len(found.problems), 'file differs', 'files differ')}")


def command_said(words: Sequence[str]) -> str:
    """A command as it was called, without the folders of this machine and what addresses hide.

    >>> command_said(["/opt/x/passerby", "gallery", "dump", "/srv/x/lobby", "--out=/srv/x/a.zip"])
    'passerby gallery dump lobby --out=a.zip'
    """
    from passerby.gallery.case.folders import last_part, without_folders
    from passerby.stores.opening import shown

    plain = []
    for word in words:
        name, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if "://" in value:
            text = shown(value)
        else:
            text = last_part(value) if os.path.exists(value) else without_folders(value)
        plain.append(f"{name}{equals}{text}")
    return shlex.join(["passerby", *plain[1:]])
