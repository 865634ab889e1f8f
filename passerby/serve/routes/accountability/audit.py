"""Who did what, for those who must answer for it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from passerby.serve.asking.who import ADMIN
from passerby.serve.audit import Audit

router = APIRouter(prefix="/v1/audit", tags=["audit"])


@router.get("", dependencies=[ADMIN])
async def lines(
    request: Request,
    newest: Annotated[int, Query(ge=1, le=1000, description="lines")] = 100,
    before: Annotated[int | None, Query(ge=1, description="with a lesser number")] = None,
    verify: Annotated[
        bool, Query(description="read all of it, and say whether it is whole")
    ] = True,
) -> dict[str, Any]:
    """The newest lines of the audit log, and whether each is as it was written."""
    log: Audit = request.app.state.audit
    found = await run_in_threadpool(log.lines, newest, before)
    if not verify:
        return {"lines": found, "whole": None, "problem": None, "last": None}
    check = await run_in_threadpool(log.check)
    told = {"whole": not check.problem, "problem": check.problem or None, "last": check.last}
    return {"lines": found, **told}
