"""Alerts that watch for a person: their reference images are that person's biometric data, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from passerby.gallery.alerts.keeping import reference_vectors
from passerby.gallery.forgetting.found import FoundAlert
from passerby.stores.about import Alert
from passerby.tables.filters import Where
from passerby.tables.unit_length import unit

if TYPE_CHECKING:
    from passerby.gallery.gallery import Gallery

_AT_ONCE = 1000  # ids in one condition


def alerts_like(
    gallery: Gallery, images: Sequence[bytes], chosen: Sequence[str], person: str
) -> tuple[FoundAlert, ...]:
    """The alerts of a gallery that are of the person: whose hits of them were confirmed, that name
    them, or whose references are as near to the pictures as half of the chosen sightings are.

    images: of the person; chosen: ids of their sightings, by which it is measured.
    """
    alerts = gallery.store.refresh_about().alerts
    if not alerts:
        return ()
    vectors = vectors_of(gallery, chosen)
    asked = unit(gallery.embedder([*images])) if images else vectors
    reach = float(np.median((1 - asked @ vectors.T).min(0))) if len(vectors) else 0.0
    found = [(alert, _why(gallery, alert, {*chosen}, person, (asked, reach))) for alert in alerts]
    return tuple(FoundAlert(alert.name, why, True) for alert, why in found if why)


def vectors_of(gallery: Gallery, ids: Sequence[str]) -> NDArray[np.float32]:
    """The vectors [N, D] of sightings, as the network made them."""
    parts = [np.empty((0, gallery.about.dimensions), np.float32)]
    for start in range(0, len(ids), _AT_ONCE):
        where = Where(ids=tuple(ids[start : start + _AT_ONCE]))
        parts += [part.vectors for part in gallery.store.read(where)]
    return np.concatenate(parts)


def _why(
    gallery: Gallery,
    alert: Alert,
    chosen: set[str],
    person: str,
    near: tuple[NDArray[np.float32], float],
) -> str:
    if chosen & {*alert.confirmed}:
        return "people said that it is of a sighting that was found"
    if person and alert.person == person:
        return "it names the person"
    asked, reach = near
    if len(asked):
        references = reference_vectors(alert, gallery.about.dimensions)
        distance = float((1 - asked @ references.T).min())
        if distance <= reach:
            return f"its images are as near ({distance:.4f}) as half of what was found"
    return ""
