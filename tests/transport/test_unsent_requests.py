"""A slot of the limiter is free at once if no byte of its request was sent."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream

from seeclickfix_async import AsyncClient, Limiter, Retry, errors
from seeclickfix_async.testing import VirtualClock
from tests.support.http_backends import ISSUE, ORIGIN, HTTPBackend, make_client
from tests.support.raw_servers import raw_server, wait_until

pytestmark = pytest.mark.anyio

_ONCE = Retry(attempts=1)


class Silent:
    """A server that reads and never responds."""

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


async def _free_slots(limiter: Limiter) -> int:
    """Return how many requests can be sent now."""
    count = 0
    try:
        while True:
            async with limiter.slot(max_wait=0):
                count += 1
    except errors.RateLimitedError:
        return count


async def test_a_refused_connection_uses_no_slot(http: Any) -> None:
    limiter = Limiter(2, clock=VirtualClock())
    client = AsyncClient(base_url="http://127.0.0.1:9", http=http, limiter=limiter, retry=_ONCE)

    async with client:
        for _ in range(5):
            with pytest.raises(errors.ConnectionFailedError):
                await client.with_options(max_wait=0).issues.get(7)

    assert await _free_slots(limiter) == 2


@pytest.mark.parametrize("failure", ["ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"])
async def test_an_error_of_the_callers_transport_says_whether_a_byte_was_sent(
    backend: HTTPBackend, failure: str
) -> None:
    limiter = Limiter(2, clock=VirtualClock())
    client = make_client(backend, failure, limiter=limiter, max_wait=0)

    with pytest.raises(errors.ConnectionFailedError):  # after four attempts
        await client.issues.get(7)

    assert await _free_slots(limiter) == 2


@pytest.mark.parametrize("failure", ["ReadError", "WriteError", "ReadTimeout", "WriteTimeout"])
async def test_a_request_that_may_be_sent_uses_a_slot(backend: HTTPBackend, failure: str) -> None:
    limiter = Limiter(2, clock=VirtualClock())
    client = make_client(backend, failure, limiter=limiter, retry=_ONCE)

    with pytest.raises(errors.AnswerLostError):
        await client.issues.get(7)

    assert await _free_slots(limiter) == 1


# httpcore leaves the socket of a cancelled handshake to garbage collection.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("bound", ["timeout", "total_timeout"])
async def test_an_unfinished_handshake_uses_no_slot(http: Any, bound: str) -> None:
    limiter = Limiter(20, clock=VirtualClock())
    async with silent_server() as server:
        url = f"https://127.0.0.1:{server.port}"
        async with AsyncClient(base_url=url, http=http, limiter=limiter, retry=_ONCE) as client:
            options: dict[str, Any] = {bound: 0.05}
            with pytest.raises(errors.ConnectionFailedError, match="Nothing was sent"):
                await client.with_options(**options).issues.get(7)
            await server.until_received(1)  # the first bytes of the handshake
    gc.collect()

    assert await _free_slots(limiter) == 20


async def test_requests_that_wait_for_a_connection_use_no_slot(http: Any) -> None:
    """They wait for the only connection of the caller's client, or for one of our sixteen."""
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

            assert await _free_slots(limiter) == 20 - under_way


async def test_an_unfinished_proxy_tunnel_uses_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert await _free_slots(limiter) == 20


async def test_a_cancelled_task_sends_nothing(backend: HTTPBackend) -> None:
    limiter = Limiter(20, clock=VirtualClock())
    client = make_client(backend, backend.response(body=ISSUE), limiter=limiter)

    with anyio.CancelScope() as scope:
        scope.cancel()
        await client.issues.get(7)

    assert backend.requests == []
    assert await _free_slots(limiter) == 20


async def test_a_returned_slot_wakes_the_next_waiter() -> None:
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


async def test_an_unreadable_file_uses_no_slot(backend: HTTPBackend) -> None:
    limiter = Limiter(1, clock=VirtualClock())
    client = make_client(backend, backend.response(201, {}), limiter=limiter)

    with pytest.raises(errors.InvalidArgumentError):
        await client.issues.comment(7, "hello", image="/no/such/photo.jpg")

    assert await _free_slots(limiter) == 1
