"""A place in the quota is given back at once if no byte of its request was sent."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream

from seeclickfix_async import AsyncClient, Limiter, Retry, errors
from tests.support.clock import VirtualClock
from tests.support.http_backends import ISSUE, ORIGIN, HTTPBackend, make_client
from tests.support.raw_servers import raw_server, wait_until

pytestmark = pytest.mark.anyio

_ONCE = Retry(attempts=1)


class Silent:
    """A server that reads and never answers."""

    def __init__(self) -> None:
        self.port = 0
        self.received: list[bytes] = []

    async def serve(self, stream: SocketStream) -> None:
        while True:
            self.received.append(await stream.receive())

    async def until_received(self, count: int) -> None:
        await wait_until(lambda: len(self.received) >= count)


@asynccontextmanager
async def silent_server() -> AsyncIterator[Silent]:
    server = Silent()
    async with raw_server(server.serve) as server.port:
        yield server


async def _places_left(limiter: Limiter) -> int:
    """How many requests may leave at once."""
    left = 0
    try:
        while True:
            async with limiter.slot(max_wait=0):
                left += 1
    except errors.RateLimitedError:
        return left


async def test_who_is_refused_a_connection_keeps_the_place(http: Any) -> None:
    limiter = Limiter(2, clock=VirtualClock())
    client = AsyncClient(base_url="http://127.0.0.1:9", http=http, limiter=limiter, retry=_ONCE)

    async with client:
        for _ in range(5):
            with pytest.raises(errors.ConnectionFailedError):
                await client.with_options(max_wait=0).issues.get(7)

    assert await _places_left(limiter) == 2


@pytest.mark.parametrize("failure", ["ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"])
async def test_a_transport_of_the_callers_tells_by_its_error(
    backend: HTTPBackend, failure: str
) -> None:
    limiter = Limiter(2, clock=VirtualClock())
    client = make_client(backend, failure, limiter=limiter, max_wait=0)

    with pytest.raises(errors.ConnectionFailedError):  # after four tries
        await client.issues.get(7)

    assert await _places_left(limiter) == 2


@pytest.mark.parametrize("failure", ["ReadError", "WriteError", "ReadTimeout", "WriteTimeout"])
async def test_what_may_have_left_counts(backend: HTTPBackend, failure: str) -> None:
    limiter = Limiter(2, clock=VirtualClock())
    client = make_client(backend, failure, limiter=limiter, retry=_ONCE)

    with pytest.raises(errors.AnswerLostError):
        await client.issues.get(7)

    assert await _places_left(limiter) == 1


# httpcore leaves the socket of a handshake that is cancelled to the garbage collection.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("bound", ["timeout", "total_timeout"])
async def test_a_handshake_that_is_never_answered_sent_nothing(http: Any, bound: str) -> None:
    limiter = Limiter(20, clock=VirtualClock())
    async with silent_server() as server:
        url = f"https://127.0.0.1:{server.port}"
        async with AsyncClient(base_url=url, http=http, limiter=limiter, retry=_ONCE) as client:
            options: dict[str, Any] = {bound: 0.05}
            with pytest.raises(errors.ConnectionFailedError, match="Nothing was sent"):
                await client.with_options(**options).issues.get(7)
            await server.until_received(1)  # the first bytes of the handshake
    gc.collect()

    assert await _places_left(limiter) == 20


async def test_a_request_that_left_counts_and_those_behind_it_do_not(http: Any) -> None:
    """Behind it they wait for the only connection of the caller's, or for one of our sixteen."""
    limiter = Limiter(20, clock=VirtualClock())
    under_way = 16 if http is None else 1
    async with silent_server() as server:
        url = f"http://127.0.0.1:{server.port}"
        async with AsyncClient(base_url=url, http=http, limiter=limiter) as client:
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(client.issues.get, 7)
                await server.until_received(under_way)
                tasks.cancel_scope.cancel()

            assert await _places_left(limiter) == 20 - under_way


async def test_a_tunnel_that_is_not_built_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = Limiter(20, clock=VirtualClock())
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with silent_server() as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
        async with (
            AsyncClient(base_url=ORIGIN, limiter=limiter) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(client.issues.get, 7)
            await server.until_received(1)
            tasks.cancel_scope.cancel()

    assert server.received[0].startswith(b"CONNECT city.example:443")
    assert await _places_left(limiter) == 20


async def test_who_is_cancelled_already_sends_nothing(backend: HTTPBackend) -> None:
    limiter = Limiter(20, clock=VirtualClock())
    client = make_client(backend, backend.response(body=ISSUE), limiter=limiter)

    with anyio.CancelScope() as scope:
        scope.cancel()
        await client.issues.get(7)

    assert backend.requests == []
    assert await _places_left(limiter) == 20


async def test_a_place_that_is_given_back_wakes_the_next() -> None:
    limiter = Limiter(1, clock=VirtualClock())
    served: list[str] = []

    async def request() -> None:
        async with limiter.slot():
            served.append("next")

    async with anyio.create_task_group() as tasks, limiter.slot() as slot:
        tasks.start_soon(request)
        await anyio.wait_all_tasks_blocked()
        slot.give_back()

    assert served == ["next"]


async def test_a_file_that_cannot_be_read_costs_no_place(backend: HTTPBackend) -> None:
    limiter = Limiter(1, clock=VirtualClock())
    client = make_client(backend, backend.response(201, {}), limiter=limiter)

    with pytest.raises(errors.InvalidArgumentError):
        await client.issues.comment(7, "hello", image="/no/such/photo.jpg")

    assert await _places_left(limiter) == 1
