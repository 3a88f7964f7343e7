"""The target of a redirect, and the requests that may follow it."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urldefrag, urljoin

from seeclickfix_async._core import validation
from seeclickfix_async._transport.exceptions import invalid_redirect_error
from seeclickfix_async._transport.request import Exchange
from seeclickfix_async._transport.status_errors import foreign_redirect_error
from seeclickfix_async.errors import RedirectRefusedError, TransportError

_METHOD_PRESERVING = frozenset({307, 308})


def redirect_url(exchange: Exchange, location: str) -> str:
    """Return the URL of a redirect, without its fragment."""
    with suppress(ValueError):  # such as a bracket that is not closed
        url = urldefrag(urljoin(exchange.url, location)).url
        if validation.is_http_url(url):
            return url
    raise invalid_redirect_error(exchange)


def internal_redirect_error(exchange: Exchange) -> TransportError:
    """Return the error for a redirect from a public service into the caller's own network."""
    if exchange.request.into is None:
        return foreign_redirect_error(exchange.url, exchange.request.route, exchange.secrets)
    return RedirectRefusedError(
        "The service redirects to an address that is not on the public internet.",
        route=exchange.request.route,
    )


def check_redirected_write(exchange: Exchange, status: int) -> None:
    """Refuse to send a write to another origin, or without its body."""
    if not exchange.is_own:
        raise foreign_redirect_error(exchange.url, exchange.request.route, exchange.secrets)
    if status not in _METHOD_PRESERVING:
        raise RedirectRefusedError(
            f"The service redirects a write with {status}, which would lose its body.",
            advice="Check base_url.",
            route=exchange.request.route,
        )
