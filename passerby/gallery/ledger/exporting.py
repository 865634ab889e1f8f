"""Decisions as text, CSV and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from passerby.gallery.ledger.events import Event, verdict
from passerby.gallery.text_tables import LONGEST, csv_text, printable, time_text

_SHOWN = 50  # decisions in a list
_COLUMNS = (
    "decision", "kind", "by", "at", "undoes", "undone_by", "sighting", "person_before",
    "person_after", "other_sighting", "answer_before", "answer_after", "side",
)  # fmt: skip


def events_text(events: Sequence[Event]) -> str:
    """A line a decision."""
    lines = []
    for event in events[:_SHOWN]:
        by = f" by {printable(event.by, LONGEST)}" if event.by else ""
        gone = f" (undone by {event.undone_by})" if event.undone_by is not None else ""
        at = time_text(event.at.replace(microsecond=0))
        lines.append(f"{event.number}: {at}{by}: {printable(event.said)}{gone}")
    more = len(events) - _SHOWN
    left = [f"  and {more:,} more: --newest N, --csv or --json"] if more > 0 else []
    return "\n".join([*lines, *left]) or "nobody has decided anything"


def events_csv(events: Sequence[Event]) -> str:
    """A row for each sighting, pair and side of events that were read with their changes."""
    return csv_text(_COLUMNS, (row for event in events for row in _rows(event)))


def events_json(events: Sequence[Event]) -> str:
    """All of it, as one JSON object."""
    content = {"format": 1, "decisions": [event.to_json(whole=True) for event in events]}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _rows(event: Event) -> Iterator[dict[str, object]]:
    whole: dict[str, object] = dict.fromkeys(_COLUMNS, "") | {
        "decision": event.number,
        "kind": event.kind,
        "by": event.by,
        "at": time_text(event.at),
        "undoes": "" if event.undoes is None else event.undoes,
        "undone_by": "" if event.undone_by is None else event.undone_by,
    }
    changes = event.changes
    if changes is None or not (changes.sightings or changes.answers):
        yield whole
        return
    for name in changes.names:
        yield whole | {
            "sighting": name.sighting,
            "person_before": name.before,
            "person_after": name.after,
        }
    for each in changes.answers:
        yield whole | {
            "sighting": each.pair[0],
            "other_sighting": each.pair[1],
            "answer_before": verdict(each.before),
            "answer_after": verdict(each.after),
        }
    for side, ids in enumerate(changes.apart, 1):
        yield from (whole | {"sighting": one, "side": side} for one in ids)
