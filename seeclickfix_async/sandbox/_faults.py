"""Faults of the service and its network: what goes wrong with a request."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal, Self, SupportsIndex

import attrs
from starlette.responses import Response

from seeclickfix_async._core.numbers import Number, as_integer, as_seconds
from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._bounds import at_least, check_at_least
from seeclickfix_async.sandbox._connection import Ending, Script, ScriptedResponse, Steps

RETRY_AFTER_FORMS: tuple[str | int | timedelta | None, ...] = (
    *(None, 0, 1, 30, "", "-5", "1.5", "soon", "NaN", "inf", "1e309", "0, 1", "9" * 20),
    *(timedelta(seconds=30), timedelta(hours=-1)),
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
)
"""Values of Retry-After for `Fault.too_many_requests`: numbers, dates, and nonsense."""

NO_STATUS = 0
"""The status of a response that is not made."""

_HTML = "<!doctype html><title>Sorry</title><h1>We are down for maintenance</h1>"


@attrs.frozen
class Fault:
    """Something that goes wrong with a request; `Fault(503)` is a response that replaces its own.

    Attributes:
        status: The HTTP status; None for the status of the response that is spoiled.
        body: JSON, or a string or bytes that are sent unchanged; None for an empty body.
        headers: More headers, such as `WWW-Authenticate`.
        carried_out: Whether the request is carried out nevertheless: a report is created, but its
            response is lost.
        seconds: A delay before the response, in seconds or as a timedelta.
        script: Makes the bytes that are sent instead of a response.
        retry_after: A value of Retry-After; a timedelta is sent as a date.
        refuses: Whether the connection is refused, so that no request was received.
        ends_token: Whether the access token of the request expires.
    """

    status: int | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(as_integer),
        validator=attrs.validators.optional(at_least(NO_STATUS, integer=True)),
    )
    body: Any = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    carried_out: bool = attrs.field(default=False, kw_only=True)
    seconds: float = attrs.field(
        default=0.0, converter=as_seconds, validator=at_least(0), kw_only=True
    )
    script: Script | None = attrs.field(default=None, kw_only=True)
    retry_after: str | int | timedelta | None = attrs.field(default=None, kw_only=True)
    refuses: bool = attrs.field(default=False, kw_only=True)
    ends_token: bool = attrs.field(default=False, kw_only=True)

    @classmethod
    def refuse(cls) -> Self:
        """Return a refused connection: certainly nothing was sent.

        The system accepts connections to a real socket before the server knows of them. There, this
        fault resets a connection, which proves less to a client.
        """
        return cls(script=lambda _: ((), "refuse"), refuses=True)

    @classmethod
    def reset(
        cls, when: Literal["before", "during", "after"] = "before", *, carried_out: bool = True
    ) -> Self:
        """Return a connection that is reset before, during or after the body of the response.

        Args:
            when: The moment. Nothing of the response is sent `before`, half of its body `during`.
            carried_out: Whether the request is carried out first.
        """
        return cls(script=_CUTS[when, "reset"], carried_out=carried_out)

    @classmethod
    def truncate(cls) -> Self:
        """Return a response with half of its body, after which the connection is closed."""
        return cls(script=_CUTS["during", "close"], carried_out=True)

    @classmethod
    def wrong_length(cls, excess: SupportsIndex = -5) -> Self:
        """Return a response whose Content-Length is wrong by some bytes."""
        more = as_integer(excess)
        check_at_least("excess", more, -math.inf, integer=True)

        def script(response: Response) -> tuple[Steps, Ending]:
            length = str(max(0, len(response.body) + more))
            return (head(response, {"content-length": length}), bytes(response.body)), "close"

        return cls(script=script, carried_out=True)

    @classmethod
    def drip(cls, seconds: Number | timedelta = 0.2, pieces: SupportsIndex = 20) -> Self:
        """Return a response whose body comes in pieces, with a pause before each of them."""
        pause, count = as_seconds(seconds), as_integer(pieces)
        check_at_least("seconds", pause, 0, integer=False)
        check_at_least("pieces", count, 1, integer=True)

        def script(response: Response) -> tuple[Steps, Ending]:
            body = bytes(response.body)
            size = max(1, math.ceil(len(body) / count))
            parts = [body[start : start + size] for start in range(0, len(body), size)]
            return (head(response), *(step for part in parts for step in (pause, part))), "close"

        return cls(script=script, carried_out=True)

    @classmethod
    def delay(cls, seconds: Number | timedelta) -> Self:
        """Return a response that comes late."""
        return cls(seconds=seconds, carried_out=True)

    @classmethod
    def html(cls, status: SupportsIndex = 200) -> Self:
        """Return an HTML page instead of JSON, as proxies and maintenance pages send it."""
        return cls(status, _HTML, {"content-type": "text/html; charset=utf-8"})

    @classmethod
    def too_many_requests(cls, retry_after: str | int | timedelta | None = 30) -> Self:
        """Return 429 with a value of Retry-After, or without one.

        Args:
            retry_after: Seconds, any string, or a timedelta, which is sent as an HTTP date.
        """
        return cls(429, {"message": "Too Many Requests"}, retry_after=retry_after)

    @classmethod
    def redirect(cls, location: str = "", status: SupportsIndex = 302) -> Self:
        """Return a redirect, by default to the URL of the request itself."""
        return cls(status, headers={"location": location})

    @classmethod
    def expired_token(cls) -> Self:
        """Return 401; the access token of the request expires, and a refresh token stays valid."""
        return cls(401, ends_token=True)

    def replace(self, response: Response, url: str, now: datetime) -> Response:
        """Return the response to a request for this URL that is sent, or spoiled by the script."""
        if self.status is None:
            return response
        response = responses.from_fault(self.status, self.body, self.headers)
        if response.headers.get("location") == "":
            response.headers["location"] = url
        if self.retry_after is not None:
            response.headers["Retry-After"] = _format_retry_after(self.retry_after, now)
        return response

    def spoil(self, response: Response) -> Response:
        """Return what is sent instead of a response, by the script."""
        if self.script is None:
            return response
        return ScriptedResponse(response.status_code, *self.script(response))


def head(response: Response, headers: Mapping[str, str] = {}) -> bytes:
    """Return the status line and the headers of a response as bytes, with some replaced."""
    lines = {**response.headers, "connection": "close", **headers}
    fields = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {response.status_code} Status\r\n{fields}\r\n".encode("latin-1")


def _cut(when: str, ending: Ending) -> Script:
    """Return a script that ends the connection before, during or after the body."""

    def script(response: Response) -> tuple[Steps, Ending]:
        body = bytes(response.body)
        if when == "before":
            return (), ending
        return (head(response), body[: len(body) // 2] if when == "during" else body), ending

    return script


_ENDINGS: tuple[Ending, ...] = ("close", "reset")
_CUTS = {
    (when, ending): _cut(when, ending)
    for when in ("before", "during", "after")
    for ending in _ENDINGS
}


def _format_retry_after(value: str | int | timedelta, now: datetime) -> str:
    return format_datetime(now + value, usegmt=True) if isinstance(value, timedelta) else str(value)
