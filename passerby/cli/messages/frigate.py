"""The ``passerby frigate`` command: who the persons of Frigate's events are, over MQTT."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import Positional, arg

from passerby.cli.options import MovedModel
from passerby.process.reporting import say
from passerby.process.spelling import count_of

_WAIT = 0.5  # seconds between two looks whether to stop


def frigate(
    address: Positional[Annotated[str, arg(metavar="mqtt://HOST/TOPIC")]],
    /,
    *,
    gallery: Annotated[str, arg(metavar="GALLERY")],
    gallery_model: MovedModel,
    topic: Annotated[str, arg(metavar="TOPIC")] = "frigate",
    http: Annotated[str, arg(metavar="URL")] = "",
    enrol: bool = False,
    vectors: bool = False,
    label: bool = False,
) -> None:
    """Say who the persons of Frigate's events are, on TOPIC/CAMERA/identity, until stopped.

    Args:
        address: of the broker, with our topic: mqtt://hub/passerby.
        gallery: that is asked who somebody is.
        topic: Frigate's own.
        http: of Frigate's API, as http://frigate:5000: takes each event's own snapshot.
        enrol: let each person into the gallery, so that later events are compared with them.
        vectors: send them as well; whoever may read the topic has biometric data then.
        label: give events the name of whom they show, as sub label (needs --http).
    """
    from passerby.gallery.alerts.running import name_of
    from passerby.mqtt.broker import Broker
    from passerby.mqtt.frigate import Bridge
    from passerby.process.interruption import StopRequest

    if label and not http:
        raise ValueError("--label writes to Frigate's API: name it with --http URL")
    if http and not http.startswith(("http://", "https://")):
        raise ValueError(f"expected http://HOST:PORT of Frigate's API, got {http!r}")
    with (
        gallery_model.open(gallery) as opened,
        Broker(address, Bridge.topics(topic)) as broker,
        StopRequest() as stop,
    ):
        bridge = Bridge(
            broker, opened, name_of(gallery), topic, http, enrol=enrol, vectors=vectors, label=label
        )
        say(f"listening to {topic}/events at {broker.shown}; stop with Ctrl-C")
        while not stop.number:
            message = broker.next(_WAIT)
            if message is not None:
                bridge.take(message)
    say(f"{count_of(bridge.told, 'person')} told of")
