"""Translation of the HTTP library's exceptions into errors of this package."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from seeclickfix_async._core.credentials import parse_origin
from seeclickfix_async._core.error_secrets import mask_secrets
from seeclickfix_async._core.quoting import shorten
from seeclickfix_async._transport.environment import certificate_variable, describe_proxy
from seeclickfix_async._transport.httpx_compat import HTTPLibrary
from seeclickfix_async._transport.request import Exchange
from seeclickfix_async.errors import (
    AnswerLostError,
    AnswerTimeoutError,
    ConnectionFailedError,
    InvalidArgumentError,
    InvalidEnvironmentError,
    RedirectRefusedError,
    SeeClickFixError,
    TransportError,
)

_CAUSES: dict[type[OSError], str] = {
    ssl.SSLCertVerificationError: "the server's certificate is not trusted ({0.verify_message})",
    ssl.SSLError: "TLS failed ({0.strerror})",
    socket.gaierror: "the host name cannot be resolved",
    ConnectionRefusedError: "the server refused it",
}
_TIMEOUTS = {
    "ConnectTimeout": "the server did not respond in time",
    "PoolTimeout": "the HTTP client that you passed has no free connection",
}


def translate_exception(
    library: HTTPLibrary, error: BaseException, exchange: Exchange
) -> SeeClickFixError | None:
    """Return our error for one of the library's, or None for an error of another kind.

    The message names the host and the cause; the class says whether the request may have been sent.
    """
    if isinstance(error, (library.InvalidURL, UnicodeError)):  # UnicodeError: of a host name
        is_redirect = exchange.url != exchange.request.url
        invalid = InvalidArgumentError("path", "is not a valid URL.")
        return invalid_redirect_error(exchange) if is_redirect else invalid
    # TLS errors may not be translated, and a hook of the caller's client may consume the response.
    if not isinstance(error, (library.RequestError, library.StreamError, OSError)):
        return None
    if isinstance(error, (library.ConnectError, library.ConnectTimeout, library.PoolTimeout)):
        return _connection_error(error, exchange)
    if isinstance(error, (library.ProxyError, library.UnsupportedProtocol)):
        return _proxy_error(error, exchange)
    host, cause, route = _host(exchange), _cause(error), exchange.request.route
    if isinstance(error, library.TimeoutException):
        return AnswerTimeoutError(
            f"{host} did not respond in time. The service may have executed the request.",
            advice="Before you write again, check whether it did, or allow a longer timeout.",
            route=route,
        )
    return _lost(f"The connection to {host} broke before the response was complete{cause}", route)


def _connection_error(error: Exception, exchange: Exchange) -> ConnectionFailedError:
    """Return the error for a connection that could not be opened, to the service or to a proxy."""
    is_tls = any(isinstance(cause, ssl.SSLError) for cause in _chain(error))
    proxy = "" if is_tls else _proxy(exchange)
    settings = "the proxy settings of the environment" if proxy else "the network"
    variable = certificate_variable() if is_tls else ""
    return ConnectionFailedError(
        f"The connection to {proxy or _host(exchange)} failed{_cause(error)}. Nothing was sent.",
        advice=f"Check base_url and {variable or settings}.",
        route=exchange.request.route,
    )


def _proxy_error(error: Exception, exchange: Exchange) -> ConnectionFailedError:
    """Return the error for a proxy that refuses, or for a URL's scheme."""
    if str(error).startswith("407"):  # the response to a CONNECT request
        return proxy_authentication_error(exchange)
    proxy = _proxy(exchange) or "the proxy"
    return ConnectionFailedError(
        f"{_host(exchange)} cannot be reached through {proxy}, or by this protocol{_cause(error)}. "
        "Nothing was sent.",
        advice="Check base_url and the proxy settings of the environment.",
        route=exchange.request.route,
    )


def proxy_authentication_error(exchange: Exchange) -> InvalidEnvironmentError:
    """Return the error for a proxy that requires authentication."""
    proxy = _proxy(exchange) or "the proxy"
    return InvalidEnvironmentError(
        f"{_host(exchange)} cannot be reached: {proxy} requires a user name and a password.",
        advice="Add them to the URL of the proxy.",
        route=exchange.request.route,
    )


def invalid_redirect_error(exchange: Exchange) -> RedirectRefusedError:
    """Return the error for a redirect that cannot be followed."""
    return RedirectRefusedError(
        "The service redirects to an invalid URL.", route=exchange.request.route
    )


def total_timeout_error(exchange: Exchange) -> TransportError:
    """Return the error for a request that took longer than `total_timeout`."""
    host, route = _proxy(exchange) or _host(exchange), exchange.request.route
    total = exchange.options.total_timeout
    if exchange.was_sent is False:
        return ConnectionFailedError(
            f"There was no connection to {host} within {total:g} s (total_timeout). Nothing was "
            "sent.",
            advice="Check base_url and the network, or allow a longer total_timeout.",
            route=route,
        )
    return AnswerTimeoutError(
        f"The response from {host} was not complete after {total:g} s (total_timeout). The service "
        "may have executed the request.",
        advice="Before you write again, check whether it did, or allow a longer total_timeout.",
        route=route,
    )


def undecodable_error(reason: str, exchange: Exchange) -> AnswerLostError:
    """Return the error for content that cannot be decompressed."""
    problem = f"The response of {_host(exchange)} cannot be read: {reason}"
    return _lost(problem, exchange.request.route)


def _lost(problem: str, route: str) -> AnswerLostError:
    return AnswerLostError(
        f"{problem}. The service may have executed the request.",
        advice="Before you write again, check whether it did.",
        route=route,
    )


def _host(exchange: Exchange) -> str:
    """Return the host and port of the exchange's URL, without credentials, path and query."""
    host = urlsplit(exchange.url).netloc.rpartition("@")[2]
    return shorten(mask_secrets(host, exchange.secrets))


def _proxy(exchange: Exchange) -> str:
    """Describe the proxy that the connection was opened to, or return an empty string."""
    _, host, port = parse_origin(exchange.url)
    if exchange.peer in (None, (host, port)) or not host.isascii():
        return ""  # the library encodes a host that is not ASCII
    return f"the proxy {describe_proxy(*exchange.peer)}"


def _cause(error: BaseException) -> str:
    """Describe the cause, if it is known; the HTTP library's own messages may contain a URL."""
    causes = map(_system_message, _chain(error))
    cause = _TIMEOUTS.get(type(error).__name__) or next(filter(None, causes), "")
    return f": {cause}" if cause else ""


def _system_message(error: BaseException) -> str:
    """Describe an error of TLS or of the operating system; empty for other errors."""
    for kind, template in _CAUSES.items():
        if isinstance(error, kind):
            return template.format(error)
    number = error.errno if isinstance(error, OSError) else None
    return "" if number is None else os.strerror(number)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes; of several addresses that were tried, the first one's."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        else:
            error = error.__cause__ or error.__context__
