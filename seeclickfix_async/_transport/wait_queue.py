"""A queue of tasks, which may run in different threads and event loops."""

from __future__ import annotations

import math
import threading
from collections import deque
from contextlib import AbstractContextManager

from seeclickfix_async._transport.waiter import Waiter


class WaitQueue(deque[Waiter]):
    """A queue of waiting tasks: first come, first served, those in the background last.

    Attributes:
        lock: Acquire it to read or change the queue, if threads share it. It is reentrant: a task
            that is garbage-collected leaves the queue at any point of the thread's work.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lock: AbstractContextManager[object] = threading.RLock()

    def join(self, waiter: Waiter) -> None:
        """Add a waiter at the end, but before those in the background if it is not one of them."""
        place = len(self)
        if not waiter.background:
            place = next((at for at, other in enumerate(self) if other.background), place)
        self.insert(place, waiter)

    def leave(self, waiter: Waiter) -> None:
        """Remove a waiter, and wake the one that is the first now."""
        if waiter in self:
            self.remove(waiter)
        self.wake_first()

    def wake_first(self) -> None:
        """Wake the first waiter, and remove waiters whose event loop has ended."""
        while self and not self[0].wake():
            self.popleft()

    def wake_impatient(self) -> None:
        """Wake the waiters behind the first one that do not wait for ever."""
        for waiter in self:
            if waiter is not self[0] and waiter.deadline < math.inf:
                waiter.wake()

    def wake_all(self, error: Exception | None = None) -> None:
        """Wake all waiters; with an error, each raises it."""
        for waiter in self:
            waiter.error = error or waiter.error
            waiter.wake()


class Turn:
    """A lock as an async context manager, for the tasks that share a queue."""

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
