"""From an error of the HTTP library to one of ours: did the request leave, and what went wrong?"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from seeclickfix_async._transport.httpx_compat import HTTPLibrary
from seeclickfix_async._transport.request import Exchange
from seeclickfix_async.errors import (
    AnswerLostError,
    AnswerTimeoutError,
    ConnectionFailedError,
    InvalidArgumentError,
    SeeClickFixError,
    TransportError,
)

_CAUSES: dict[type[OSError], str] = {
    ssl.SSLCertVerificationError: "its certificate is not to be trusted ({0.verify_message})",
    ssl.SSLError: "TLS failed ({0.strerror})",
    socket.gaierror: "its name is not known",
    ConnectionRefusedError: "it refused",
}
_NAMED = {
    "ConnectTimeout": "it did not answer in time",
    "PoolTimeout": "the HTTP client that you gave has none left",
}


def translate_exception(
    library: HTTPLibrary, error: BaseException, exchange: Exchange
) -> SeeClickFixError | None:
    """Return our error for one of the library's, with host and cause; None for any other error."""
    if isinstance(error, (library.InvalidURL, UnicodeError)):  # the latter for a host's name
        return InvalidArgumentError("path", "is no address that a request can be sent to.")
    if not isinstance(error, (library.RequestError, OSError)):  # broken TLS comes bare at times
        return None
    host, cause, route = _host(exchange.url), _cause(error), exchange.request.route
    if isinstance(error, (library.ConnectError, library.ConnectTimeout, library.PoolTimeout)):
        return ConnectionFailedError(
            f"No connection to {host} could be made{cause}. Nothing was sent.",
            advice="Check base_url and the network.",
            route=route,
        )
    if isinstance(error, (library.ProxyError, library.UnsupportedProtocol)):
        return ConnectionFailedError(
            f"The way to {host} is closed{cause}. Nothing was sent.",
            advice="Check base_url and the proxy settings of the environment.",
            route=route,
        )
    if isinstance(error, library.TimeoutException):
        return AnswerTimeoutError(
            f"No answer came from {host} in time. The service may have carried the request out.",
            advice="Read before you write again, or allow a longer timeout.",
            route=route,
        )
    return AnswerLostError(
        f"The connection to {host} broke before the answer was whole{cause}. The service may have "
        "carried the request out.",
        advice="Read before you write again.",
        route=route,
    )


def total_timeout_error(exchange: Exchange) -> TransportError:
    """Return the error for a request that took longer than the client's `total_timeout`."""
    host, route = _host(exchange.url), exchange.request.route
    total = exchange.options.total_timeout
    if exchange.has_left is False:
        return ConnectionFailedError(
            f"No connection to {host} could be made within {total:g} s (total_timeout). Nothing "
            "was sent.",
            advice="Check base_url and the network, or allow a longer total_timeout.",
            route=route,
        )
    return AnswerTimeoutError(
        f"The answer from {host} was not complete after {total:g} s (total_timeout). The service "
        "may have carried the request out.",
        advice="Read before you write again, or allow a longer total_timeout.",
        route=route,
    )


def _host(url: str) -> str:
    """Whom a URL asks, without what it asks for."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _cause(error: BaseException) -> str:
    """What is known of the cause; the HTTP library's own words may hold a whole address."""
    words = _NAMED.get(type(error).__name__) or next(filter(None, map(_told, _chain(error))), "")
    return f": {words}" if words else ""


def _told(error: BaseException) -> str:
    """What the system or TLS says."""
    for kind, words in _CAUSES.items():
        if isinstance(error, kind):
            return words.format(error)
    number = error.errno if isinstance(error, OSError) else None
    return "" if number is None else os.strerror(number)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what led to it; where several addresses were tried, the first one counts."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        else:
            error = error.__cause__ or error.__context__
