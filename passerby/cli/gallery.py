"""The ``passerby gallery`` commands: one function a command, each calling a public function."""

from __future__ import annotations

from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, UseAppendAction, arg

from passerby.process.reporting import say

gallery = tyro.extras.SubcommandApp()

Place = Positional[Annotated[str, arg(metavar="GALLERY")]]
Inputs = Positional[
    Annotated[tuple[str, ...], arg(metavar="IMAGE|FOLDER|TABLE|[KIND=]ROOT|NPZ...")]
]
Names = UseAppendAction[tuple[str, ...]]
Part = Literal["all", "train", "validation", "query", "gallery", "test"]


@gallery.command
def create(
    place: Place,
    /,
    *,
    model: str = "default",
    flip: bool = False,
    before_neck: bool = False,
    device: str | None = None,
) -> None:
    """Make an empty gallery for the embeddings of one model.

    Args:
        place: folder to make, or milvus://HOST:PORT/COLLECTION.
        model: folder that passerby train wrote, or default; its calibration is taken over.
        flip: embed each image as the mean of it and its mirror image.
        before_neck: use the vectors before the neck.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
    """
    from passerby.embedding.embedder import load
    from passerby.gallery.gallery import Gallery
    from passerby.stores.opening import shown

    embedder = load(model, flip=flip, before_neck=before_neck, device=device)
    Gallery.create(place, embedder).close()
    say(f"made: {shown(place)}; fill it: passerby gallery add ... IMAGES...")


@gallery.command
def add(
    place: Place,
    inputs: Inputs,
    /,
    *,
    person: str = "",
    camera: str = "",
    source: str = "",
    time: str | None = None,
    zone: str | None = None,
    names: str = "auto",
    part: Part = "all",
    session: str = "",
    keep_thumbnails: bool = False,
    replace: bool = False,
    report: str | None = None,
    model: str | None = None,
    device: str | None = None,
) -> None:
    """Add images or saved embeddings; what is there already is not embedded again.

    Interrupted, it goes on from where it stopped when called again.

    Args:
        place: the gallery.
        inputs: what to add; of a folder all images below it.
        person: of all images, whatever their input says.
        camera: of all images.
        source: of all images.
        time: of all images, with its zone, as in 2026-05-01T08:30:00+02:00.
        zone: of times in a table that state none, as in Europe/Berlin.
        names: read person, camera and frame from file names: auto (where all are like
            Market-1501's), none, or a regular expression with groups of these names.
        part: of a data set.
        session: video or run of a tracker, of all images: tracklet numbers are of it alone.
        keep_thumbnails: store a small JPEG of each image (else only its path).
        replace: let new sightings take the place of those of the same content.
        report: write a CSV of the images that cannot be read.
        model: where the gallery's model is, when it has moved.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
    """
    from passerby.cli.gallery_options import add_asked, labels_of

    labels = labels_of(person, camera, source, time, zone, names=names, part=part, session=session)
    enrolled = add_asked(
        place,
        inputs,
        labels,
        keep_thumbnails=keep_thumbnails,
        replace=replace,
        report=report,
        model=model,
        device=device,
    )
    say(str(enrolled))


@gallery.command
def show(place: Place, /, *, json: bool = False) -> None:
    """Say what a gallery holds: by camera, day and person; model, size, index.

    Args:
        place: the gallery.
        json: everything, as JSON.
    """
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as opened:
        summary = opened.show()
    say(summary.to_json() if json else summary.to_text())


@gallery.command
def remove(
    place: Place,
    /,
    *,
    person: Names = (),
    camera: Names = (),
    not_camera: Names = (),
    source: Names = (),
    sighting: Names = (),
    since: str | None = None,
    until: str | None = None,
    known: bool | None = None,
    keep: str | None = None,
    timeless: bool = False,
    compact: bool = False,
    yes: bool = False,
) -> None:
    """Forget the sightings that satisfy all conditions given, or that are too old (--keep).

    Args:
        place: the gallery.
        person: of one of these persons (repeatable).
        camera: by one of these cameras (repeatable).
        not_camera: by none of these cameras (repeatable).
        source: of one of these sources (repeatable).
        sighting: one of these ids (repeatable).
        since: seen from this time on, with its zone, as in 2026-05-01T08:30:00+02:00.
        until: seen before this time.
        known: whether their person is known.
        keep: retention: what was seen longer ago goes (12h, 30d, 8w).
        timeless: sightings without a time go as well, where a condition on time is given.
        compact: make it physical at once, as passerby gallery compact does.
        yes: do not ask.
    """
    from passerby.cli.gallery_options import remove_asked, where_of

    where = where_of(
        persons=person,
        cameras=camera,
        not_cameras=not_camera,
        sources=source,
        sightings=sighting,
        since=since,
        until=until,
        known=known,
    )
    removed = remove_asked(place, where, keep=keep, timeless=timeless, compact=compact, yes=yes)
    say(str(removed))


