"""A request ends after its total_timeout, however slowly the response arrives.

The event loop's clock advances only when the server sends something, so that a busy machine changes
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio import lowlevel
from anyio.abc import SocketStream
from trio.testing import MockClock

from seeclickfix_async import AsyncClient, Limiter, Retry, TokenEndpoint, errors
from seeclickfix_async.oauth import Application
from seeclickfix_async.testing import VirtualClock
from tests.support.http_backends import ISSUE, HTTPBackend, make_client
from tests.support.raw_servers import raw_server, wait_until

pytestmark = pytest.mark.anyio

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n"
_SLOW_RESPONSES: dict[str, tuple[bytes, bytes]] = {
    "status": (b"", b"H"),
    "informational responses": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "headers": (_OK, b"X-A: a\r\n"),
    "one header": (_OK + b"X-A: ", b"a"),
    "body": (_OK + b"\r\n", b" "),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "error": (b"HTTP/1.1 503 X\r\nContent-Length: 100000\r\n\r\n", b" "),
    "redirect": (b"HTTP/1.1 302 X\r\nLocation: /\r\nContent-Length: 100000\r\n\r\n", b" "),
}


@pytest.fixture
def clock() -> MockClock:
    return MockClock()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest, clock: MockClock) -> tuple[str, dict[str, Any]]:
    def event_loop() -> asyncio.AbstractEventLoop:
        loop = asyncio.SelectorEventLoop()
        loop.time = clock.current_time  # type: ignore[method-assign]
        return loop

    if request.param == "trio":
        return "trio", {"clock": clock}
    return "asyncio", {"loop_factory": event_loop}


class SlowServer:
    """A server whose response never ends, while no wait for data takes as long as `timeout`."""

    def __init__(self, clock: MockClock, start: bytes, repeated: bytes) -> None:
        self._clock = clock
        self._start = start
        self._repeated = repeated
        self.url = ""
        self.requests = self.open = 0

    async def serve(self, stream: SocketStream) -> None:
        self.open += 1
        try:
            await stream.receive()
            self.requests += 1
            await stream.send(self._start)
            while True:
                await stream.send(self._repeated)
                self._clock.jump(0.005)
                await lowlevel.checkpoint()
        finally:
            self.open -= 1

    async def until_closed(self) -> None:
        await wait_until(lambda: not self.open)


@asynccontextmanager
async def slow_server(clock: MockClock, start: bytes, repeated: bytes) -> AsyncIterator[SlowServer]:
    server = SlowServer(clock, start, repeated)
    async with raw_server(server.serve) as port:
        server.url = f"http://127.0.0.1:{port}"
        yield server


@pytest.mark.parametrize("part", _SLOW_RESPONSES)
async def test_a_slow_response_ends(http: Any, clock: MockClock, part: str) -> None:
    once = Retry(attempts=1)
    async with (
        slow_server(clock, *_SLOW_RESPONSES[part]) as server,
        AsyncClient(
            base_url=server.url, http=http, limiter=None, retry=once, total_timeout=0.1
        ) as client,
    ):
        with pytest.raises(errors.AnswerTimeoutError, match=r"total_timeout.*may have") as caught:
            await client.issues.get(7)
        await server.until_closed()  # with the client still open

    assert caught.value.route == "GET /issues/{id}"


async def test_redirects_share_one_total_timeout(http: Any, clock: MockClock) -> None:
    requests = 0

    async def redirect(stream: SocketStream) -> None:
        nonlocal requests
        while await stream.receive():
            requests += 1
            clock.jump(0.04)
            head = f"HTTP/1.1 302 X\r\nLocation: /{requests}\r\nContent-Length: 0\r\n\r\n"
            await stream.send(head.encode())

    once = Retry(attempts=1)
    async with (
        raw_server(redirect) as port,
        AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            http=http,
            limiter=None,
            retry=once,
            total_timeout=0.1,
        ) as client,
    ):
        for attempt in (1, 2):
            with pytest.raises(errors.TransportError, match="total_timeout"):
                await client.issues.get(7)

            assert requests <= 3 * attempt


async def test_a_read_is_retried_and_a_write_is_not(http: Any, clock: MockClock) -> None:
    retry = Retry(attempts=3, base=0)
    async with (
        slow_server(clock, *_SLOW_RESPONSES["body"]) as server,
        AsyncClient(
            "token", base_url=server.url, http=http, limiter=None, retry=retry, total_timeout=0.05
        ) as client,
    ):
        with pytest.raises(errors.AnswerTimeoutError):
            await client.issues.get(7)
        reads = server.requests
        with pytest.raises(errors.AnswerTimeoutError):
            await client.issues.comment(7, "hello")

    assert (reads, server.requests - reads) == (3, 1)


async def test_a_slow_photo_ends(http: Any, clock: MockClock, tmp_path: Any) -> None:
    once = Retry(attempts=1)
    async with slow_server(clock, *_SLOW_RESPONSES["body"]) as server:
        image = f"{server.url}/photo.jpg"
        async with AsyncClient(
            base_url=server.url, http=http, limiter=None, retry=once, total_timeout=0.1
        ) as client:
            with pytest.raises(errors.AnswerTimeoutError):
                await client.photos.read(image)
            with pytest.raises(errors.AnswerTimeoutError):
                await client.photos.save(image, tmp_path / "photo.jpg")
            await server.until_closed()

    assert list(tmp_path.iterdir()) == []


async def test_a_slow_token_endpoint_ends(clock: MockClock) -> None:
    async with slow_server(clock, *_SLOW_RESPONSES["body"]) as server:
        app = Application("app", "https://app.example/", "secret", server.url)
        async with TokenEndpoint(app, limiter=None, total_timeout=0.1) as endpoint:
            with pytest.raises(errors.AnswerTimeoutError):
                await endpoint.client_credentials()


async def test_views_have_their_own_total_timeout(clock: MockClock) -> None:
    once = Retry(attempts=1)
    async with (
        slow_server(clock, *_SLOW_RESPONSES["body"]) as server,
        AsyncClient(base_url=server.url, limiter=None, retry=once, total_timeout=None) as client,
    ):
        with anyio.move_on_after(0.1) as scope:
            await client.issues.get(7)
        with pytest.raises(errors.AnswerTimeoutError):
            await client.with_options(total_timeout=0.1).issues.get(7)

    assert scope.cancelled_caught


async def test_waiting_for_the_limiter_does_not_count(backend: HTTPBackend) -> None:
    clock = VirtualClock()
    limiter = Limiter(1, per=3600, clock=clock)
    client = make_client(backend, backend.response(body=ISSUE), limiter=limiter, total_timeout=1)

    for _ in range(3):
        await client.issues.get(7)

    assert clock.now() == 1000 + 2 * 3600


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "10", 10**9])
def test_an_invalid_total_timeout_is_refused(seconds: Any) -> None:
    with pytest.raises(errors.InvalidArgumentError) as caught:
        AsyncClient(total_timeout=seconds)

    assert caught.value.argument == "total_timeout"
