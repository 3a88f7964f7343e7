"""Clocks for tests, which wait without delay."""

from __future__ import annotations

import heapq
import itertools
import math

import anyio
import anyio.lowlevel


class InstantClock:
    """A clock for clients that nothing else waits for: each wait ends at once."""

    def __init__(self) -> None:
        self._now = 1000.0

    def now(self) -> float:
        return self._now

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        self._now += seconds
        await anyio.lowlevel.checkpoint()


class VirtualClock:
    """A clock that jumps to the next time that a task waits for.

    Attributes:
        waits: The requested waits in seconds, in order.
    """

    def __init__(self) -> None:
        self._now = 1000.0
        self._waiting: list[tuple[float, int, anyio.Event]] = []
        self._order = itertools.count()
        self.waits: list[float] = []

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        self.waits.append(seconds)
        heapq.heappush(self._waiting, (self._now + seconds, next(self._order), event))
        await event.wait()

    async def run(self) -> None:
        """Advance the clock while other tasks wait; start it in a task of its own."""
        while True:
            # Enough for every chain of wake-ups. `wait_all_tasks_blocked` would do it exactly,
            # but takes a tenth of a second on asyncio.
            for _ in range(20):
                await anyio.lowlevel.checkpoint()
            self._jump()

    def _jump(self) -> None:
        while self._waiting and self._waiting[0][2].is_set():
            heapq.heappop(self._waiting)
        if self._waiting and self._waiting[0][0] < math.inf:
            self._now = max(self._now, self._waiting[0][0])
        while self._waiting and self._waiting[0][0] <= self._now:
            heapq.heappop(self._waiting)[2].set()