@gallery.command
def check(place: Place, /) -> None:
    """Say whether a gallery is whole, and how well and fast its index finds its own sightings.

    Args:
        place: the gallery.
    """
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as opened:
        found = opened.check()
    say(str(found))
    if not found.whole:
        raise ValueError(f"{len(found.problems)} problems were found")


@gallery.command
def compact(place: Place, /) -> None:
    """Make removal physical, join small pieces, bring the index up to date; say what is gone.

    Args:
        place: the gallery.
    """
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as opened:
        erased = opened.compact()
    say(str(erased))


@gallery.command
def dump(place: Place, /, *, out: str) -> None:
    """Write a gallery into one file that any engine can be restored from.

    Args:
        place: the gallery.
        out: file to write.
    """
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as opened:
        count = opened.dump(out)
    say(f"{count} sightings in {out}; what is removed later stays in that file")


@gallery.command
def restore(place: Place, /, *, file: str) -> None:
    """Make a gallery of a dump, in any engine; interrupted, it goes on when called again.

    Args:
        place: folder to make, or milvus://HOST:PORT/COLLECTION.
        file: that passerby gallery dump wrote; it is checked first.
    """
    from passerby.gallery.gallery import Gallery

    written = Gallery.restore(file, place)
    say(f"{written.added} sightings restored, {written.present} were there already")


@gallery.command
def reembed(
    place: Place,
    /,
    *,
    model: str,
    out: str,
    flip: bool = False,
    before_neck: bool = False,
    trust_paths: bool = False,
    report: str | None = None,
    device: str | None = None,
) -> None:
    """Move a gallery to another model: embed the enrolled images anew, into a new gallery.

    Interrupted, it goes on from where it stopped when called again.

    Args:
        place: the gallery; it stays as it is.
        model: the other model.
        out: the new gallery.
        flip: embed each image as the mean of it and its mirror image.
        before_neck: use the vectors before the neck.
        trust_paths: take the files at the stored paths even where they are not known to be those
            that were enrolled.
        report: write a CSV of the sightings that were left out.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
    """
    from passerby.cli.gallery_options import reembed_asked
    from passerby.embedding.embedder import load

    embedder = load(model, flip=flip, before_neck=before_neck, device=device)
    moved = reembed_asked(place, embedder, out, trust_paths=trust_paths, report=report)
    say(str(moved))


