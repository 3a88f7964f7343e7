"""Parsers of requests: of the sandbox, of a web application with a login, and of `scf login`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stderr
from functools import cache
from typing import Any
from urllib.parse import unquote

import attrs
import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from benchmarks.fuzz.responses import LOOP, SITE
from seeclickfix_async import TokenEndpoint
from seeclickfix_async._cli.listener import _Handler
from seeclickfix_async.oauth import Application, Token
from seeclickfix_async.sandbox import TOKEN, Sandbox, Settings
from seeclickfix_async.web import Login

_MAX_REQUESTS = 500  # to one sandbox, which stores what it receives
_HEADERS = {"user-agent": "fuzz", "authorization": f"Bearer {TOKEN}"}


def request_sandbox(content: bytes) -> None:
    """Send a request to the sandbox, as a method and a path, headers and a body."""
    sandbox = _sandbox()
    if len(sandbox.requests) >= _MAX_REQUESTS:
        _sandbox.cache_clear()
    # The service does not respond to a search without an area (observed).
    assert _status(sandbox.app, content, _HEADERS) in (*range(200, 500), 504)


@cache
def _sandbox() -> Sandbox:
    return Sandbox(60, settings=Settings(quota=None))


def request_login(content: bytes) -> None:
    """Send a request to a web application with a login of each flow."""
    for site in _SITES:
        assert _status(site, content, {"sec-fetch-site": "same-origin"}) < 500


async def _on_login(_request: Request, _token: Token, next: str) -> Response:
    return PlainTextResponse(next)


async def _on_logout(_request: Request) -> Response:
    return PlainTextResponse("")


def _sites() -> Iterator[Starlette]:
    app = Application("fuzz", "https://app.example/callback", None, SITE)
    refusing = httpx.MockTransport(lambda _: httpx.Response(400, json={"error": "invalid_grant"}))
    endpoint = TokenEndpoint(app, http=httpx.AsyncClient(transport=refusing), limiter=None)
    options: dict[str, Any] = {"secret_key": "k" * 43, "on_login": _on_login}
    for kind in ("code", "implicit"):
        login = Login(app, endpoint, kind=kind, on_logout=_on_logout, **options)
        yield Starlette(routes=login.routes())


_SITES = tuple(_sites())


def _status(app: Any, content: bytes, defaults: dict[str, str]) -> int:
    """Send a request to an ASGI application, and return the status of its response."""
    head, _, body = content.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    method, _, target = first.decode("latin-1").partition(" ")
    path, _, query = target.partition("?")
    headers = {name.encode(): value.encode() for name, value in defaults.items()}
    for line in lines:
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "https",
        "server": ("city.example", 443),
        "method": method.upper(),
        "path": "/" + unquote(path).lstrip("/"),
        "root_path": "",
        "query_string": query.encode("ascii", "replace"),  # servers refuse others (RFC 9112 §3.2)
        "headers": [*headers.items()],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    LOOP.run(app(scope, receive, send))
    return int(sent[0]["status"])


@attrs.define
class _Connection:
    """A connection from which the request was received already."""

    content: bytes

    def makefile(self, *_: object, **__: object) -> io.BytesIO:
        return io.BytesIO(self.content)

    def settimeout(self, _seconds: float) -> None:
        """Nothing is waited for."""

    def sendall(self, _content: bytes) -> None:
        """Nobody receives the response."""


class _Server:
    on_response = staticmethod(lambda response: response)


def listen(content: bytes) -> None:
    """Handle a request of a browser at the terminal's login."""
    with redirect_stderr(io.StringIO()):
        connection: Any = _Connection(content)
        server: Any = _Server()
        _Handler(connection, ("127.0.0.1", 1), server)
