"""A pool of clients of the HTTP library, one for each concurrent request.

The connection pool of a single client (httpcore's) has two flaws. It assigns one idle connection
to all tasks that start in the same instant, and all but one have to request another (pull request
1035 of encode/httpcore). And when asyncio cancels a task from outside of every cancel scope, it
keeps a connection without an owner (its issue 830). With a client for each request, tasks do not
compete, and a cancelled task's client is closed.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Mapping

import anyio
from anyio import to_thread
from anyio.lowlevel import current_token

from seeclickfix_async._core.clock import Clock
from seeclickfix_async._transport import httpx_compat
from seeclickfix_async._transport.background import BackgroundTask
from seeclickfix_async._transport.httpx_compat import HTTPClient
from seeclickfix_async._transport.pooled_client import PooledClient
from seeclickfix_async.errors import ClosedClientError, EventLoopError

MAX_CONCURRENT_REQUESTS = 16
"""The most concurrent requests: with more, the CPU of a Python process is the limit (measured)."""


class ClientPool:
    """The clients of one event loop, created on demand; idle ones are used first.

    `acquire` a client for each request, and `release` it.

    Args:
        http: The caller's own HTTP client: all requests share it, and only the caller closes it.
        headers: The headers of every request.
        clock: Measures for how long a client was idle.
    """

    def __init__(self, http: HTTPClient | None, headers: Mapping[str, str], clock: Clock) -> None:
        self._callers_client = None if http is None else PooledClient(http, headers)
        self._headers = headers
        self._clock = clock
        self._loop: object = None
        self._loop_lock = threading.Lock()
        self._closed = False
        self._all: set[PooledClient] = set()
        # The time since when each client is idle; the one used last is at the end.
        self._idle: deque[tuple[float, PooledClient]] = deque()
        self._slots = anyio.Semaphore(MAX_CONCURRENT_REQUESTS)

    def check(self) -> None:
        """Check that requests can be sent from the running event loop.

        Raises:
            ClientStateError: The client is closed, or belongs to another event loop.
        """
        if self._closed:
            raise ClosedClientError
        loop = _running_loop()
        if self._loop is None:
            with self._loop_lock:
                self._loop = self._loop or loop
        if loop != self._loop:
            raise EventLoopError

    async def acquire(self) -> PooledClient:
        """Return a client for one request, when fewer than `MAX_CONCURRENT_REQUESTS` are sent.

        Raises:
            ClosedClientError: The client was closed in the meantime.
        """
        try:
            self._slots.acquire_nowait()
        except anyio.WouldBlock:
            await self._slots.acquire()
        try:
            return await self._take()
        except BaseException:
            self._slots.release()
            raise

    async def _take(self) -> PooledClient:
        if self._callers_client is not None:
            client = self._callers_client
        elif self._idle:
            client = self._idle.pop()[1]
        else:
            client = PooledClient(await self._create(), {}, is_default=True)
            self._all.add(client)
        if self._closed:
            self._discard(client)
            raise ClosedClientError
        return client

    async def _create(self) -> HTTPClient:
        """Make a client, the first one in a thread, which loads the certificates.

        Threads beside that of a pull's files would take turns with it, and each keeps up to 12 MB
        of what it freed (measured; glibc).
        """
        if self._all:
            return httpx_compat.default_client(self._headers)
        return await to_thread.run_sync(httpx_compat.default_client, self._headers)

    def release(self, client: PooledClient) -> None:
        """Return a client to the pool; close it if it is broken, and evict idle ones."""
        self._slots.release()
        if client not in self._all:
            return
        if client.broken:
            self._discard(client)
            return
        now = self._clock.now()
        self._idle.append((now, client))
        while self._idle[0][0] < now - httpx_compat.KEEPALIVE:
            self._discard(self._idle.popleft()[1])

    async def aclose(self) -> None:
        """Close all clients of the pool. Harmless when repeated."""
        self._closed = True
        self._idle.clear()
        while self._all:
            await self._all.pop().aclose()

    def _discard(self, client: PooledClient) -> None:
        if client in self._all:
            self._all.remove(client)
            BackgroundTask(client.aclose)


def _running_loop() -> object:
    """Return what identifies the running event loop; a token of anyio's takes six times as long."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:  # it is one of trio
        return current_token()