@gallery.command
def search(
    place: Place,
    images: Positional[Annotated[tuple[str, ...], arg(metavar="IMAGE...")]] = (),
    /,
    *,
    npz: str | None = None,
    each: bool = False,
    k: Annotated[int, arg(aliases=("-k",))] = 10,
    person: Names = (),
    camera: Names = (),
    not_camera: Names = (),
    source: Names = (),
    since: str | None = None,
    until: str | None = None,
    known: bool = False,
    unknown: bool = False,
    min_quality: float | None = None,
    query_camera: str = "",
    elsewhere: bool = False,
    exact: bool = False,
    rerank: bool = False,
    prior_absent: float = 0.5,
    fpir: float = 0.01,
    json: bool = False,
    csv: bool = False,
    out: str | None = None,
    columns: int = 10,
    model: str | None = None,
    device: str | None = None,
) -> None:
    """Say who somebody is, of all that a gallery holds, or that they are not in it.

    Args:
        place: the gallery.
        images: of one person; several are pooled into one vector.
        npz: search for each of the embeddings of this file (passerby embed) instead.
        each: search with each image by itself, of whatever person.
        k: sightings to show.
        person: among the sightings of these persons (repeatable).
        camera: by one of these cameras (repeatable).
        not_camera: by none of these cameras (repeatable).
        source: of one of these sources (repeatable).
        since: seen from this time on, with its zone, as in 2026-05-01T08:30:00+02:00.
        until: seen before this time.
        known: among sightings of known persons.
        unknown: among sightings of persons that are not known.
        min_quality: among sightings of at least this quality.
        query_camera: camera that took the images; decides which calibration holds.
        elsewhere: no camera of the gallery took the images.
        exact: compare all sightings, without an index.
        rerank: order the nearest 200 by k-reciprocal encoding; probabilities stay as they are.
        prior_absent: probability, before the search, that the person is not among these.
        fpir: share of the searches for such persons that may be answered with somebody.
        json: everything, as JSON.
        csv: a row for each match, as CSV.
        out: write a picture (PNG or JPEG) to this file.
        columns: matches in a row of the picture.
        model: where the gallery's model is, when it has moved.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
    """
    from passerby.cli.gallery_options import search_asked, where_of
    from passerby.gallery.search.matches import matches_text
    from passerby.gallery.search.searching import SearchOptions
    from passerby.visual.match_pictures import draw_matches

    where = where_of(
        persons=person,
        cameras=camera,
        not_cameras=not_camera,
        sources=source,
        since=since,
        until=until,
        known=None if known == unknown else known,
        min_quality=min_quality,
    )
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
    )
    found = search_asked(place, images, npz, options, each=each, model=model, device=device)
    say(matches_text(found, json=json, csv=csv))
    if out is not None:
        draw_matches(found, out, columns=columns)


@gallery.command
def link(
    place: Place,
    /,
    *,
    camera: Names = (),
    not_camera: Names = (),
    source: Names = (),
    since: str | None = None,
    until: str | None = None,
    passages: float = 4.0,
    least_ratio: float | None = None,
    tolerance: float = 1.0,
    gap: float = 60.0,
    overlapping: UseAppendAction[tuple[tuple[str, str], ...]] = (),
    prefix: str = "linked/",
    over_known: bool = False,
    extend: bool = False,
    test: bool = False,
    write: bool = False,
    json: bool = False,
) -> None:
    """Group sightings over cameras into persons; names are given only with --write.

    Args:
        place: the gallery.
        camera: sightings by one of these cameras (repeatable).
        not_camera: by none of these cameras (repeatable).
        source: of one of these sources (repeatable).
        since: seen from this time on, with its zone, as in 2026-05-01T08:30:00+02:00.
        until: seen before this time.
        passages: in how many of them a person is expected to be seen; gives the prior odds.
        least_ratio: link where the mean likelihood ratio is above this, in place of the prior odds.
        tolerance: seconds that a person needs from one camera to another at least.
        gap: seconds without a sighting that end a tracklet (trackers give their numbers again).
        overlapping: two cameras that see one place, where a person may be at one time (repeatable).
        prefix: of the names given; such names bind nothing when linking again.
        over_known: also group known persons anew, and give them other names.
        extend: let sightings that were linked to a known person take the name.
        test: link as if nobody were known, and say how well it agrees with those who are.
        write: give the names.
        json: everything, as JSON.
    """
    from passerby.cli.gallery_options import link_asked, where_of
    from passerby.gallery.link.linking import Rules

    where = where_of(
        cameras=camera, not_cameras=not_camera, sources=source, since=since, until=until
    )
    rules = Rules(
        passages, least_ratio, tolerance, overlapping, over_known=over_known, prefix=prefix, gap=gap
    )
    linking, named = link_asked(place, where, rules, test=test, write=write, extend=extend)
    say(linking.to_json() if json else linking)
    if write and not json:
        say(f"{named} sightings have another person now")


@gallery.command
def calibrate(place: Place, /, *, calibration: str | None = None) -> None:
    """Store the calibrations of the gallery's model with it, for probabilities and linking.

    Args:
        place: the gallery.
        calibration: file of passerby calibrate (default: the one beside the model).
    """
    from passerby.gallery.gallery import Gallery
    from passerby.gallery.stored_calibrations import take_calibrations

    with Gallery.open(place) as opened:
        kinds = take_calibrations(opened.store, calibration)
    say(f"stored: {' and '.join(kinds)}")
