"""The ``passerby gallery alert`` commands: be told when somebody is seen, with few false alarms."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from passerby.cli.options import Json, MovedModel, Number, Place, confirm
from passerby.process.reporting import answer, say
from passerby.process.spelling import count_of

if TYPE_CHECKING:
    from passerby.gallery.alerts.ledger import Ledger
    from passerby.gallery.gallery import Gallery

AlertName = Positional[Annotated[str, arg(metavar="NAME", help="of the alert.")]]


def add(
    place: Place,
    images: Positional[Annotated[tuple[str, ...], arg(metavar="IMAGE...")]],
    /,
    *,
    name: Annotated[str, arg(metavar="NAME")],
    at_most: Annotated[str, arg(metavar='"1 a week"')],
    to: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="ADDRESS")] = (),
    traffic: Annotated[float, arg(metavar="N")] = 0.0,
    person: Annotated[str, arg(metavar="PERSON")] = "",
    elsewhere: bool = False,
    with_picture: bool = False,
    gallery_model: MovedModel,
) -> None:
    """Watch for a person: passerby watch tells of each passage near enough, as it ends.

    Args:
        images: of one person; they are pooled. Only their vectors are kept.
        name: of the alert.
        at_most: false alarms of this alert, as "1 a week", "2 a day", "0.5 a month".
        to: where hits go: http(s)://..., mqtt(s)://HOST/TOPIC, or FILE.jsonl; {NAME} in it stands
            for an environment variable, {file:PATH} for a file with a password.
        traffic: passages a week to reckon with until a week was seen.
        person: the person's name in the gallery: passages under it are no strangers'.
        elsewhere: no camera of the gallery took the images; hits say likelihood ratios then, where
            the gallery is calibrated.
        with_picture: hits carry a small JPEG where the gallery keeps one.
    """
    from passerby.gallery.alerts.contracts import per_week
    from passerby.gallery.alerts.keeping import Wanted, add_alert
    from passerby.gallery.alerts.reporting import nearest_past, past_text, report
    from passerby.gallery.alerts.running import name_of
    from passerby.gallery.alerts.watching import AlertWatch

    wanted = Wanted(name, per_week(at_most), to, traffic, person, elsewhere, with_picture)
    with gallery_model.open(place) as gallery, _ledger(gallery) as ledger:
        alert, doubts = add_alert(gallery.store, gallery.embedder, images, wanted)
        watch = AlertWatch(gallery.store, ledger, name_of(place))
        number = len(watch.alerts) - 1
        for doubt in doubts:
            say(f"note: {doubt}")
        say(f"added: {report(watch, ledger)[number]}")
        say(past_text(nearest_past(watch, number, 5)))
    if not alert.to:
        say("hits go nowhere but into the report: name an address with --to")


def list_alerts(place: Place, /, *, json: Json = False) -> None:
    """List the alerts of a gallery, with their thresholds and where hits go."""
    from passerby.gallery.alerts.reporting import report, reports_json
    from passerby.gallery.alerts.running import name_of
    from passerby.gallery.alerts.watching import AlertWatch
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery, _ledger(gallery) as ledger:
        found = report(AlertWatch(gallery.store, ledger, name_of(place)), ledger)
    if json:
        answer(reports_json(found))
        return
    for one in found:
        say(f"{one.name}: at most {one.at_most_a_week:g} a week; {one.standing}")
        say(f"  to {', '.join(one.to) or 'nowhere'}{'; paused' if one.paused else ''}")
    if not found:
        say("the gallery has no alerts: passerby gallery alert add")


def remove(place: Place, name: AlertName, /, *, yes: bool = False) -> None:
    """Forget an alert, its vectors and its hits, those that wait to be delivered too.

    Args:
        yes: do not ask.
    """
    from passerby.gallery.alerts.keeping import alert_named, remove_alert
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery, _ledger(gallery) as ledger:
        alert_named(gallery.about, name)
        if not yes:
            confirm(
                f"forget the alert {name} and its hits for good?", "confirm the removal with --yes"
            )
        hits = remove_alert(gallery.store, ledger, name)
    say(f"removed: {name}, and {count_of(hits, 'hit')}; what was delivered is where it went")


def resume(place: Place, name: AlertName, /) -> None:
    """Let an alert work that came with a dump: from now on hits go to its addresses."""
    from passerby.gallery.alerts.keeping import resume_alert
    from passerby.gallery.alerts.sinks.addresses import shown
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        alert = resume_alert(gallery.store, name)
    say(f"works: {name}; hits go to {', '.join(map(shown, alert.to)) or 'the report alone'}")


def try_alert(
    place: Place,
    name: AlertName,
    /,
    *,
    send: bool = False,
    count: Annotated[int, arg(aliases=("-k",), metavar="N")] = 10,
    json: Json = False,
) -> None:
    """Show the passages seen so far that are nearest to an alert's person.

    Args:
        send: send a message without a person to each of its addresses.
        count: passages to show.
    """
    from dataclasses import asdict

    from passerby.gallery.alerts.delivering import send_test
    from passerby.gallery.alerts.keeping import alert_named
    from passerby.gallery.alerts.reporting import nearest_past, past_text
    from passerby.gallery.alerts.running import name_of
    from passerby.gallery.alerts.watching import AlertWatch
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery, _ledger(gallery) as ledger:
        alert = alert_named(gallery.about, name)
        watch = AlertWatch(gallery.store, ledger, name_of(place))
        past = nearest_past(watch, watch.alerts.index(alert), count)
    answer(json_text.dumps([asdict(one) for one in past], indent=2) if json else past_text(past))
    if send:
        if not alert.to:
            raise ValueError(f"the alert {name!r} has no address to send to")
        for line in send_test(alert, name_of(place)):
            say(line)


def report(place: Place, /, *, json: Json = False) -> None:
    """Say what became of the alerts: hits, false alarms a week beside the contract."""
    from passerby.gallery.alerts.reporting import report as report_of
    from passerby.gallery.alerts.reporting import reports_json
    from passerby.gallery.alerts.running import name_of
    from passerby.gallery.alerts.watching import AlertWatch
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery, _ledger(gallery) as ledger:
        found = report_of(AlertWatch(gallery.store, ledger, name_of(place)), ledger)
    if json:
        answer(reports_json(found))
    else:
        say("\n".join(map(str, found)) or "the gallery has no alerts: passerby gallery alert add")


def judge(
    place: Place,
    hit: Positional[Annotated[str, arg(metavar="HIT", help="its number, or its id.")]],
    answer: Positional[Literal["yes", "no", "open"]],
    /,
) -> None:
    """Say whether a hit was the person; open takes an answer back.

    Until then it counts as a stranger, and the threshold is stricter for it.
    """
    from passerby.gallery.alerts.keeping import judge_hit
    from passerby.gallery.gallery import Gallery

    right = {"yes": True, "no": False, "open": None}[answer]
    with Gallery.open(place) as gallery, _ledger(gallery) as ledger:
        judged = judge_hit(gallery.store, ledger, hit, right)
    say(f"hit {judged.number}: {answer}")


def deliver(place: Place, /, *, seconds: Number = 30) -> None:
    """Deliver the hits that wait, as when a webhook was down.

    Args:
        seconds: to try for.
    """
    from passerby.gallery.alerts.delivering import deliver as deliver_waiting
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery, _ledger(gallery) as ledger:
        before = ledger.count_waiting()
        left = deliver_waiting(ledger, seconds)
    if left:
        raise ValueError(f"{left} of {before} deliveries wait still: passerby gallery alert report")
    say(f"{before} deliveries made" if before else "nothing waited")


@contextmanager
def _ledger(gallery: Gallery) -> Iterator[Ledger]:
    from passerby.gallery.alerts.ledger import Ledger, ledger_path

    ledger = Ledger(ledger_path(gallery.store))
    try:
        yield ledger
    finally:
        ledger.close()
