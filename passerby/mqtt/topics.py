"""Topics and names of entities that a broker and Home Assistant take, of names that come from
outside; and what Home Assistant is told to find."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from passerby.version import __version__

_IN_TOPIC = re.compile(r"[\x00-\x1f\x7f-\x9f/+#$\s]+")
_IN_ID = re.compile(r"[^A-Za-z0-9_-]+")


def topic_part(name: str) -> str:
    """A name as one level of a topic; the message has it as it is.

    >>> topic_part("front door/2"), topic_part("")
    ('front_door_2', 'unknown')
    """
    return _IN_TOPIC.sub("_", name).strip("_")[:100] or "unknown"


def discovery(prefix: str, gallery: str, cameras: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """By topic the retained messages by which Home Assistant makes its sensors: for each camera who
    was seen last, and for the gallery the last hit of an alert.

    Nothing of a person is in them. prefix: of our topics.
    """
    node = _id(f"passerby_{gallery}")
    device = {
        "identifiers": [node],
        "name": f"Passerby {gallery}",
        "manufacturer": "Passerby",
        "sw_version": __version__,
    }
    common = {"availability_topic": f"{prefix}/status", "device": device}
    found: dict[str, Mapping[str, Any]] = {}
    for camera in cameras:
        part = topic_part(camera)
        topic = f"{prefix}/{part}/identity"
        found[f"homeassistant/sensor/{node}/{_id(part)}_person/config"] = {
            **common,
            "name": f"{camera} person",
            "unique_id": f"{node}_{_id(part)}_person",
            "state_topic": topic,
            # A state has 255 characters at most.
            "value_template": "{{ (value_json.person or 'unknown')[:255] }}",
            "json_attributes_topic": topic,
            "icon": "mdi:account-search",
        }
    found[f"homeassistant/sensor/{node}/alert/config"] = {
        **common,
        "name": "alert",
        "unique_id": f"{node}_alert",
        "state_topic": f"{prefix}/alerts",
        "value_template": "{{ value_json.alert[:255] }}",
        "icon": "mdi:bell-alert",
    }
    return found


def _id(text: str) -> str:
    return _IN_ID.sub("_", text)[:100]
