"""``passerby gallery visitors``: how many different persons were seen."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import UseAppendAction, arg

from passerby.cli.options import File, Filter, Json, Names, Place, Zone
from passerby.process.reporting import answer
from passerby.process.whole_files import require_folder_of

if TYPE_CHECKING:
    pass


def visitors(
    place: Place,
    /,
    *,
    filter: Filter,
    day: Annotated[str | None, arg(metavar="DATE")] = None,
    zone: Zone = None,
    by: Literal["hour", "day", "camera"] | None = None,
    without: Names = (),
    back: Annotated[str | None, arg(metavar="PERIOD")] = None,
    tolerance: Annotated[float, arg(metavar="SECONDS")] = 1.0,
    gap: Annotated[float, arg(metavar="SECONDS")] = 60.0,
    overlapping: Annotated[
        UseAppendAction[tuple[tuple[str, str], ...]], arg(metavar="CAMERA CAMERA")
    ] = (),
    seed: Annotated[int, arg(metavar="N")] = 0,
    json: Json = False,
    csv: bool = False,
    out: File = None,
) -> None:
    """Say how many different persons were seen, with a 95 % interval; the gallery must be
    calibrated.

    Args:
        day: this day alone, as 2026-05-01.
        zone: of days and hours, as in Europe/Berlin (default: UTC).
        by: count each hour, day or camera as well, with who is new there and who was seen before.
        without: this person does not count, as for staff: what is like their known sightings.
        back: look so far back (12h, 30d, 8w) for who was here before, and is returning.
        tolerance: seconds that a person needs from one camera to another at least.
        gap: seconds without a sighting that end a tracklet (trackers give their numbers again).
        overlapping: two cameras that see one place, where a person may be at one time.
        seed: of the sampling.
        csv: a row for each part, as CSV.
        out: write a page (HTML) with a chart to this file.
    """
    from passerby.data.reading.cells import zone_named
    from passerby.gallery.gallery import Gallery
    from passerby.gallery.link.rules import Rules
    from passerby.gallery.upkeep.removal import period
    from passerby.gallery.visitors.counting import Sampling
    from passerby.gallery.visitors.parts import Question, on_day
    from passerby.visual.visits.visitors_page import write_visitors_page

    if json and csv:
        raise ValueError("--json and --csv contradict each other: name one")
    require_folder_of(out)
    local = UTC if zone is None else zone_named(zone)
    where = filter.where() if day is None else on_day(filter.where(), day, local)
    question = Question(where, by, local, without, None if back is None else period(back))
    rules = Rules(tolerance=tolerance, gap=gap, overlapping=overlapping)
    with Gallery.open(place) as gallery:
        counted = gallery.visitors(question, rules, Sampling(seed=seed))
    if out is not None:
        write_visitors_page(counted, out)
    if csv:
        answer(counted.to_csv().rstrip("\n"))
    else:
        answer(counted.to_json() if json else counted)
