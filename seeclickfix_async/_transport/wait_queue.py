"""A queue of tasks, which may run in different threads and event loops."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import AbstractContextManager

from seeclickfix_async._transport.waiter import Waiter


class WaitQueue(deque[Waiter]):
    """Tasks that wait: first come, first served, but those in the background come last.

    Attributes:
        lock: Held by everything that reads or changes the queue, if threads share it. Reentrant:
            a task that is collected as garbage leaves the queue, wherever its thread is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lock: AbstractContextManager[object] = threading.RLock()

    def join(self, waiter: Waiter) -> None:
        """Take the last place, or that before the first who yields."""
        place = len(self)
        if not waiter.background:
            place = next((at for at, other in enumerate(self) if other.background), place)
        self.insert(place, waiter)

    def leave(self, waiter: Waiter) -> None:
        """Give the place up, and wake the one who is first now."""
        if waiter in self:
            self.remove(waiter)
        self.wake_first()

    def wake_first(self) -> None:
        """Let the first one see whether it can go; those whose event loop has ended are dropped."""
        while self and not self[0].wake():
            self.popleft()

    def wake_all(self, error: Exception | None = None) -> None:
        """Let all check anew, or fail with an error."""
        for waiter in self:
            waiter.error = error or waiter.error
            waiter.wake()


class Turn:
    """An async context manager, entered by one task at a time of those that share a queue."""

    __slots__ = ("_queue", "_waiter")

    def __init__(self, queue: WaitQueue) -> None:
        self._queue = queue

    async def __aenter__(self) -> None:
        self._waiter = Waiter()
        with self._queue.lock:
            self._queue.join(self._waiter)
        try:
            while not self._is_first():
                await self._waiter.event.wait()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _is_first(self) -> bool:
        with self._queue.lock:
            return self._queue[0] is self._waiter

    def _leave(self) -> None:
        with self._queue.lock:
            self._queue.leave(self._waiter)
