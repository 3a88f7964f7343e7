"""The HTTP library: httpx, or its successor httpx2 when a client of it was handed in.

Their classes look alike and do not mix, so everything is taken from the library of the client.
Nothing outside this package names either of them.
"""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, MutableMapping
from typing import Any, Protocol

from seeclickfix_async._transport import environment, library_logs
from seeclickfix_async.errors import InvalidArgumentError

_CONNECTIONS = 4  # a pooled client has one request at a time, and so one connection to a host
KEEPALIVE = 55.0
"""Seconds that an idle connection is kept; httpx's own 5 end it in each wait for the quota."""

_LIBRARIES = ("httpx", "httpx2")

_tls_lock = threading.Lock()


class HTTPRequest(Protocol):
    """The part of a library's `Request` that is used here."""

    @property
    def headers(self) -> MutableMapping[str, str]:
        """The headers; names are in any case."""
        ...

    def read(self) -> bytes:
        """Return the content of a request without a body."""
        ...


class HTTPResponse(Protocol):
    """The part of a library's `Response` that is used here."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> HTTPHeaders:
        """The headers."""
        ...

    @property
    def is_closed(self) -> bool:
        """True when the connection has been released."""
        ...

    @property
    def is_stream_consumed(self) -> bool:
        """True when the body has been read, and then decompressed, already."""
        ...

    @property
    def stream(self) -> Any:
        """The body as it is sent, an async iterable; `aiter_raw()` costs more than it."""
        ...

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """Iterate over the body, decompressed."""
        ...

    async def aclose(self) -> None:
        """Release the connection."""
        ...


class HTTPHeaders(Protocol):
    """The part of a library's `Headers` that is used here."""

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """The names and values, as they are sent or were received."""
        ...

    def __contains__(self, name: object, /) -> bool: ...


class HTTPClient(Protocol):
    """The part of an `httpx.AsyncClient` or an `httpx2.AsyncClient` that is used here."""

    @property
    def auth(self) -> Any:
        """The credential that the client adds to its requests, or None."""
        ...

    @property
    def headers(self) -> HTTPHeaders:
        """The headers that the client adds to its requests; names are in any case."""
        ...

    @property
    def event_hooks(self) -> Mapping[str, list[Any]]:
        """The functions that the client calls, by `request` and `response`."""
        ...

    @property
    def params(self) -> Mapping[str, str]:
        """The query parameters that the client adds to its requests."""
        ...

    def build_request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        content: bytes | AsyncIterable[bytes] | None,
        extensions: dict[str, Any],
    ) -> HTTPRequest:
        """Build a request of the client's library."""
        ...

    async def send(
        self,
        request: Any,  # of the client's own library; each takes its own class only
        *,
        stream: bool,
        auth: Callable[[Any], Any] | None = ...,
        follow_redirects: bool,
    ) -> HTTPResponse:
        """Send a request, and return when the headers have been received."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class HTTPLibrary(Protocol):
    """The parts of a library that are used here: classes, and exceptions to distinguish."""

    AsyncClient: type[HTTPClient]
    ByteStream: Callable[[bytes], Any]
    Headers: Callable[[Any], Any]
    URL: Callable[[str], Any]
    Request: Callable[..., HTTPRequest]
    HTTPStatusError: type[Exception]
    StreamError: type[Exception]
    InvalidURL: type[Exception]
    RequestError: type[Exception]
    ConnectError: type[Exception]
    ConnectTimeout: type[Exception]
    PoolTimeout: type[Exception]
    ProxyError: type[Exception]
    UnsupportedProtocol: type[Exception]
    TimeoutException: type[Exception]


def client_library(client: object) -> HTTPLibrary:
    """Return the module that a client's class comes from, through any subclass.

    Raises:
        InvalidArgumentError: It is not an async client of httpx or httpx2.
    """
    for cls in type(client).__mro__:
        name = cls.__module__.partition(".")[0]
        if name in _LIBRARIES and cls.__name__ == "AsyncClient":
            library: Any = importlib.import_module(name)
            return library  # type: ignore[no-any-return]
    raise InvalidArgumentError("http", "must be an httpx.AsyncClient or an httpx2.AsyncClient.")


@functools.cache
def _tls_context() -> Any:
    import httpx  # noqa: PLC0415  # see default_client

    return httpx.create_ssl_context()


@functools.cache
def _client_class() -> Any:
    """Make the class of our own clients: without cookies, which would mix the sessions of users.

    Reading cookies costs a tenth of what httpx itself does for a small response.
    """
    import httpx  # noqa: PLC0415  # see default_client

    class NoCookies(httpx.Cookies):
        def extract_cookies(self, response: httpx.Response) -> None:
            """Keep none."""

    class Client(httpx.AsyncClient):
        cookies: Any = NoCookies()

    return Client


def default_client(headers: Mapping[str, str]) -> HTTPClient:
    """Make a client of our own. The first one in a process is slow: call this in a thread.

    Loading the certificates is nearly all of the cost, so all clients share one TLS context.

    Raises:
        InvalidEnvironmentError: Proxies or certificates of the environment cannot be used.
    """
    import httpx  # noqa: PLC0415  # costs more than the whole package, and is not always needed

    library_logs.add_filters()
    environment.check_certificate_folders()
    try:
        with _tls_lock:
            context = _tls_context()
        client: HTTPClient = _client_class()(
            headers=headers,
            verify=context,
            limits=httpx.Limits(max_keepalive_connections=_CONNECTIONS, keepalive_expiry=KEEPALIVE),
        )
    except OSError as error:
        failure = environment.tls_error(error)
    except (ValueError, ImportError, httpx.InvalidURL):
        failure = environment.proxy_settings_error(
            lambda url: httpx.AsyncHTTPTransport(proxy=url, verify=_tls_context())
        )
    else:
        return client
    raise failure  # without its context, whose frames hold the URLs of proxies
