"""The headers that a caller adds to requests."""

from __future__ import annotations

import re
from collections.abc import Mapping

from seeclickfix_async._core.credentials import header_text
from seeclickfix_async.errors import InvalidArgumentError

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2

# They would contradict the URL or the framing of the message, or sign in to a proxy.
_CONNECTION_HEADERS = frozenset(
    {
        "Connection",
        "Content-Length",
        "Expect",
        "Host",
        "Keep-Alive",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Te",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    }
)

_VIEW_ADVICE = {
    "Accept-Encoding": "is set by the client.",
    "Authorization": "must not be set here; use token=.",
    "Content-Type": "is set by each request.",
    "Cookie": "is never sent.",
    "If-Match": "is for a single request; use request().",
    "If-Modified-Since": "is for a single request; use request().",
    "If-None-Match": "is for a single request; use request().",
    "If-Range": "is for a single request; use request().",
    "If-Unmodified-Since": "is for a single request; use request().",
    "Range": "is for a single request; use request().",
}
"""The headers that a view cannot add to all its requests, and what to do instead."""


def check_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return headers with their names in one form, such as `X-Api-Key`.

    Raises:
        InvalidArgumentError: A name or a value is invalid, or describes the connection.
    """
    if headers is not None and not isinstance(headers, Mapping):
        raise InvalidArgumentError("headers", "must be a mapping of names to values.")
    checked: dict[str, str] = {}
    for name, value in (headers or {}).items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidArgumentError("headers", "has an invalid name, such as one with a space.")
        title = name.title()
        if title in _CONNECTION_HEADERS:
            raise InvalidArgumentError("headers", f"{title} is set by the HTTP library.")
        if title in checked:
            raise InvalidArgumentError("headers", f"{title} is there twice.")
        checked[title] = header_text("headers", value, spaces=True)
    return checked


def check_view_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of all requests of a view; see `check_headers`.

    Raises:
        InvalidArgumentError: A header is invalid, or belongs to a credential or a single request.
    """
    checked = check_headers(headers)
    for name in checked:
        if name in _VIEW_ADVICE:
            raise InvalidArgumentError("headers", f"{name} {_VIEW_ADVICE[name]}")
    return checked
