"""The ``passerby gallery`` commands: add, search, link, remove, and keep in order."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from passerby.cli.options import (
    Embedding,
    File,
    FileNames,
    Filter,
    Inputs,
    Json,
    Labels,
    Model,
    MovedModel,
    Number,
    OptionalData,
    Part,
    Place,
    Reviewing,
    Share,
    Zone,
    confirm,
)
from passerby.process.plain_json import as_json
from passerby.process.reporting import answer, say
from passerby.process.spelling import count_of
from passerby.process.whole_files import require_folder_of

NewPlace = Annotated[
    str,
    arg(
        metavar="GALLERY",
        help="folder to make, milvus://HOST:PORT/COLLECTION or "
        "postgres://HOST:PORT/DATABASE/GALLERY.",
    ),
]


def create(
    place: Positional[NewPlace], /, *, model: Model = "default", embedding: Embedding
) -> None:
    """Make an empty gallery for the embeddings of one model, with the calibration beside it."""
    from passerby.gallery.gallery import Gallery
    from passerby.stores.opening import shown

    Gallery.create(place, embedding.load(model)).close()
    say(f"made: {shown(place)}; fill it: passerby gallery add ... IMAGES...")


def add(
    place: Place,
    inputs: Inputs,
    /,
    *,
    labels: Labels,
    gallery_model: MovedModel,
    zone: Zone = None,
    names: FileNames = "auto",
    part: Part = "all",
    keep_thumbnails: bool = False,
    replace: bool = False,
    alerts: bool = False,
    report: File = None,
) -> None:
    """Add images or saved embeddings; what is there already is not embedded again.

    Interrupted, it goes on from where it stopped when called again.

    Args:
        inputs: what to add; of a folder all images below it.
        part: of a data set.
        keep_thumbnails: store a small JPEG of each image (else only its path).
        replace: let new sightings take the place of those of the same content.
        alerts: hold what is added against the gallery's alerts, as passerby watch does.
        report: write a CSV of the images that cannot be read.
    """
    from passerby.data.images import write_unreadable
    from passerby.gallery.alerts.adding import alerts_on_added

    require_folder_of(report)
    said = labels.of(zone, names, part)
    with gallery_model.open(place) as gallery:
        held = alerts_on_added(gallery.store, place) if alerts else nullcontext()
        with held:
            enrolled = gallery.add(inputs, said, keep_thumbnails=keep_thumbnails, replace=replace)
        if enrolled.added and gallery.about.alerts and not alerts:
            say("note: what was added was not held against the gallery's alerts (--alerts does)")
    for note in enrolled.notes:
        say(f"note: {note}")
    if report is not None:
        write_unreadable(Path(report), enrolled.set_aside)
    say(enrolled)


def show(place: Place, /, *, json: Json = False) -> None:
    """Say what a gallery holds: by camera, day and person; model, size, index."""
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        summary = gallery.show()
    answer(summary.to_json() if json else summary.to_text())


def remove(
    place: Place,
    /,
    *,
    filter: Filter,
    keep: Annotated[str | None, arg(metavar="PERIOD")] = None,
    timeless: bool = False,
    compact: bool = False,
    yes: bool = False,
) -> None:
    """Forget the sightings that satisfy all conditions given, or that are too old (--keep).

    Args:
        keep: retention: what was seen longer ago goes (12h, 30d, 8w).
        timeless: sightings without a time go as well, where a condition on time is given.
        compact: make it physical at once, as passerby gallery compact does.
        yes: do not ask.
    """
    from passerby.gallery.gallery import Gallery
    from passerby.gallery.upkeep.removal import Removed, count_timeless, older_than, period

    where = filter.where()
    chosen = where if keep is None else older_than(period(keep), where)
    with Gallery.open(place) as gallery:
        count = gallery.count(chosen, timeless=timeless)
        if count == 0 and keep is None and not chosen.everything:
            raise ValueError(str(Removed(0, count_timeless(gallery.store, chosen))))
        if count and not yes:
            confirm(
                f"remove {count_of(count, 'sighting')} for good?",
                f"{count_of(count, 'sighting')} would be removed for good: confirm with --yes",
            )
        say(gallery.remove(chosen, timeless=timeless, compact=compact))


def check(place: Place, /, *, chart: File = None, json: Json = False) -> None:
    """Say whether a gallery is whole, how well and fast its index finds its own sightings, and
    whether its probabilities are true of the persons that it knows.

    Args:
        chart: draw their reliability diagram into this file (.svg).
    """
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        found = gallery.check()
    answer(as_json(found, whole=found.whole) if json else found)
    if chart is not None:
        from passerby.visual.svg.calibration_charts import write_reliability_chart

        if found.reliability is None:
            raise ValueError(
                "there is no reliability to draw: the gallery has no calibration of its own, or "
                "knows too few persons to judge it by"
            )
        write_reliability_chart(found.reliability.parts, chart, name="this gallery")
    if not found.whole:
        raise ValueError(f"{count_of(len(found.problems), 'problem was', 'problems were')} found")


def compact(place: Place, /) -> None:
    """Make removal physical, join small pieces, bring the index up to date; say what is gone."""
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        erased = gallery.compact()
    say(erased)


def dump(place: Place, /, *, out: Annotated[str, arg(metavar="FILE")]) -> None:
    """Write a gallery into one file that any engine can be restored from.

    Args:
        out: file to write.
    """
    from passerby.gallery.gallery import Gallery

    require_folder_of(out)
    with Gallery.open(place) as gallery:
        count = gallery.dump(out)
    say(f"{count_of(count, 'sighting')} in {out}; what is removed later stays in that file")


def restore(place: Positional[NewPlace], /, *, file: Annotated[str, arg(metavar="FILE")]) -> None:
    """Make a gallery of a dump, in any engine; interrupted, it goes on when called again.

    Args:
        file: that passerby gallery dump wrote; it is checked first.
    """
    from passerby.gallery.gallery import Gallery

    written = Gallery.restore(file, place)
    kept_out = f", {written.refused} refused by the opt-out list" if written.refused else ""
    say(
        f"{count_of(written.added, 'sighting')} restored, {written.present} were there "
        f"already{kept_out}"
    )


def reembed(
    place: Place,
    /,
    *,
    model: Model,
    out: Annotated[str, arg(metavar="GALLERY")],
    embedding: Embedding,
    trust_paths: bool = False,
    report: File = None,
) -> None:
    """Move a gallery to another model: embed the enrolled images anew, into a new gallery.

    The gallery stays as it is. Interrupted, it goes on from where it stopped when called again.

    Args:
        out: the new gallery.
        trust_paths: take the files at the stored paths even where they are not known to be those
            that were enrolled.
        report: write a CSV of the sightings that were left out.
    """
    from passerby.data.images import write_unreadable
    from passerby.gallery.gallery import Gallery

    require_folder_of(report)
    embedder = embedding.load(model)
    with Gallery.open(place) as gallery:
        again = gallery.reembed(embedder, out, trust_paths=trust_paths)
    if report is not None:
        write_unreadable(Path(report), again.left_out)
    say(again)


def search(
    place: Place,
    images: Positional[Annotated[tuple[str, ...], arg(metavar="IMAGE...")]] = (),
    /,
    *,
    filter: Filter,
    gallery_model: MovedModel,
    npz: Annotated[str | None, arg(metavar="NPZ")] = None,
    each: bool = False,
    k: Annotated[int, arg(aliases=("-k",), metavar="N")] = 10,
    query_camera: Annotated[str, arg(metavar="NAME")] = "",
    query_time: Annotated[str, arg(metavar="TIME")] = "",
    elsewhere: bool = False,
    transits: bool = False,
    exact: bool = False,
    rerank: bool = False,
    prior_absent: Share = 0.5,
    fpir: Share = 0.01,
    json: Json = False,
    csv: bool = False,
    out: File = None,
    columns: Number = 10,
) -> None:
    """Say who somebody is, of all that a gallery holds, or that they are not in it.

    Args:
        images: of one person; several are pooled into one vector.
        npz: search for each of the embeddings of this file (passerby embed) instead.
        each: search with each image by itself, of whatever person.
        k: passages to show.
        query_camera: camera that took the images; decides which calibration holds.
        query_time: when it did, such as 2026-05-01T08:30+02:00.
        elsewhere: no camera of the gallery took the images.
        transits: let the time between cameras count beside looks, where those who are surely
            linked without it show that it says something; the gallery is linked for that.
        exact: compare all sightings, without an index.
        rerank: order the nearest 200 by k-reciprocal encoding; probabilities stay as they are. Not
            done where known persons have fewer than three sightings: it costs rank-1 there.
        prior_absent: probability, before the search, that the person is not among these.
        fpir: share of the searches for such persons that may be answered with somebody.
        csv: a row for each match, as CSV.
        out: write a picture (PNG or JPEG), or a page (.html), to this file; both show the strip of
            pictures of a passage.
        columns: matches in a row of the picture.
    """
    from passerby.data.reading.cells import time_of
    from passerby.gallery.search.matches import matches_text
    from passerby.gallery.search.options import SearchOptions
    from passerby.tables.embeddings import Embeddings

    if bool(images) == (npz is not None):
        raise ValueError("expected either images of one person, or --npz FILE with embeddings")
    if each and npz is not None:
        raise ValueError("--each is for images; with --npz each embedding is searched for already")
    if json and csv:
        raise ValueError("--json and --csv contradict each other: name one")
    require_folder_of(out)
    where = filter.where()
    options = SearchOptions(
        k,
        where,
        exact,
        rerank,
        prior_absent,
        fpir,
        thumbnails=out is not None,
        camera=query_camera,
        elsewhere=elsewhere,
        time=time_of(query_time),
        transits=transits,
    )
    with gallery_model.open(place) as gallery:
        if npz is not None:
            found = gallery.search_each(Embeddings.load(npz), options)
        else:
            queries = [[image] for image in images] if each else [[*images]]
            found = tuple(gallery.search_with(query, options) for query in queries)
    answer(matches_text(found, json=json, csv=csv))
    if out is not None and Path(out).suffix.lower() in (".html", ".htm"):
        from passerby.visual.found.match_page import write_match_page

        write_match_page(found, out)
    elif out is not None:
        from passerby.visual.match_pictures import draw_matches

        draw_matches(found, out, columns=columns)


def link(
    place: Place,
    /,
    *,
    filter: Filter,
    passages: Annotated[float, arg(metavar="N")] = 4.0,
    cost: Annotated[float, arg(metavar="C")] = 0.2,
    least_ratio: Annotated[float | None, arg(metavar="RATIO")] = None,
    tolerance: Annotated[float, arg(metavar="SECONDS")] = 1.0,
    gap: Annotated[float, arg(metavar="SECONDS")] = 60.0,
    overlapping: Annotated[
        UseAppendAction[tuple[tuple[str, str], ...]], arg(metavar="CAMERA CAMERA")
    ] = (),
    transits: bool = False,
    prefix: Annotated[str, arg(metavar="TEXT")] = "linked/",
    over_known: bool = False,
    extend: bool = False,
    test: bool = False,
    write: bool = False,
    json: Json = False,
    csv: bool = False,
    out: File = None,
) -> None:
    """Group sightings over cameras into persons; names are given only with --write.

    Args:
        passages: in how many of them a person is expected to be seen; gives the prior odds.
        cost: of a pair joined falsely, beside one missed: more joins fewer.
        least_ratio: link where the mean likelihood ratio is above this, in place of both.
        tolerance: seconds that a person needs from one camera to another at least.
        gap: seconds without a sighting that end a tracklet (trackers give their numbers again).
        overlapping: two cameras that see one place, where a person may be at one time; a camera
            twice where mirrors show a person twice.
        transits: let the time between cameras count beside looks, where those who are surely
            linked without it show that it says something.
        prefix: of the names given; such names bind nothing when linking again.
        over_known: also group known persons anew, and give them other names.
        extend: let sightings that were linked to a known person take the name.
        test: link as if nobody were known, and say how well it agrees with those who are.
        write: give the names.
        csv: a row for each passage of each person, as CSV.
        out: write a page (HTML) with a picture of each passage to this file.
    """
    from passerby.gallery.gallery import Gallery
    from passerby.gallery.link.linking import write_links
    from passerby.gallery.link.persons import persons_csv
    from passerby.gallery.link.rules import Rules
    from passerby.visual.link_page import shown_sightings, write_link_page

    if write and test:
        raise ValueError("--test links as if nobody were known: it is not to be written")
    rules = Rules(
        passages,
        cost,
        least_ratio,
        tolerance,
        overlapping,
        over_known=over_known,
        prefix=prefix,
        gap=gap,
        transits=transits,
    )
    if json and csv:
        raise ValueError("--json and --csv contradict each other: name one")
    require_folder_of(out)
    where = filter.where()
    with Gallery.open(place) as gallery:
        linking = gallery.link(where, rules, judge=test)
        if out is not None:
            shown = shown_sightings(linking)
            write_link_page(linking, out, gallery.thumbnails(shown), gallery.strips(shown))
        named = write_links(gallery.store, linking, extend=extend) if write else 0
    if csv:
        answer(persons_csv(linking.persons).rstrip("\n"))
    else:
        answer(linking.to_json() if json else linking)
    if write and not (json or csv):
        say(f"{count_of(named, 'sighting has', 'sightings have')} another person now")


def calibrate(
    place: Place,
    /,
    *,
    gallery_model: MovedModel,
    calibration: File = None,
    from_data: Annotated[OptionalData, arg(name="from")] = None,
    images: Number = 1,
    reviewing: Reviewing,
    json: Json = False,
) -> None:
    """Learn what distances are worth in this gallery, or store a calibration that holds for it.

    Args:
        calibration: file of passerby calibrate (default: the one beside the model).
        from_data: calibrate here and now, on labelled crops of the gallery's own site.
        images: of a query, with --from: above 1, for queries of up to so many pooled images.
        json: print all calibrations that the gallery has then.
    """
    from passerby.cli.reviewing import run_review
    from passerby.data.reading.reader import read_split
    from passerby.gallery.stored_calibrations import store_calibrations

    ways = {"--from": from_data, "--calibration": calibration, **reviewing.ways()}
    named = [way for way, given in ways.items() if given]
    if len(named) > 1:
        raise ValueError(f"{' and '.join(named)} contradict each other: name one")
    with gallery_model.open(place) as gallery:
        if from_data is not None:
            say(gallery.calibrate(read_split(from_data), images=images))
        elif reviewing.asked:
            run_review(gallery, reviewing)
        else:
            kinds = store_calibrations(gallery.view, calibration)
            say(f"stored: {' and '.join(kinds)}")
        if json:
            answer(as_json({"calibrations": gallery.store.refresh_about().calibrations}))
