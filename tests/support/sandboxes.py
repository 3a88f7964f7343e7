"""Clients of a sandbox in the same process, for the tests of pulls."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable

import httpx

from seeclickfix_async import AsyncClient, Retry
from seeclickfix_async.sandbox import Sandbox
from seeclickfix_async.testing import VirtualClock

URL = "https://city.test"

CopyOfPull = Callable[..., Awaitable[None]]
"""The fixture `copy_of_pull` of the tests of pulls."""


def make_client(sandbox: Sandbox, places_status: int = 200) -> AsyncClient:
    """Return a client without a limiter; `/places` can fail with a status."""

    class PlacesTransport(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/places") and places_status != 200:
                return httpx.Response(places_status)
            return await super().handle_async_request(request)

    http = httpx.AsyncClient(transport=PlacesTransport(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None, clock=VirtualClock())


def client_without_rows(sandbox: Sandbox) -> AsyncClient:
    """Return a client whose service counts issues, and lists none."""

    class EmptyTransport(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            body = json.loads(await response.aread())
            body["metadata"]["pagination"]["next_page"] = None
            return httpx.Response(200, json=body | {"issues": []})

    http = httpx.AsyncClient(transport=EmptyTransport(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None)


def failing_client(sandbox: Sandbox, after: int) -> AsyncClient:
    """Return a client whose service fails after `after` responses."""
    remaining = iter(range(after))

    class FailingTransport(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if next(remaining, None) is None:
                return httpx.Response(500)
            return await super().handle_async_request(request)

    http = httpx.AsyncClient(transport=FailingTransport(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None, retry=Retry(attempts=1))


def changing_client(sandbox: Sandbox, before: int, change: Callable[[], object]) -> AsyncClient:
    """Return a client that calls `change` before request number `before`, from 1."""
    numbers = itertools.count(1)

    class ChangingTransport(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if next(numbers) == before:
                change()
            return await super().handle_async_request(request)

    http = httpx.AsyncClient(transport=ChangingTransport(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None, clock=VirtualClock())
