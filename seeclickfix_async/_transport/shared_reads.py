"""Reads under way, which identical requests join instead of being sent as well."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Hashable

import anyio
import attrs
from anyio.lowlevel import current_token

from seeclickfix_async._core.response import Response
from seeclickfix_async._transport.background import BackgroundTask


class SharedReads:
    """The reads under way of all clients that share a cache."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, _SharedRead] = {}

    async def join(self, key: Hashable, read: Callable[[], Awaitable[Response]]) -> Response:
        """Return the response of the read with this key that is under way, or begin it.

        An error is raised in all tasks that joined, each with a traceback of its own. The
        cancellation of one of them does not affect the others; that of the last one cancels the
        read.

        Args:
            key: What is read, for whom, with which options and by which client.
            read: Sends the request.
        """
        key = (current_token(), key)
        with self._lock:
            shared = self._under_way.get(key)
            has_joined = shared is not None
            if shared is None:
                shared = self._under_way[key] = _SharedRead(read)
            shared.waiters += 1
        try:
            await shared.task.wait()
        finally:
            with self._lock:
                shared.waiters -= 1
                is_last = shared.waiters == 0
                if (is_last or shared.task.is_done) and self._under_way.get(key) is shared:
                    del self._under_way[key]
            if is_last:
                await shared.cancel()
        if shared.response is None:  # the task was cancelled from outside
            return await read()
        if not has_joined:
            return shared.response
        return attrs.evolve(shared.response, headers=dict(shared.response.headers), requests=0)

    def forget(self) -> None:
        """Let no further request join the reads under way: they may have missed a write."""
        with self._lock:
            self._under_way.clear()


class _SharedRead:
    """A read in a task of its own, which the cancellation of its waiters does not end."""

    def __init__(self, read: Callable[[], Awaitable[Response]]) -> None:
        self.waiters = 0
        self.response: Response | None = None
        self._read = read
        self._scope = anyio.CancelScope()
        self.task = BackgroundTask(self._run)

    async def cancel(self) -> None:
        """Cancel the read, and wait until its connection is closed."""
        self._scope.cancel()
        with anyio.CancelScope(shield=True):
            while not self.task.is_done:
                try:
                    await self.task.wait()
                except (Exception, anyio.get_cancelled_exc_class()):  # noqa: BLE001, S112
                    continue  # the waiter raises its own

    async def _run(self) -> None:
        with self._scope:
            self.response = await self._read()
