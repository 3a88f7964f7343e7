"""Clients of a sandbox in the same process, as pulls need them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import httpx

from seeclickfix_async import AsyncClient, Retry
from seeclickfix_async.sandbox import Sandbox

URL = "http://city.test"


def client_of(sandbox: Sandbox, places: int = 200) -> AsyncClient:
    """A client without a quota, and with a service that may fail to tell of places."""

    class Way(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/places") and places != 200:
                return httpx.Response(places)
            return await super().handle_async_request(request)

    http = httpx.AsyncClient(transport=Way(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None)


def failing(sandbox: Sandbox, after: int) -> AsyncClient:
    """A client whose service fails after so many answers."""
    left = iter(range(after))

    class Failing(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if next(left, None) is None:
                return httpx.Response(500)
            return await super().handle_async_request(request)

    http = httpx.AsyncClient(transport=Failing(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None, retry=Retry(attempts=1))


def meddled(sandbox: Sandbox, before: int, meddle: Callable[[], object]) -> AsyncClient:
    """A client while something else happens, before the request of this number."""
    numbers = itertools.count(1)

    class Meddled(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if next(numbers) == before:
                meddle()
            return await super().handle_async_request(request)

    http = httpx.AsyncClient(transport=Meddled(app=sandbox.app))
    return AsyncClient(http=http, base_url=URL, limiter=None)
