"""Closing a client during a request."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import anyio
import httpx
import pytest
from anyio import to_thread

from seeclickfix_async import AsyncClient, Limiter, errors
from seeclickfix_async._transport import httpx_compat
from seeclickfix_async.testing import VirtualClock
from tests.support.http_backends import ISSUE, HTTPBackend, make_client

pytestmark = pytest.mark.anyio


async def test_a_request_waiting_for_the_rate_limiter_is_not_sent_after_closing(
    backend: HTTPBackend,
) -> None:
    clock = VirtualClock(jumps=False)
    limiter = Limiter(1, per=60, clock=clock)
    client = make_client(backend, backend.response(body=ISSUE), limiter=limiter)
    await client.issues.get(7)

    async def wait() -> None:
        with pytest.raises(errors.ClosedClientError):
            await client.issues.get(7)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        await client.aclose()
        clock.advance(60)

    assert len(backend.requests) == 1


async def test_a_client_closed_while_it_opens_its_connections_sends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Certificates are loaded in a thread, which may take a while."""
    opening, closed = threading.Event(), threading.Event()
    sent: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json=ISSUE)

    def open_slowly(_headers: Mapping[str, str]) -> Any:
        opening.set()
        closed.wait(10)
        return httpx.AsyncClient(transport=httpx.MockTransport(serve))

    monkeypatch.setattr(httpx_compat, "default_client", open_slowly)
    client = AsyncClient(limiter=None)

    async def get() -> None:
        with pytest.raises(errors.ClosedClientError):
            await client.issues.get(7)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(get)
        await to_thread.run_sync(opening.wait, 10)
        await client.aclose()
        closed.set()

    assert sent == []


async def test_only_the_first_connection_is_opened_in_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It loads the certificates; more threads would take turns with that of a pull's files."""
    threads: list[int] = []
    pending: set[str] = set()
    both = anyio.Event()

    async def serve(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("6"):
            pending.add(request.url.path)
            if len(pending) == 2:
                both.set()
            await both.wait()
        return httpx.Response(200, json=ISSUE)

    def open_(_headers: Mapping[str, str]) -> Any:
        threads.append(threading.get_ident())
        return httpx.AsyncClient(transport=httpx.MockTransport(serve))

    monkeypatch.setattr(httpx_compat, "default_client", open_)
    async with AsyncClient(limiter=None) as client, anyio.create_task_group() as tasks:
        await client.issues.get(6)
        tasks.start_soon(client.issues.get, 7)
        tasks.start_soon(client.issues.get, 8)

    loop = threading.get_ident()
    assert [thread == loop for thread in threads] == [False, True]
