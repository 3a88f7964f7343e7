"""The response of the service: status, headers and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import attrs
import msgspec

from seeclickfix_async._core import backoff, lenient_json
from seeclickfix_async._core.quoting import parse_request_id
from seeclickfix_async._core.secret import Secret
from seeclickfix_async.errors import DecodeError, SeeClickFixError

ErrorT = TypeVar("ErrorT", bound=SeeClickFixError)


def is_success(status: int) -> bool:
    """Return whether a status is a success; a 304 confirms the caller's own copy."""
    return 200 <= status < 300 or status == 304


@attrs.frozen
class Response:
    """A response: status, headers and bytes.

    Attributes:
        status: The HTTP status.
        headers: The headers, names in lower case.
        content: The body, decompressed.
        url: The URL that sent the response, after redirects.
        route: The request's method and route template, without query or personal data.
        requests: How many requests were sent for it, redirects and retries included.
        is_foreign: Whether redirects led away from the API's origin.
        age: Seconds since the service sent or confirmed it; 0 unless a `Cache` with `max_age` or
            `stale_if_limited` returned it without a request.
        sent_at: When its request was sent, by the client's clock; only of cached responses.
        secrets: The secrets of the request, which no error may quote from the response.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False, hash=False)
    content: bytes = attrs.field(repr=False)
    url: str = attrs.field(default="", repr=False)
    route: str = ""
    requests: int = 1
    is_foreign: bool = False
    age: float = 0.0
    sent_at: float = attrs.field(default=0.0, repr=False, eq=False)
    secrets: tuple[Secret, ...] = attrs.field(default=(), repr=False, eq=False)

    @property
    def date(self) -> datetime | None:
        """The time of the response by the service's clock, in seconds without fraction.

        None if the response has no date, or one before 2008. Source: RFC 9110 §6.6.1.
        """
        return backoff.parse_http_date(self.headers.get("date"))

    @property
    def request_id(self) -> str:
        """The service's id of the request (`x-request-id`), or an empty string.

        Operators of the service find the request by it. Other characters than those of ids, and
        whatever follows them, are left out.
        """
        return parse_request_id(self.headers, self.secrets)

    def decode_error(self, reason: str, path: str = "") -> DecodeError:
        """Return the error for a response that does not have the documented form."""
        return self.identify(DecodeError(reason, path=path, route=self.route))

    def identify(self, error: ErrorT) -> ErrorT:
        """Return an error about this response, with its request id."""
        error.request_id = self.request_id
        return error

    def json(self) -> Any:
        """Return the body as plain Python objects.

        A lone surrogate becomes U+FFFD; NaN and Infinity, which JSON does not have, become None.

        Raises:
            DecodeError: The body is not JSON.
        """
        try:
            return lenient_json.loads(self.content)
        except lenient_json.UNREADABLE as error:
            raise self.decode_error(self.why_unreadable(error)) from None

    def why_unreadable(self, error: Exception) -> str:
        """Describe a body that is not JSON, without quoting it."""
        if not self.content:
            return "The body is empty."
        kind = self.headers.get("content-type", "").partition(";")[0]
        if "html" in kind or self.content.lstrip()[:1] == b"<":
            return (
                "It is a web page, not JSON: the URL is not the API's, or a proxy or a login page "
                "has responded instead."
            )
        if isinstance(error, OverflowError):
            return f"{error} Request fewer rows with per_page."
        if isinstance(error, RecursionError):
            return "It is nested too deeply."
        if not isinstance(error, msgspec.DecodeError):
            return "It is not UTF-8."
        return f"It is not JSON ({error})."
