"""Alerts: what became of them, and what people say of their hits."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from passerby.gallery.alerts.keeping import alert_named, judge_hit
from passerby.gallery.alerts.ledger import Hit, Ledger, ledger_path
from passerby.gallery.alerts.reporting import AlertReport, report
from passerby.gallery.alerts.watching import AlertWatch
from passerby.gallery.gallery import Gallery
from passerby.serve.asking.chosen import Chosen, ChosenGallery
from passerby.serve.asking.who import READ, WRITE
from passerby.serve.problems import Problem

router = APIRouter(prefix="/v1/alerts", tags=["alerts"])


class Judgement(BaseModel):
    """Whether a hit was the person; null takes an answer back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"right": True}})
    right: bool | None


@router.get("", dependencies=[READ])
async def alerts(chosen: ChosenGallery) -> dict[str, Any]:
    """Each alert, its contract and what was kept of it."""

    def work(gallery: Gallery) -> tuple[AlertReport, ...]:
        if not gallery.about.alerts:
            return ()
        with closing(Ledger(ledger_path(gallery.store))) as ledger:
            return report(AlertWatch(gallery.store, ledger, chosen.name), ledger)

    return {"alerts": [_alert(one) for one in await chosen.run(work)]}


@router.get("/hits", dependencies=[READ])
async def hits(
    chosen: ChosenGallery,
    alert: str = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[int | None, Query(ge=1, lt=2**53, description="number of a hit")] = None,
) -> dict[str, Any]:
    """Passages that came near enough, the newest first."""

    def work(gallery: Gallery) -> tuple[list[Hit], dict[str, str]]:
        about = gallery.about
        names = {one.id: one.name for one in about.alerts}
        wanted = alert_named(about, alert).id if alert else None
        if not names:
            return [], names
        with closing(Ledger(ledger_path(gallery.store))) as ledger:
            return ledger.hits(wanted), names

    found, names = await chosen.run(work)
    older = [hit for hit in reversed(found) if before is None or hit.number < before]
    page = older[:limit]
    return {
        "hits": [_hit(hit, names, chosen) for hit in page],
        "next": page[-1].number if len(older) > limit else None,
    }


@router.post("/hits/{number}", dependencies=[WRITE])
async def judge(number: int, chosen: ChosenGallery, said: Judgement) -> dict[str, Any]:
    """Say whether a hit was the person."""

    def work(gallery: Gallery) -> tuple[Hit, dict[str, str]]:
        names = {one.id: one.name for one in gallery.about.alerts}
        if not names:
            raise _no_hit(number)
        with closing(Ledger(ledger_path(gallery.store))) as ledger:
            if all(hit.number != number for hit in ledger.hits()):
                raise _no_hit(number)
            return judge_hit(gallery.store, ledger, str(number), said.right), names

    hit, names = await chosen.run(work)
    return _hit(hit, names, chosen)


def _alert(one: AlertReport) -> dict[str, Any]:
    content = asdict(one)
    content["standing"] = one.standing
    content["hits"] = len(one.hits)
    # An address may hold a token, or a path of this machine.
    content["to"] = [address.partition(":")[0] for address in one.to]
    return content


def _hit(hit: Hit, names: dict[str, str], chosen: Chosen) -> dict[str, Any]:
    told = json.loads(hit.payload) if hit.payload else {}
    sighting = told.get("passage")
    return {
        "number": hit.number,
        "alert": names.get(hit.alert),
        "sighting": sighting,
        "camera": told.get("camera") or None,
        "time": told.get("from"),
        "until": told.get("until"),
        "distance": told.get("distance"),
        "likelihood_ratio": told.get("likelihood_ratio"),
        "right": hit.judged,
        "picture": chosen.picture(sighting) if sighting else None,
    }


def _no_hit(number: int) -> Problem:
    return Problem(404, f"there is no hit {number}")
