"""The HTTP library: httpx, or its successor httpx2 when a client of it was handed in.

Their classes look alike and do not mix, so everything is taken from the client's own family.
Nothing outside this package names either of them.
"""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Generator, Mapping
from typing import Any, Protocol

from seeclickfix_async._core.credentials import DEFAULT_PORTS, Credential, Origin
from seeclickfix_async.errors import InvalidArgumentError

_HOSTS = 4  # a lane has one request at a time, and so one connection to a host
KEEPALIVE = 55.0
"""Seconds that an idle connection is kept; httpx's own 5 end it in each wait for the quota."""

_FAMILIES = ("httpx", "httpx2")

_tls_lock = threading.Lock()


class HTTPClient(Protocol):
    """What is used of an `httpx.AsyncClient` or an `httpx2.AsyncClient`, and no more."""

    def build_request(self, *args: Any, **kwargs: Any) -> Any:
        """A request of the client's family."""
        ...

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        """The answer to such a request."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class OriginBoundAuth:
    """The auth flow: adds the credential for the API's origin and for no other."""

    def __init__(self, credential: Credential, origin: Origin) -> None:
        self._credential = credential
        self._origin = origin

    def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Send the request once, signed if it goes to the origin that the credential is for."""
        url = request.url
        port = url.port or DEFAULT_PORTS.get(url.scheme, 0)
        if (url.scheme, url.host, port) == self._origin:
            request.headers["Authorization"] = self._credential.header()
        yield request


def client_library(client: object) -> Any:
    """The module that a client's class comes from, through any subclass.

    Raises:
        InvalidArgumentError: It is no async client of httpx or httpx2.
    """
    for cls in type(client).__mro__:
        name = cls.__module__.partition(".")[0]
        if name in _FAMILIES and cls.__name__ == "AsyncClient":
            return importlib.import_module(name)
    raise InvalidArgumentError("http", "must be an httpx.AsyncClient or an httpx2.AsyncClient.")


@functools.cache
def auth_class(family: Any) -> Any:
    """The flow as a class that this family takes for one of its own."""
    return type("PinnedAuth", (OriginBoundAuth, family.Auth), {})


@functools.cache
def _tls_context() -> Any:
    import httpx  # noqa: PLC0415  # see default_client

    return httpx.create_ssl_context()


@functools.cache
def _client_class() -> Any:
    """A client that keeps no cookies, which would carry one user's session to another's requests.

    Reading them costs a tenth of what httpx itself does for a small answer.
    """
    import httpx  # noqa: PLC0415  # see default_client

    class NoCookies(httpx.Cookies):
        def extract_cookies(self, response: httpx.Response) -> None:
            """Leave them."""

    class Client(httpx.AsyncClient):
        cookies: Any = NoCookies()

        def build_request(  # type: ignore[override]
            self,
            method: str,
            url: str,
            *,
            headers: Mapping[str, str],
            content: Any,
            extensions: dict[str, Any],
        ) -> httpx.Request:
            """Build a request to an absolute URL; only headers have to be merged."""
            merged = self.headers
            if headers:
                merged = httpx.Headers(merged)
                merged.update(headers)
            return httpx.Request(
                method, url, headers=merged, content=content, extensions=extensions
            )

    return Client


def default_client(headers: Mapping[str, str]) -> HTTPClient:
    """A client of our own; slow the first time in a process, so to be called in a thread.

    Loading the certificates is nearly all of a client's cost, so all clients share one context.
    """
    import httpx  # noqa: PLC0415  # costs more than the whole package, and is not always needed

    with _tls_lock:
        context = _tls_context()
    client: HTTPClient = _client_class()(
        headers=headers,
        verify=context,
        limits=httpx.Limits(max_keepalive_connections=_HOSTS, keepalive_expiry=KEEPALIVE),
    )
    return client
