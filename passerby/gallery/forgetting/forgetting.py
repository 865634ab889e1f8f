"""A person is forgotten: exactly the sightings that somebody looked at, and a certificate of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from passerby.gallery.alerts.keeping import alert_named, remove_alert
from passerby.gallery.alerts.ledger import Ledger, ledger_path
from passerby.gallery.forgetting.certificate import Certificate, Compaction, Gone, OptedOut
from passerby.gallery.forgetting.finding import Question, find
from passerby.gallery.forgetting.opting_out import RATE, opt_out
from passerby.gallery.forgetting.remaining import remains_of
from passerby.gallery.text_tables import time_of, time_text
from passerby.gallery.upkeep.removal import remove_sightings
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.tables.filters import Where
from passerby.tables.sightings import Sightings, ends
from passerby.version import __version__

if TYPE_CHECKING:
    from passerby.gallery.gallery import Gallery

_AT_ONCE = 1000  # ids in one condition
_LONGEST = 2000  # characters of what somebody says


@dataclass(frozen=True)
class Request:
    """by, reason: who asks for it and why, in their words; alerts: names of alerts that go as well;
    opt_out: the person is not enrolled again; opt_out_rate: the share of other persons' sightings
    that may be refused with them; gallery: its name, as the certificate tells it.

    Raises:
        ValueError: Nobody, or no reason, is named, or a text is too long.
    """

    by: str
    reason: str
    alerts: tuple[str, ...] = ()
    opt_out: bool = False
    opt_out_rate: float = RATE
    gallery: str = ""

    def __post_init__(self) -> None:
        for what, text in (("who asks (by)", self.by), ("why (reason)", self.reason)):
            if not text.strip() or len(text) > _LONGEST:
                raise ValueError(
                    f"a certificate says {what}: expected 1 to {_LONGEST:,} characters, got "
                    f"{len(text):,}"
                )


@dataclass(frozen=True)
class Forgotten:
    """certificate: of what is gone; files: pictures that were enrolled and still lie where they
    did, which the certificate counts and does not name."""

    certificate: Certificate
    files: tuple[str, ...]


def forget(
    gallery: Gallery,
    ids: Sequence[str],
    request: Request,
    question: Question | None = None,
    spared: Collection[str] = (),
) -> Forgotten:
    """Remove exactly these sightings and compact. With the question that found them the person is
    looked for once more: what is found then was not chosen or came meanwhile, and is told.

    spared: ids of sightings that were looked at and are to stay: they are not told of.

    Raises:
        ValueError: None of these sightings is there, or an alert has no such name.
    """
    store = gallery.store
    about = store.refresh_about()
    for name in request.alerts:
        alert_named(about, name)
    there = _read(store, [*dict.fromkeys(ids)])
    if not len(there):
        raise ValueError(
            f"none of these {count_of(len(ids), 'sighting')} is in the gallery: nothing was done"
        )
    removed = there.ids.tolist()
    files = tuple(sorted({p for p in there.images.tolist() if p and os.path.isfile(p)}))
    opted = None
    if request.opt_out:  # first: who writes meanwhile is held against it
        made = opt_out(store, there, removed, request.opt_out_rate)
        opted = OptedOut(made.id, made.distance, made.false_match_rate, made.basis)
    _remove_alerts(store, request.alerts)
    erased = remove_sightings(store, removed, compact=True).erased
    assert erased is not None
    still = [one for one in _still_like(gallery, question) if one not in {*spared}]
    certificate = Certificate(
        made=time_text(datetime.now(UTC).replace(microsecond=0)),
        version=__version__,
        by=request.by,
        reason=request.reason,
        gallery=request.gallery,
        model=about.model,
        removed=tuple(removed),
        not_there=tuple(one for one in dict.fromkeys(ids) if one not in {*removed}),
        gone=_gone(there),
        checked=len(_read(store, removed)),
        compaction=Compaction(erased.bytes_before, erased.bytes_after, erased.meaning),
        relearnt=bool(about.adapted),
        alerts=request.alerts,
        opted_out=opted,
        still_there=tuple(still),
        remains=remains_of(store, len(files), request.opt_out),
    )
    return Forgotten(certificate, files)


def _read(store: Store, ids: Sequence[str]) -> Sightings:
    """Those of these sightings that are there, with everything."""
    parts = [Sightings([], np.empty((0, store.about.dimensions), np.float32))]
    for start in range(0, len(ids), _AT_ONCE):
        where = Where(ids=tuple(ids[start : start + _AT_ONCE]))
        parts += [*store.read(where, with_thumbnails=True)]
    return Sightings.joined(parts)


def _remove_alerts(store: Store, names: Sequence[str]) -> None:
    if names:
        with closing(Ledger(ledger_path(store))) as ledger:
            for name in names:
                remove_alert(store, ledger, name)


def _still_like(gallery: Gallery, question: Question | None) -> tuple[str, ...]:
    """Ids of sightings that the question would choose now."""
    if question is None:
        return ()
    named = Where(persons=(question.person,)) if question.person else None
    if named is not None and not gallery.store.count(named):
        question = replace(question, person="") if question.images else None
    if question is None or not len(gallery):
        return ()
    return find(gallery, replace(question, link=False)).ids


def _gone(there: Sightings) -> Gone:
    timed = there[~np.isnat(there.times)]
    looks = sum(each.vectors.size for each in there.looks if each is not None)
    pictures = sum(map(len, there.thumbnails))
    pictures += sum(len(jpeg) for each in there.pictures for jpeg in each)
    return Gone(
        len(there),
        there.vectors.nbytes + 2 * looks,  # looks are kept in half precision
        pictures,
        dict(sorted(Counter(there.cameras.tolist()).items())),
        time_text(time_of(timed.times.min())) if len(timed) else "",
        time_text(time_of(ends(timed).max())) if len(timed) else "",
    )
