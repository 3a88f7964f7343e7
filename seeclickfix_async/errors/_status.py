"""The service said no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeclickfix_async.errors._base import SeeClickFixError


class StatusError(SeeClickFixError):
    """The service refused the request.

    Attributes:
        status: The HTTP status, or None when the refusal was ours.
        route: The request's method and route template, without query or personal data.
        body: The parsed JSON body, or None when there is none.
        headers: The answer's headers, names in lower case.
        retry_after: Seconds to wait before the next try, if they are known.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        route: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.route = route
        self.body = body
        self.headers: dict[str, str] = dict(headers or {})
        self.retry_after = retry_after


class BadRequestError(StatusError):
    """400, or a 4xx that has no error of its own."""


class AuthenticationError(StatusError):
    """401: the token is missing, expired, revoked or wrong; or nobody is signed in.

    Attributes:
        reason: `expired`, `revoked` or `invalid`, as the provider says; empty when it does not.
    """

    def __init__(self, message: str, *, reason: str = "", **data: Any) -> None:
        super().__init__(message, **data)
        self.reason = reason


class PermissionDeniedError(StatusError):
    """403: the account may not do this.

    Attributes:
        reason: `account` when the account may not; `nobody` when nobody is signed in; `blocked`
            when the service refuses the client as a whole, which is a `BlockedError`.
    """

    def __init__(self, message: str, *, reason: str = "account", **data: Any) -> None:
        super().__init__(message, **data)
        self.reason = reason


class BlockedError(PermissionDeniedError):
    """403 "by administrative rules": the service refuses this client as a whole.

    It is never retried, and requests that were waiting for their turn fail with it too.
    """


class NotFoundError(StatusError):
    """404: there is no such thing, or this account may not see it."""


class ValidationError(StatusError):
    """422, or a success whose body lists errors.

    Attributes:
        errors: What is wrong, by field; `base` holds what belongs to no field.
    """

    def __init__(
        self, message: str, *, errors: Mapping[str, list[str]] | None = None, **data: Any
    ) -> None:
        super().__init__(message, **data)
        self.errors: dict[str, list[str]] = dict(errors or {})


class RateLimitedError(StatusError):
    """429, or a wait longer than `max_wait` (then `status` is None and nothing was sent)."""


class ServerError(StatusError):
    """5xx: the service failed."""
