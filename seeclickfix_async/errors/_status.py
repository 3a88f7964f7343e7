"""Errors for a status with which the service refuses a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeclickfix_async.errors._base import SeeClickFixError


class StatusError(SeeClickFixError):
    """The service refused the request.

    Attributes:
        status: The HTTP status, or None when the request was refused before it was sent.
        route: The request's method and route template, without query or personal data.
        body: The parsed JSON body, or None when there is no JSON body.
        headers: The response's headers, names in lower case.
        retry_after: Seconds to wait before the next try, or None if unknown.
    """

    code = "refused"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        advice: str = "",
        status: int | None = None,
        route: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, advice=advice)
        self.status = status
        self.route = route
        self.body = body
        self.headers: dict[str, str] = dict(headers or {})
        self.retry_after = retry_after


class BadRequestError(StatusError):
    """400, or a 4xx that has no error class of its own."""

    code = "bad_request"


class AuthenticationError(StatusError):
    """401: the token is missing, expired, revoked or invalid.

    Its code is `not_signed_in` when the request had no token.

    Attributes:
        reason: `expired`, `revoked` or `invalid`, as stated by the provider; otherwise empty.
    """

    code = "unauthenticated"

    def __init__(self, message: str, *, reason: str = "", **data: Any) -> None:
        super().__init__(message, **data)
        self.reason = reason


class PermissionDeniedError(StatusError):
    """403: the account may not do this.

    Its code is `not_signed_in` when the request had no token.

    Attributes:
        reason: `account` when the account may not do this; `anonymous` when the request had no
            token; `blocked` when the service refuses the client, which is a `BlockedError`.
    """

    code = "permission_denied"

    def __init__(self, message: str, *, reason: str = "account", **data: Any) -> None:
        super().__init__(message, **data)
        self.reason = reason


class BlockedError(PermissionDeniedError):
    """403 "by administrative rules": the service refuses every request of this client.

    It is never retried. Requests that are waiting for the rate limiter fail with it too.
    """

    code = "blocked"


class ChallengeError(StatusError):
    """A web page that checks for a browser, sent by a network such as Cloudflare.

    The service did not receive the request. It is not retried: only a browser could pass.
    """

    code = "browser_challenge"


class NotFoundError(StatusError):
    """404: the object does not exist, or this account may not see it.

    Its code is `unknown_path` when the path does not exist, which often means a wrong `base_url`.
    """

    code = "not_found"


class ValidationError(StatusError):
    """422, or a success whose body lists errors.

    Attributes:
        errors: The faults, by field; `base` lists those of no single field.
    """

    code = "validation_failed"

    def __init__(
        self, message: str, *, errors: Mapping[str, list[str]] | None = None, **data: Any
    ) -> None:
        super().__init__(message, **data)
        self.errors: dict[str, list[str]] = dict(errors or {})


class RateLimitedError(StatusError):
    """429, or a wait longer than `max_wait` (then `status` is None and nothing was sent)."""

    code = "rate_limited"


class ServerError(StatusError):
    """5xx, or 408: the service failed, or did not receive the whole request in time."""

    code = "service_failed"
