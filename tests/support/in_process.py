"""Sandboxes in the same process, and a transport that can lose responses."""

from __future__ import annotations

from typing import Any

import httpx

from seeclickfix_async import AsyncClient
from seeclickfix_async.sandbox import TOKEN, Sandbox, Settings
from seeclickfix_async.testing import VirtualClock

URL = "https://city.test"


class SandboxTransport(httpx.AsyncBaseTransport):
    """Sends requests to a sandbox.

    Attributes:
        drops_responses: Whether each response is lost, after the sandbox handled the request.
        urls: The URLs of all requests.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._inner = httpx.ASGITransport(app=sandbox.app)
        self.drops_responses = False
        self.urls: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(str(request.url))
        response = await self._inner.handle_async_request(request)
        if self.drops_responses:
            raise httpx.ReadError("made up", request=request)
        return response


class SandboxHarness:
    """A small sandbox, with clients that send to it."""

    def __init__(self, **settings: Any) -> None:
        self.sandbox = Sandbox(300, settings=Settings(quota=None, **settings))
        self.transport = SandboxTransport(self.sandbox)
        self.client = self.make_client(TOKEN)

    def make_client(self, token: str | None) -> AsyncClient:
        http = httpx.AsyncClient(transport=self.transport)
        return AsyncClient(token, http=http, base_url=URL, limiter=None, clock=VirtualClock())

    def issue_with_status(self, status: int) -> int:
        """Return the id of an issue with this status."""
        city = self.sandbox.city
        return next(city.id_of(row) for row in range(len(city)) if city.status[row] == status)

    def statuses(self, method: str) -> list[int]:
        """Return the statuses of all responses to requests with this method."""
        requests = self.sandbox.requests
        return [request.status for request in requests if request.method == method]
