"""What a user asks for in words: labels and conditions from text, questions, progress, reports."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from passerby.data.crops import Labels, Part
from passerby.data.images import write_unreadable
from passerby.data.reading.table_rows import time_of, zone_named
from passerby.embedding.embedder import Embedder
from passerby.gallery.enrol.enrolment import Enrolled
from passerby.gallery.enrol.reembedding import Reembedded
from passerby.gallery.gallery import Gallery
from passerby.gallery.link.linking import Linking, Rules, write_links
from passerby.gallery.search.matches import Matches
from passerby.gallery.search.searching import SearchOptions
from passerby.gallery.upkeep.removal import Removed, count_timeless, older_than, period
from passerby.process.reporting import say
from passerby.tables.embeddings import Embeddings
from passerby.tables.filters import Where


def labels_of(
    person: str,
    camera: str,
    source: str,
    time: str | None,
    zone: str | None,
    *,
    names: str = "auto",
    part: Part = "all",
    session: str = "",
) -> Labels:
    """What is said of all crops; times need a zone, of their own or as ``zone``."""
    named = None if zone is None else zone_named(zone)
    moment = None if time is None else time_of(time, named)
    return Labels(person, camera, source, moment, named, names, part, session)


def where_of(
    *,
    persons: Sequence[str] = (),
    cameras: Sequence[str] = (),
    not_cameras: Sequence[str] = (),
    sources: Sequence[str] = (),
    sightings: Sequence[str] = (),
    since: str | None = None,
    until: str | None = None,
    known: bool | None = None,
    min_quality: float | None = None,
) -> Where:
    """A filter from text. Raises ValueError for a time without a zone."""
    return Where(
        ids=tuple(sightings),
        persons=tuple(persons),
        cameras=tuple(cameras),
        not_cameras=tuple(not_cameras),
        sources=tuple(sources),
        since=_moment(since),
        until=_moment(until),
        known=known,
        min_quality=min_quality,
    )


def add_asked(
    place: str,
    inputs: Sequence[str],
    labels: Labels,
    *,
    keep_thumbnails: bool = False,
    replace: bool = False,
    report: str | None = None,
    model: str | None = None,
    device: str | None = None,
) -> Enrolled:
    """`Gallery.add` with a report of what could not be read."""
    with Gallery.open(place, model=model, device=device) as gallery:
        enrolled = gallery.add(inputs, labels, keep_thumbnails=keep_thumbnails, replace=replace)
    for note in enrolled.notes:
        say(f"note: {note}")
    if report is not None:
        write_unreadable(Path(report), enrolled.set_aside)
    return enrolled


def remove_asked(
    place: str,
    where: Where,
    *,
    keep: str | None = None,
    timeless: bool = False,
    compact: bool = False,
    yes: bool = False,
) -> Removed:
    """`Gallery.remove`, asked about on a terminal. Raises ValueError where nobody can be asked."""
    chosen = where if keep is None else older_than(period(keep), where)
    with Gallery.open(place) as gallery:
        count = gallery.count(chosen, timeless=timeless)
        if count == 0 and keep is None:
            raise ValueError(str(Removed(0, count_timeless(gallery.store, chosen))))
        if not yes and count:
            if not (sys.stdout.isatty() and sys.stdin.isatty()):
                raise ValueError(f"{count} sightings would be removed for good: confirm with --yes")
            if input(f"remove {count} sightings for good? [y/N] ").strip().lower() != "y":
                raise ValueError("nothing was removed")
        return gallery.remove(chosen, timeless=timeless, compact=compact)


def reembed_asked(
    place: str,
    embedder: Embedder,
    out: str,
    *,
    trust_paths: bool = False,
    report: str | None = None,
) -> Reembedded:
    """`Gallery.reembed` with a report of what was left out."""
    with Gallery.open(place) as gallery:
        moved = gallery.reembed(embedder, out, trust_paths=trust_paths)
    if report is not None:
        write_unreadable(Path(report), moved.left_out)
    return moved


def search_asked(
    place: str,
    images: Sequence[str],
    npz: str | None,
    options: SearchOptions,
    *,
    each: bool = False,
    model: str | None = None,
    device: str | None = None,
) -> tuple[Matches, ...]:
    """Search with images of one person, each by itself, or each of the embeddings of a file.

    Raises ValueError where neither images nor a file are given, or both.
    """
    if bool(images) == (npz is not None):
        raise ValueError("expected either images of one person, or --npz FILE with embeddings")
    with Gallery.open(place, model=model, device=device) as gallery:
        if npz is not None:
            return gallery.search_each(Embeddings.load(npz), options)
        queries = [[image] for image in images] if each else [[*images]]
        return tuple(gallery.search_with(query, options) for query in queries)


def link_asked(
    place: str,
    where: Where,
    rules: Rules,
    *,
    test: bool = False,
    write: bool = False,
    extend: bool = False,
) -> tuple[Linking, int]:
    """`Gallery.link`; returns also how many sightings it named.

    Raises ValueError for a test that is to be written.
    """
    if write and test:
        raise ValueError("--test links as if nobody were known: it is not to be written")
    with Gallery.open(place) as gallery:
        linking = gallery.link(where, rules, judge=test)
        return linking, write_links(gallery.store, linking, extend=extend) if write else 0


def _moment(text: str | None) -> datetime | None:
    return None if text is None else time_of(text)
