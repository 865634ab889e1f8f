"""Addresses of sinks: what they may be, how they are shown, and where passwords come from.

    https://HOST/PATH, http://...    a webhook
    mqtt://HOST[:PORT]/TOPIC         an MQTT broker; mqtts:// with TLS
    FILE.jsonl                       a file that grows by a line for each hit

Nothing secret is kept in a gallery: ``{NAME}`` in an address stands for the environment variable of
that name and ``{file:PATH}`` for the text of a file, read whenever a hit is sent.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, urlsplit

from passerby.gallery.alerts.sinks.sink import NotTaken, Sink

_SECRET = re.compile(r"\{(file:)?([^{}]+)\}")
_GAP = "{}"
_WEB, _MQTT = ("http", "https"), ("mqtt", "mqtts")


def checked(address: str) -> str:
    """The address as it is kept: a file by its whole path.

    Raises ValueError for one that is none, and for a password that stands in it.
    """
    if address != address.strip() or not address.isprintable():
        raise ValueError(f"expected an address without blanks around it, got {address!r}")
    if "://" not in address:
        if not address.endswith(".jsonl"):
            raise ValueError(
                f"hits go to http(s)://..., mqtt(s)://HOST/TOPIC or a FILE.jsonl, got {address!r}"
            )
        return str(Path(address).absolute())
    parts = urlsplit(_without_secrets(address))
    try:
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        port_fits = False
    if parts.scheme not in (*_WEB, *_MQTT) or not parts.hostname or not port_fits:
        raise ValueError(
            f"expected http(s)://HOST/... or mqtt(s)://HOST[:PORT]/TOPIC, got {shown(address)}"
        )
    if parts.password not in (None, "", _GAP):
        raise ValueError(
            "a password in an address would be kept in the gallery and its dumps: write {NAME} for "
            "it and put it into the environment variable NAME, or {file:PATH} for a file"
        )
    if parts.scheme in _MQTT and not topic_of(address):
        raise ValueError(f"expected a topic, as mqtt://HOST/TOPIC, without + and #: {address}")
    return address


def shown(address: str) -> str:
    """An address for people: paths of webhooks often are passwords.

    >>> shown("https://hooks.example/T0/secret?token=1"), shown("mqtt://ann:{PW}@hub/alerts")
    ('https://hooks.example/...', 'mqtt://hub/alerts')
    """
    scheme, separator, rest = _without_secrets(address).partition("://")
    if not separator:
        return address
    host = re.split(r"[/?#]", rest)[0].rpartition("@")[2]
    return f"{scheme}://{host}/" + (topic_of(address) if scheme in _MQTT else "...")


def topic_of(address: str) -> str:
    """The topic of an MQTT address, "" for none or one with wildcards."""
    topic = _without_secrets(address).partition("://")[2].partition("/")[2]
    return "" if set("+#") & set(topic) else topic


def filled(address: str) -> str:
    """With the secrets that it names. Raises NotTaken where one is not there."""

    def secret(found: re.Match[str]) -> str:
        if not found[1]:
            text = os.environ.get(found[2])
            if text is None:
                raise NotTaken(f"the environment variable {found[2]} is not set")
        else:
            try:
                text = Path(found[2]).read_text("utf-8").strip()
            except (OSError, ValueError):
                raise NotTaken(f"the file {found[2]} cannot be read") from None
        return quote(text, safe="")

    return _SECRET.sub(secret, address)


def _without_secrets(address: str) -> str:
    """With a mark in place of what is filled in, which may hold any character."""
    return _SECRET.sub(_GAP, address)


def open_sink(address: str) -> Sink:
    """The sink of an address. Raises NotTaken for one that is none, as a dump may bring, and where
    a secret or a library is not there."""
    try:
        checked(address)
    except ValueError as error:
        raise NotTaken(str(error)) from None
    scheme, separator, _ = address.partition("://")
    if not separator:
        from passerby.gallery.alerts.sinks.json_lines import JsonLines

        return JsonLines(Path(address))
    if scheme in _MQTT:
        from passerby.gallery.alerts.sinks.mqtt import Mqtt

        return Mqtt(filled(address))
    from passerby.gallery.alerts.sinks.webhook import Webhook

    return Webhook(filled(address))
