"""``passerby gallery forget`` and ``opt-out``: a person goes on request, and does not come back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from passerby.cli.accountability.cases import By, Like, Reason
from passerby.cli.options import File, Filter, Json, MovedModel, Names, Place, Share, confirm
from passerby.process.reporting import answer, say
from passerby.process.spelling import count_of
from passerby.process.whole_files import require_folder_of

if TYPE_CHECKING:
    from passerby.gallery.forgetting.certificate import Certificate
    from passerby.gallery.forgetting.found import Found
    from passerby.gallery.gallery import Gallery

Rate = Annotated[
    float,
    arg(metavar="0...0.5", help="share of other persons' sightings that may be refused with them."),
]


def forget(
    place: Place,
    /,
    *,
    filter: Filter,
    gallery_model: MovedModel,
    like: Like = (),
    by: By = "",
    reason: Reason = "",
    least_ratio: Annotated[float | None, arg(metavar="RATIO")] = None,
    most_fmr: Share = 1e-3,
    link: bool = True,
    also: Annotated[Names, arg(metavar="ID")] = (),
    without: Annotated[Names, arg(name="not", metavar="ID")] = (),
    keep_alert: Names = (),
    opt_out: bool = False,
    opt_out_rate: Rate = 1e-3,
    out: File = None,
    certificate: File = None,
    files: File = None,
    dry_run: bool = False,
    yes: bool = False,
    expect: Annotated[int | None, arg(metavar="N")] = None,
    json: Json = False,
) -> None:
    """Forget a person: find by pictures (--like) or name (--person), look, confirm, certificate.

    Args:
        least_ratio: passages with a likelihood ratio above this are taken (default: where it is
            likelier than not, a person being seen in four passages).
        most_fmr: where no calibration holds, passages up to this false-match rate are.
        link: take also who is linked with them by appearance.
        also: take this doubtful passage too: id of a sighting of it, or its beginning (repeatable).
        without: leave this passage out, by the same (repeatable).
        keep_alert: do not remove this alert, though it seems to watch for the person (repeatable).
        opt_out: do not enrol the person again (passerby gallery opt-out list).
        out: write the contact sheet of what was found to this file (.html).
        certificate: write it to this file, as JSON, or as a page (.html).
        files: list the image files that still lie where they were enrolled, one a line.
        dry_run: find and show only.
        yes: do not ask; needs --expect.
        expect: remove only if it is exactly so many sightings, as were looked at before.
    """
    from passerby.gallery.forgetting.finding import Question, find
    from passerby.gallery.forgetting.forgetting import Request
    from passerby.gallery.forgetting.forgetting import forget as forget_sightings
    from passerby.gallery.forgetting.found import reviewed
    from passerby.stores.opening import shown

    if len(filter.person) > 1:
        raise ValueError("expected one person by name (--person): one request is of one person")
    if yes and expect is None and not dry_run:
        raise ValueError(
            "--yes needs --expect N, the number of sightings that were looked at (--dry-run "
            "shows them): else a script might remove more than anybody saw"
        )
    require_folder_of(out, certificate, files)
    person = filter.person[0] if filter.person else ""
    where = filter.where_without_person()
    question = Question(tuple(like), person, where, least_ratio, most_fmr, link)
    with gallery_model.open(place) as gallery:
        found = reviewed(find(gallery, question), also=also, without=without)
        if out is not None:
            _write_sheet(gallery, found, out)
        answer(found.to_json() if json else found)
        if dry_run:
            return
        alerts = tuple(one.name for one in found.alerts if one.name not in keep_alert)
        request = Request(by, reason, alerts, opt_out, opt_out_rate, shown(place))
        _confirm(found, alerts, yes, expect)
        spared = [one for each in found.passages if not each.chosen for one in each.sightings]
        done = forget_sightings(gallery, found.ids, request, question, spared)
    if certificate is not None:
        _write_certificate(done.certificate, certificate)
    if files is not None:
        Path(files).write_text("".join(f"{file}\n" for file in done.files), "utf-8")
    say(done.certificate)


def opt_out_list(place: Place, /, *, json: Json = False) -> None:
    """Show who is not enrolled again: entries and what they cost; no names, as none are kept."""
    from passerby.gallery.forgetting.opting_out import entries_text, opt_outs
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        entries = opt_outs(gallery.store)
    answer(entries_text(entries, as_json=json))


def opt_out_add(
    place: Place,
    images: Positional[Annotated[tuple[str, ...], arg(metavar="IMAGE...")]],
    /,
    *,
    gallery_model: MovedModel,
    rate: Rate = 1e-3,
) -> None:
    """Do not enrol the person in these images, as after reembed; removes nothing.

    Args:
        images: of one person; one vector is kept of them.
    """
    from passerby.gallery.forgetting.opting_out import opt_out_images

    with gallery_model.open(place) as gallery:
        made = opt_out_images(gallery, images, rate)
    say(f"on the opt-out list: {made.id} ({made.basis})")


def opt_out_remove(
    place: Place, entry: Positional[Annotated[str, arg(metavar="ENTRY")]], /, *, yes: bool = False
) -> None:
    """Let a person be enrolled again: their entry goes, and its vector with it.

    Args:
        entry: its id, or the beginning of it, as passerby gallery opt-out list shows.
        yes: do not ask.
    """
    from passerby.gallery.forgetting.opting_out import withdraw
    from passerby.gallery.gallery import Gallery

    if not yes:
        confirm(
            f"take {entry} off the opt-out list?",
            "the person would be enrolled again: confirm with --yes",
        )
    with Gallery.open(place) as gallery:
        gone = withdraw(gallery.store, entry)
    say(f"withdrawn: {gone.id}; it had refused {count_of(gone.refused, 'sighting')}")


def verify_certificate(
    file: Positional[Annotated[str, arg(metavar="CERTIFICATE.json")]], /
) -> None:
    """Say whether a certificate of a removal is as it was made."""
    from passerby.gallery.forgetting.certificate import is_unchanged

    if not is_unchanged(Path(file).read_bytes()):
        raise ValueError(f"{file} is not as it was made: its SHA-256 is another")
    say("the certificate is as its SHA-256 says; that nobody made another shows in this number")


def _confirm(found: Found, alerts: tuple[str, ...], yes: bool, expect: int | None) -> None:
    count = len(found.ids)
    if not count:
        raise ValueError("nothing was chosen: nothing is removed")
    if expect is not None and count != expect:
        raise ValueError(
            f"{count_of(expect, 'sighting was', 'sightings were')} expected and {count} were "
            "found: look again (--dry-run); nothing was removed"
        )
    if not yes:
        beside = f" and the alerts {', '.join(alerts)}" if alerts else ""
        confirm(
            f"remove {count_of(count, 'sighting')}{beside} for good?",
            f"{count_of(count, 'sighting')} would be removed for good: confirm with --yes "
            f"--expect {count}",
        )


def _write_sheet(gallery: Gallery, found: Found, out: str) -> None:
    from passerby.visual.forgetting.contact_sheet import write_contact_sheet

    shown = [passage.shown for passage in found.passages]
    write_contact_sheet(found, out, gallery.thumbnails(shown), gallery.strips(shown))


def _write_certificate(certificate: Certificate, file: str) -> None:
    from passerby.process.whole_files import write_whole
    from passerby.visual.forgetting.certificate_page import certificate_page

    page = Path(file).suffix.lower() in (".html", ".htm")
    write_whole(Path(file), certificate_page(certificate) if page else certificate.to_json())
