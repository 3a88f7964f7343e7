"""Sandboxes in the same process, and what can go wrong on the way to them."""

from __future__ import annotations

from typing import Any

import httpx

from seeclickfix_async import AsyncClient, Retry
from seeclickfix_async.sandbox import TOKEN, Sandbox, Settings

URL = "http://city.test"
NO_WAIT = Retry(base=0, random=lambda: 0.0)


class Way(httpx.AsyncBaseTransport):
    """The way to a sandbox; when told so, it loses an answer after the request has arrived."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._inner = httpx.ASGITransport(app=sandbox.app)
        self.loses_answers = False
        self.urls: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(str(request.url))
        response = await self._inner.handle_async_request(request)
        if self.loses_answers:
            raise httpx.ReadError("made up", request=request)
        return response


class Office:
    """A small city, and clients of it."""

    def __init__(self, **settings: Any) -> None:
        self.sandbox = Sandbox(300, settings=Settings(quota=None, **settings))
        self.way = Way(self.sandbox)
        self.client = self.client_of(TOKEN)

    def client_of(self, token: str | None) -> AsyncClient:
        http = httpx.AsyncClient(transport=self.way)
        return AsyncClient(token, http=http, base_url=URL, limiter=None, retry=NO_WAIT)

    def issue_that_is(self, status: int) -> int:
        """The id of an issue of such a status."""
        city = self.sandbox.city
        return next(city.id_of(row) for row in range(len(city)) if city.status[row] == status)

    def seen(self, method: str) -> list[int]:
        """The statuses of the requests of a method."""
        return [seen.status for seen in self.sandbox.requests if seen.method == method]
