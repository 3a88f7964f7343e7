"""Responses as the service writes them: success, errors and "not modified"."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox._settings import Settings

_DOCUMENTATION = "http://dev.seeclickfix.com"
LAST_MODIFIED = "Thu, 01 Oct 2026 04:00:00 GMT"


def json_response(body: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(msgspec.json.encode(body), status, media_type="application/json; charset=utf-8")


class RefusedError(Exception):
    """Ends the handling of a request with an error response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


def from_fault(status: int, body: Any, headers: Mapping[str, str]) -> Response:
    """Return an injected fault as a response; a body of None is empty."""
    is_json = not isinstance(body, (str, bytes, type(None)))
    response = json_response(body, status) if is_json else Response(body, status)
    response.headers.update(headers)
    return response


def collection(key: str, rows: list[Any], pagination: dict[str, Any]) -> dict[str, Any]:
    """Return the body of a list, under its resource's name (observed)."""
    return {key: rows, "metadata": {"pagination": pagination}, "errors": {}}


def cacheable(request: Request, body: Any) -> Response:
    """Return JSON with a weak ETag, or 304 if the client has that version (documented)."""
    response = json_response(body)
    etag = f'W/"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    validators = {"ETag": etag, "Last-Modified": LAST_MODIFIED, "Cache-Control": "private"}
    if _is_current(request, etag):
        return Response(status_code=304, headers=validators)
    response.headers.update(validators)
    return response


def _is_current(request: Request, etag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    return etag in known or known.strip() == "*"


def not_found() -> Response:
    """Return 404 with an empty body (documented)."""
    return Response(status_code=404)


def point_missing() -> Response:
    """Return 400 for a search without a point (documented)."""
    return json_response(
        {"message": "Point missing from request.", "documentation_url": _DOCUMENTATION}, 400
    )


def unauthorized() -> Response:
    """Return 401 with an empty body; a header says why (observed of the provider)."""
    challenge = (
        'Bearer realm="SeeClickFix", error="invalid_token", '
        'error_description="The access token is invalid"'
    )
    return Response(
        status_code=401, headers={"WWW-Authenticate": challenge}, media_type="text/html"
    )


def forbidden() -> Response:
    """Return 403 for a user without this permission (the real body is unknown)."""
    return json_response({"message": "You are not authorized to do that."}, 403)


def invalid_json() -> Response:
    """Return 400 for a body that is not a JSON object (documented)."""
    return json_response({"request": "Unable to parse JSON"}, 400)


def invalid(errors: Any) -> Response:
    """Return 422; its body has one of four forms (documented and observed)."""
    return json_response(errors, 422)


def moderated() -> Response:
    """Return 202 for a write that a moderator reviews first (documented)."""
    return json_response({"metadata": {"moderated": True}}, 202)


def blocked() -> Response:
    """Return 403 for a request without a User-Agent (documented)."""
    return json_response(
        {
            "message": "Request forbidden by administrative rules.",
            "documentation_url": _DOCUMENTATION,
        },
        403,
    )


def too_many_requests(wait: float, settings: Settings, now: datetime) -> Response:
    """Return 429; Retry-After is an integer (documented), except below one second for tests."""
    response = {
        "json": json_response(
            {"message": "Too Many Requests", "documentation_url": _DOCUMENTATION}, 429
        ),
        "html": Response("<h1>Too Many Requests</h1>", 429, media_type="text/html"),
        "empty": Response(status_code=429),
    }[settings.limited_body]
    if settings.retry_after == "seconds":
        seconds = str(math.ceil(wait)) if wait >= 1 else f"{wait + 0.001:.3f}"
        response.headers["Retry-After"] = seconds
    elif settings.retry_after == "date":
        end = now + timedelta(seconds=math.ceil(wait))
        response.headers["Retry-After"] = format_datetime(end, usegmt=True)
    return response
