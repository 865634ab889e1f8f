"""What a removal does not reach: said in every certificate, with counts where they can be known."""

from __future__ import annotations

from passerby.gallery.forgetting.certificate import Remains
from passerby.stores import Store


def remains_of(store: Store, files: int, opted_out: bool) -> tuple[Remains, ...]:
    """Of a gallery from which somebody was removed; files: of pictures that were enrolled;
    opted_out: the person was put on the opt-out list."""
    about = store.refresh_about()
    kept = (
        Remains(
            "opt-out list",
            "one vector of the person, and digests of the ids of these sightings, are kept in this "
            "gallery and its dumps, to refuse their enrolment and for nothing else, until the "
            "entry is withdrawn (passerby gallery opt-out remove)",
        ),
    )
    calibrations = len(about.calibrations) + len(about.set_aside)
    told = sum(bool(alert.to) for alert in about.alerts)
    return (
        Remains(
            "image files",
            "a gallery refers to files and never deletes them: delete those that were enrolled "
            "(gallery forget --files lists what still lies where it did), and the videos",
            files,
        ),
        Remains(
            "dumps and backups",
            "passerby gallery dump, copies of the gallery's folder, snapshots of file systems and "
            "servers hold the sightings as they were: make them anew, or let them expire; who "
            "restores one brings the person back, unless the opt-out list is there already",
        ),
        Remains(
            "other galleries",
            "made by reembed, by restoring a dump or from the same cameras: forget the person in "
            "each",
        ),
        Remains(
            "messages of alerts",
            "hits that were delivered lie where they were sent; this gallery has alerts with "
            "addresses",
            told,
        ),
        Remains(
            "logs",
            "of servers, proxies and this program's callers, and the audit log of passerby serve, "
            "which names sightings and pictures by their hashes and keeps none of them",
        ),
        Remains(
            "trained models",
            "passerby adapt trains on sightings: a model that saw these keeps what it learnt of "
            "them in its weights, not as pictures or vectors; train it anew to be rid of it",
        ),
        Remains(
            "calibrations of this gallery",
            "curves and counts of distances, learnt of many pairs, of which some may have been "
            "theirs; no vector and no id is in them (passerby gallery calibrate learns them anew)",
            calibrations,
        ),
        Remains(
            "cases and certificates",
            "zips of gallery export-case hold pictures; this certificate holds ids, which are "
            "hashes of pictures",
        ),
        *(kept if opted_out else ()),
    )
