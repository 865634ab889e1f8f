"""Every refusal in one shape (RFC 9457, application/problem+json), without a path of the server."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from passerby.process.whole_files import DiskFull
from passerby.stores import StoreUnavailable

_LOG = logging.getLogger(__name__)
_PATH = re.compile(
    r"(?<![\w.:/<])(?:[A-Za-z]:\\|/)(?:[^\s/\\:;,'\"()<>]+[/\\])+([^\s/\\:;,'\"()<>]*)"
)


class Slip(BaseModel):
    """One thing that was not as expected. where: "query.k", "body.vector"."""

    where: str
    detail: str


class ProblemShape(BaseModel):
    """What went wrong. detail: what was expected, what came, what to do."""

    title: str
    status: int
    detail: str
    errors: list[Slip] | None = None


class Problem(HTTPException):
    """A refusal. detail: what was expected, what came, what to do; errors: one slip each."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.errors = errors

    def response(self) -> Response:
        """As an answer, also where no framework is around."""
        return _answer(self.status_code, str(self.detail), self.headers, self.errors)


_STATUSES = (400, 401, 403, 404, 405, 409, 411, 413, 415, 422, 429, 500, 503, 504)
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": ProblemShape.model_json_schema()}},
    }
    for status in _STATUSES
    if status != 500
}
"""Of every route, for OpenAPI. A 500 is a fault of ours and promised by none."""


def without_paths(text: str) -> str:
    """A text with the folders of absolute paths left out.

    >>> without_paths("the model is no longer at /srv/models/street: say where it is")
    'the model is no longer at …/street: say where it is'
    """
    return _PATH.sub(r"…/\1", text)


def of_validation(error: ValidationError) -> Problem:
    """What is wrong with JSON that a route reads itself: 400 where it is none, else 422."""
    slips = [
        {"where": ".".join(map(str, ("body", *one["loc"]))), "detail": one["msg"]}
        for one in error.errors()[:20]
    ]
    broken = any(one["type"] == "json_invalid" for one in error.errors())
    said = "; ".join(f"{slip['where']}: {slip['detail']}" for slip in slips)
    return Problem(400 if broken else 422, said, errors=slips)


def answer_problems(application: FastAPI) -> None:
    """Let all that goes wrong in an application be answered as a problem."""
    application.add_exception_handler(HTTPException, _of_http)
    application.add_exception_handler(RequestValidationError, _of_validation)
    application.add_exception_handler(ValueError, _of_value)
    application.add_exception_handler(ClientDisconnect, _of_gone)
    application.add_exception_handler(Exception, _of_fault)


def _answer(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> Response:
    title = HTTPStatus(status).phrase
    content: dict[str, object] = {"title": title, "status": status}
    content["detail"] = detail
    if errors:
        content["errors"] = [*errors]
    return JSONResponse(content, status, headers, media_type="application/problem+json")


async def _of_http(request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return error.response()
    assert isinstance(error, HTTPException)
    words = {
        404: "there is nothing at this address: see /v1/openapi.json for what there is",
        405: f"{request.method} is not done at this address: see /v1/openapi.json",
    }
    return _answer(error.status_code, words.get(error.status_code, error.detail), error.headers)


async def _of_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return _answer(400, "the body is not JSON in UTF-8")
    slips = [
        {"where": ".".join(str(part) for part in one["loc"]), "detail": str(one["msg"])}
        for one in error.errors()[:20]
    ]
    said = "; ".join(f"{slip['where']}: {slip['detail']}" for slip in slips)
    return _answer(422, said, errors=slips)


async def _of_value(_: Request, error: Exception) -> Response:
    """What the library says of a wrong value, in its words."""
    if isinstance(error, StoreUnavailable | DiskFull):
        return _answer(503, without_paths(str(error)), {"Retry-After": "5"})
    return _answer(422, without_paths(str(error)))


async def _of_gone(request: Request, error: Exception) -> Response:
    """Whoever asked has hung up, as a page does whose user asks something newer: no fault."""
    return _answer(400, "the body broke off")


async def _of_fault(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(500, "a fault of the server, which its log tells; nothing more is known here")
