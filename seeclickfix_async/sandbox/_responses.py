"""Answers as the service writes them: success, refusal, and "not modified"."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

_DOCUMENTATION = "http://dev.seeclickfix.com"
LAST_MODIFIED = "Thu, 01 Oct 2026 04:00:00 GMT"


def answer(body: Any, status: int = 200) -> Response:
    """JSON."""
    return Response(msgspec.json.encode(body), status, media_type="application/json; charset=utf-8")


class Refused(Exception):  # noqa: N818  # an answer, and nothing that went wrong
    """An answer that ends the handling of a request."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def told(status: int, body: Any, headers: dict[str, str]) -> Response:
    """Whatever a test wants to be answered."""
    response = Response(status_code=status) if body is None else answer(body, status)
    response.headers.update(headers)
    return response


def collection(key: str, rows: list[Any], pagination: dict[str, Any]) -> dict[str, Any]:
    """A collection, under its resource's name (observed)."""
    return {key: rows, "metadata": {"pagination": pagination}, "errors": {}}


def fresh(request: Request, body: Any) -> Response:
    """JSON with a weak ETag, or 304 when the client has it already (documented)."""
    response = answer(body)
    etag = f'W/"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    validators = {"ETag": etag, "Last-Modified": LAST_MODIFIED, "Cache-Control": "private"}
    if _has(request, etag):
        return Response(status_code=304, headers=validators)
    response.headers.update(validators)
    return response


def _has(request: Request, etag: str) -> bool:
    known = request.headers.get("if-none-match")
    if known is not None:
        return etag in known or known.strip() == "*"
    return False


def no_such_thing() -> Response:
    """404 without a body (documented)."""
    return Response(status_code=404)


def no_point() -> Response:
    """400 for a search around nothing (documented)."""
    return answer(
        {"message": "Point missing from request.", "documentation_url": _DOCUMENTATION}, 400
    )


def wrong_token() -> Response:
    """401 with an empty body; the reason is in a header (observed of the provider)."""
    challenge = (
        'Bearer realm="SeeClickFix", error="invalid_token", '
        'error_description="The access token is invalid"'
    )
    return Response(
        status_code=401, headers={"WWW-Authenticate": challenge}, media_type="text/html"
    )


def forbidden() -> Response:
    """403 for somebody who is known and may not (the body is not recorded)."""
    return answer({"message": "You are not authorized to do that."}, 403)


def unreadable() -> Response:
    """400 for a body that is none (documented)."""
    return answer({"request": "Unable to parse JSON"}, 400)


def invalid(errors: Any) -> Response:
    """422; the body has one of four forms (documented and observed)."""
    return answer(errors, 422)


def held_back() -> Response:
    """202 for what a moderator reads first (documented)."""
    return answer({"metadata": {"moderated": True}}, 202)


def blocked() -> Response:
    """403 for a client that does not name itself (documented)."""
    return answer(
        {
            "message": "Request forbidden by administrative rules.",
            "documentation_url": _DOCUMENTATION,
        },
        403,
    )


def too_many(wait: float) -> Response:
    """429; a scaled quota tells fractions, the real one whole seconds (documented)."""
    response = answer({"message": "Too Many Requests", "documentation_url": _DOCUMENTATION}, 429)
    told = str(math.ceil(wait)) if wait >= 1 else f"{wait + 0.001:.3f}"
    response.headers["Retry-After"] = told
    return response
