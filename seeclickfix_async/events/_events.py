"""The classes of events."""

from __future__ import annotations

from typing import TypeAlias

import attrs


@attrs.frozen(kw_only=True)
class _CallEvent:
    """An event of one call, such as `issues.get(7)`.

    Attributes:
        call: A number that the events of one call share, and no others in this process.
        method: The HTTP method.
        route: The method and the route template, such as `GET /issues/{id}`.
        attempt: The number of the attempt, from 1. Redirects belong to their attempt.
        host: The host that the request is sent to; after a redirect, the next one.
        port: Its port.
    """

    call: int
    method: str
    route: str
    attempt: int
    host: str
    port: int


@attrs.frozen(kw_only=True)
class WaitingForQuota(_CallEvent):
    """A request begins to wait for a slot of the rate limiter.

    It is reported again after a second if the wait is longer than was known at its beginning.

    Attributes:
        wait: The expected seconds, at least; requests of other processes can delay it further.
    """

    wait: float


@attrs.frozen(kw_only=True)
class RequestSent(_CallEvent):
    """A request is passed to the HTTP client. `ResponseReceived` or `RequestFailed` follows.

    Attributes:
        waited: Seconds that it waited for the rate limiter.
    """

    waited: float


@attrs.frozen(kw_only=True)
class ResponseReceived(_CallEvent):
    """A response was received completely: a success, a redirect, or an error.

    Attributes:
        status: The HTTP status.
        seconds: Seconds since the request was sent.
        request_id: The service's id of the request (`x-request-id`), or an empty string.
    """

    status: int
    seconds: float
    request_id: str


@attrs.frozen(kw_only=True)
class RequestFailed(_CallEvent):
    """There is no complete response to a request that was sent.

    Attributes:
        seconds: Seconds since the request was sent.
        reason: The code of the error, such as `response_timeout`, or `cancelled`.
        request_id: The service's id of the request, if the headers of the response were received.
    """

    seconds: float
    reason: str
    request_id: str


@attrs.frozen(kw_only=True)
class RetryScheduled(_CallEvent):
    """An attempt failed, and the request is sent again.

    Attributes:
        wait: Seconds until then, without the time that the rate limiter takes.
        reason: The code of the error, such as `rate_limited`.
        status: The HTTP status; None if no response was received.
        request_id: The service's id of the request that failed, or an empty string.
    """

    wait: float
    reason: str
    status: int | None
    request_id: str


@attrs.frozen(kw_only=True)
class CallEnded(_CallEvent):
    """The last event of a call: its response is returned, it failed, or it was cancelled.

    A call that the cache responds to has no other event.

    Attributes:
        seconds: Seconds since the call began, with all waits.
        requests: How many requests were sent, redirects and retries included.
        reason: The code of the error, or `cancelled`; an empty string after a success.
    """

    seconds: float
    requests: int
    reason: str


@attrs.frozen(kw_only=True)
class TokenRefreshed:
    """A token source received a new access token, and stored it.

    Attributes:
        seconds: Seconds that the refresh took.
        reason: `expired`, or `refused` if the service refused the token before.
    """

    seconds: float
    reason: str


@attrs.frozen(kw_only=True)
class RowRejected:
    """A row of a response cannot be read; it is in `page.rejected`.

    Attributes:
        method: The HTTP method.
        route: The method and the route template.
        path: The invalid part of the response, such as `issues[3].lat`.
        reason: What is invalid, without the row's values.
        request_id: The service's id of the request, or an empty string.
    """

    method: str
    route: str
    path: str
    reason: str
    request_id: str


Event: TypeAlias = (
    WaitingForQuota
    | RequestSent
    | ResponseReceived
    | RequestFailed
    | RetryScheduled
    | CallEnded
    | TokenRefreshed
    | RowRejected
)
"""Any event."""
