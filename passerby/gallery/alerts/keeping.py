"""The alerts of a gallery: added, removed, paused, and what people say of their hits."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from passerby.embedding.embedder import Embedder
from passerby.embedding.image_inputs import AnyImage
from passerby.gallery.alerts.ledger import Hit, Ledger
from passerby.gallery.alerts.sinks.addresses import checked
from passerby.gallery.search.querying import query_of_images
from passerby.process.spelling import suggest
from passerby.stores import Store
from passerby.stores.about import About, Alert
from passerby.tables.sightings import Sightings
from passerby.tables.text import normal_names
from passerby.tables.unit_length import unit

MOST_IMAGES = 20
"""Reference images of an alert."""


@dataclass(frozen=True)
class Wanted:
    """What an alert is to be like; the fields as in `Alert`."""

    name: str
    a_week: float
    to: tuple[str, ...] = ()
    traffic: float = 0.0
    person: str = ""
    elsewhere: bool = False
    with_picture: bool = False


def add_alert(
    store: Store, embedder: Embedder, images: Sequence[AnyImage], wanted: Wanted
) -> tuple[Alert, tuple[str, ...]]:
    """Keep an alert of the person in these images; returns it, and what is doubtful of the images.

    Only vectors are kept of the images, and their names.

    Raises:
        ValueError: A name that is taken, too many images, an address that is none, an embedder that
            is not the gallery's, images that are hardly crops of a person, or somebody on the
            opt-out list.
    """
    (name,) = normal_names("alerts", (wanted.name,))
    about = store.refresh_about()
    if not name.strip():
        raise ValueError("an alert needs a name: --name NAME")
    _require_free(about, name)
    if not 1 <= len(images) <= MOST_IMAGES:
        raise ValueError(
            f"expected 1 to {MOST_IMAGES} images of the person to watch for, got {len(images)}"
        )
    if not (wanted.a_week > 0 and wanted.traffic >= 0):
        raise ValueError("alarms and passages a week must be above 0")
    to = tuple(dict.fromkeys(checked(address) for address in wanted.to))
    query = query_of_images(images, about, embedder)
    faults = [doubt for doubt in query.doubts if "hardly a crop" in doubt]
    if faults:
        raise ValueError(faults[0].removeprefix("no answer: "))
    each = [query_of_images([image], about, embedder).vector for image in images]
    _require_not_opted_out(store, query.hashes, each)
    alert = Alert(
        name,
        uuid4().hex,
        base64.b64encode(np.stack(each).astype("<f4").tobytes()).decode(),
        tuple(os.path.basename(file) for file in query.files if file),
        wanted.a_week,
        traffic=wanted.traffic,
        person=wanted.person,
        elsewhere=wanted.elsewhere,
        to=to,
        with_picture=wanted.with_picture,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        confirmed=tuple(one for one in query.hashes if one),
    )

    def with_it(now: About) -> About:
        _require_free(now, name)  # another process may have been first
        return replace(now, alerts=(*now.alerts, alert))

    store.change_about(with_it)
    return alert, tuple(doubt.removeprefix("no answer: ") for doubt in query.doubts)


def _require_not_opted_out(
    store: Store, hashes: Sequence[str], vectors: Sequence[NDArray[np.float32]]
) -> None:
    """ValueError for reference images of somebody who is not to be enrolled: they would be kept."""
    if store.about.opt_outs:
        ids = [one or f"{row:032x}" for row, one in enumerate(hashes)]
        if (store.refusals(Sightings(ids, np.stack(vectors))) >= 0).any():
            raise ValueError(
                "the opt-out list keeps out the person in these images, or one who looks alike: "
                "no alert is made (passerby gallery opt-out list)"
            )


def remove_alert(store: Store, ledger: Ledger, name: str) -> int:
    """Forget an alert, its vectors and its hits, delivered or not; returns how many hits.

    Raises ValueError for a name that no alert has.
    """
    alert = alert_named(store.refresh_about(), name)
    store.change_about(
        lambda about: replace(
            about, alerts=tuple(one for one in about.alerts if one.id != alert.id)
        )
    )
    return ledger.forget_alert(alert.id)


def resume_alert(store: Store, name: str) -> Alert:
    """Let an alert that came with a dump work here. Raises ValueError for an unknown name."""

    def resumed(about: About) -> About:
        return with_alert(about, replace(alert_named(about, name), paused=False))

    return alert_named(store.change_about(resumed), name)


def judge_hit(store: Store, ledger: Ledger, which: str, right: bool | None) -> Hit:
    """Keep what people say of a hit: it is the person, it is not, or (None) neither.

    which: its number, or the beginning of its id. The sightings of a right one are from then on no
    strangers to the alert. Raises ValueError for a hit that is not there.
    """
    hit = _hit(ledger, which)
    own = ledger.sightings(hit.number)

    def judged(about: About) -> About:
        alert = next((one for one in about.alerts if one.id == hit.alert), None)
        if alert is None:
            raise ValueError(f"the alert of hit {hit.number} is no longer there")
        others = tuple(one for one in alert.confirmed if one not in own)
        return with_alert(about, replace(alert, confirmed=(*others, *own) if right else others))

    store.change_about(judged)
    ledger.judge(hit.number, right)
    return replace(hit, judged=right)


def alert_named(about: About, name: str) -> Alert:
    """Raises ValueError for a name that no alert has."""
    for alert in about.alerts:
        if alert.name == name:
            return alert
    known = [alert.name for alert in about.alerts]
    raise ValueError(
        f"no alert is named {name!r}{suggest(name, known)}: passerby gallery alert list"
    )


def with_alert(about: About, alert: Alert) -> About:
    """With an alert in place of the one of its id."""
    kept = tuple(alert if one.id == alert.id else one for one in about.alerts)
    return replace(about, alerts=kept)


def _require_free(about: About, name: str) -> None:
    if any(alert.name == name for alert in about.alerts):
        raise ValueError(f"there is an alert {name!r} already: remove it first, or name another")


def reference_vectors(alert: Alert, dimensions: int) -> NDArray[np.float32]:
    """The vectors [R, D] of the reference images. Raises ValueError for what is damaged."""
    try:
        data = np.frombuffer(base64.b64decode(alert.vectors, validate=True), "<f4")
        return unit(data.reshape(-1, dimensions).astype(np.float32))
    except ValueError:
        raise ValueError(
            f"the alert {alert.name!r} is damaged: remove it (passerby gallery alert remove)"
        ) from None


def _hit(ledger: Ledger, which: str) -> Hit:
    found = [
        hit
        for hit in ledger.hits()
        if which == str(hit.number) or (len(which) >= 8 and hit.id.startswith(which))
    ]
    if len(found) != 1:
        raise ValueError(
            f"expected the number of a hit, or the beginning of its id, got {which!r}: passerby "
            "gallery alert report shows them"
        )
    return found[0]
