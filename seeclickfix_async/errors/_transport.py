"""Errors for a request without a usable response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeclickfix_async.errors._base import SeeClickFixError


class TransportError(SeeClickFixError):
    """There is no usable response.

    Attributes:
        route: The request's method and route template, without query or personal data.
    """

    code = "transport"

    def __init__(self, message: str, *, code: str = "", advice: str = "", route: str = "") -> None:
        super().__init__(f"{route}: {message}".removeprefix(": "), code=code, advice=advice)
        self.route = route


class ConnectionFailedError(TransportError):
    """No connection was made, so the request was never sent: it is safe to send it again."""

    code = "connection_failed"


class InvalidEnvironmentError(ConnectionFailedError):
    """A setting for proxies or certificates is invalid, or a proxy refuses it.

    Attributes:
        variable: The environment variable, such as `HTTPS_PROXY`; empty if it is unknown.
    """

    code = "invalid_environment"

    def __init__(
        self, message: str, *, variable: str = "", advice: str = "", route: str = ""
    ) -> None:
        super().__init__(message, advice=advice, route=route)
        self.variable = variable


class AnswerLostError(TransportError):
    """The request was sent, but there is no readable response.

    The service may have executed it.
    """

    code = "response_lost"


class AnswerTimeoutError(AnswerLostError):
    """The response took longer than the client's `timeout` or `total_timeout`."""

    code = "response_timeout"


class IssueMayExistError(AnswerLostError):
    """A report was sent and no response was received: the issue may or may not exist.

    Check before you report again: `await client.issues.find_lost(error)` returns the issues of
    this request type at this place, newest first. `client.issues.mine()` lists it too.

    Attributes:
        filters: Arguments of `client.issues.list()` that find the issue.
    """

    code = "issue_may_exist"

    def __init__(self, filters: Mapping[str, Any], *, route: str = "") -> None:
        super().__init__(
            "No usable response was received, and the issue may exist.",
            advice="Before you report it again, look for it with client.issues.find_lost(error).",
            route=route,
        )
        self.filters: dict[str, Any] = dict(filters)


class RedirectLoopError(TransportError):
    """The service redirects in a circle, or too many times."""

    code = "redirect_loop"


class RedirectRefusedError(TransportError):
    """The service redirects a request that must not be sent on.

    A write would lose its body, a secret would leave the service, or the target is invalid or
    not on the public internet.
    """

    code = "redirect_refused"


class ForeignRedirectError(TransportError):
    """The service redirects to an origin other than the API's.

    A write is never sent there. A read is sent there without the token, and the response is not
    the API's.

    Attributes:
        origin: The foreign origin, such as `https://login.example`.
    """

    code = "foreign_redirect"

    def __init__(self, message: str, *, origin: str, advice: str = "", route: str = "") -> None:
        super().__init__(message, advice=advice, route=route)
        self.origin = origin


class ResponseTooLargeError(TransportError):
    """The response is larger than the client accepts; reading stopped at the limit.

    Attributes:
        limit: The largest accepted size in bytes.
    """

    code = "response_too_large"

    def __init__(self, limit: int, *, route: str = "") -> None:
        super().__init__(
            f"The response is larger than {limit:,} bytes, which no response of the API is.",
            advice="Request fewer rows with per_page, or check base_url.",
            route=route,
        )
        self.limit = limit
