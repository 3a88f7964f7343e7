"""No usable answer came back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeclickfix_async.errors._base import SeeClickFixError


class TransportError(SeeClickFixError):
    """No usable answer came back.

    Attributes:
        route: The request's method and route template, without query or personal data.
    """

    def __init__(self, message: str, *, route: str = "") -> None:
        super().__init__(f"{route}: {message}".removeprefix(": "))
        self.route = route


class ConnectionFailedError(TransportError):
    """No connection was made, so the request never left: it is safe to send it again."""


class AnswerLostError(TransportError):
    """The connection broke after sending: the service may have carried the request out."""


class AnswerTimeoutError(AnswerLostError):
    """The answer took longer than the client's `timeout`."""


class IssueMayExistError(AnswerLostError):
    """A report was sent, and its answer never came: the issue may exist or not.

    Look before you report again: `await client.issues.find_lost(error)` gives the issues of this
    kind at this place, the newest first. `client.issues.mine()` knows it too.

    Attributes:
        filters: Arguments of `client.issues.list()` that find the issue.
    """

    def __init__(self, filters: Mapping[str, Any], *, route: str = "") -> None:
        super().__init__(
            "No usable answer came, and the issue may exist. Before you report it again, look "
            "with client.issues.find_lost(error).",
            route=route,
        )
        self.filters: dict[str, Any] = dict(filters)


class RedirectLoopError(TransportError):
    """The service redirects in a circle, or more often than any honest answer needs."""


class RedirectRefusedError(TransportError):
    """The service redirects what must not be sent on: a write's body, or a secret."""


class ForeignRedirectError(TransportError):
    """Another origin than the API's was named as the place of the answer.

    A write is never sent there, and a read that went there without the token did not find
    the API's answer.

    Attributes:
        origin: The foreign origin, such as `https://login.example`.
    """

    def __init__(self, message: str, *, origin: str, route: str = "") -> None:
        super().__init__(message, route=route)
        self.origin = origin


class ResponseTooLargeError(TransportError):
    """The answer is larger than the client accepts; reading stopped at the limit.

    Attributes:
        limit: How many bytes are accepted.
    """

    def __init__(self, limit: int, *, route: str = "") -> None:
        super().__init__(
            f"The answer is larger than {limit:,} bytes, which no answer of the API is. "
            "Ask for fewer rows with per_page, or check base_url.",
            route=route,
        )
        self.limit = limit
