"""A clock for tests, which lets hours and months pass at once."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import anyio
import anyio.lowlevel

from seeclickfix_async._core.duration import Duration, to_seconds

START = datetime(2026, 10, 1, 4, tzinfo=UTC)
"""The time at which a clock starts: the end of the history of a sandbox's city."""

_FIRST = 1000.0  # of `now`
_LONGEST = 3_000_000_000  # seconds, about a century
# Iterations of the event loop: more than the 20 after which a crawl decodes a page, and than any
# chain of wake-ups. anyio.wait_all_tasks_blocked would be exact, but takes a tenth of a second on
# asyncio.
_IDLE_ITERATIONS = 50


class VirtualClock:
    """A clock that jumps to the next time that a task waits for, as soon as no task has work.

        clock = VirtualClock()
        client = AsyncClient(clock=clock, ...)  # waits for the quota and for retries take no time

    It is the `clock=` of clients and limiters, and its `utc_now` is the `now=` of token sources, of
    `oauth.begin` and of a sandbox. It works on asyncio and trio, in one event loop at a time.

    Args:
        jumps: False for a clock that only `advance` moves.

    Attributes:
        waits: The requested waits in seconds, in order.
        patience: The real seconds without work before it jumps: 0 by default, and more with a real
            socket, whose data are on their way then.
    """

    def __init__(self, *, jumps: bool = True) -> None:
        self.waits: list[float] = []
        self.patience: float = 0.0
        self._jumps = jumps
        self._now = _FIRST
        self._waiters: list[tuple[float, int, anyio.CancelScope]] = []
        self._order = itertools.count()
        self._schedule: Callable[[Callable[[], None]], object] | None = None  # while it ticks
        self._loop: object = None
        self._iterations = 0  # without work
        self._idle_since = 0.0  # by the system's clock
        self._holds = 0
        self._lock = threading.Lock()  # of the holds: a server may be in another thread

    def now(self) -> float:
        """Return the seconds since an arbitrary start."""
        return self._now

    def utc_now(self) -> datetime:
        """Return the date and time, in UTC; a new clock returns `START`."""
        return START + timedelta(seconds=self._now - _FIRST)

    def advance(self, by: Duration) -> None:
        """Move the clock by some seconds or a timedelta, and wake the tasks that waited so long."""
        self._now += to_seconds("by", by, -_LONGEST, _LONGEST)
        self._wake()

    async def wait(self, event: anyio.Event, seconds: float) -> None:
        """Wait until the event is set, for `seconds` of this clock at most."""
        self.waits.append(seconds)
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        with anyio.CancelScope() as scope:
            waiter = (self._now + seconds, next(self._order), scope)
            heapq.heappush(self._waiters, waiter)
            self._start_ticking()
            try:
                await event.wait()
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                    heapq.heapify(self._waiters)

    async def sleep(self, duration: Duration) -> None:
        """Sleep for some seconds or a timedelta of this clock."""
        await self.wait(anyio.Event(), to_seconds("duration", duration, -_LONGEST, _LONGEST))

    @contextmanager
    def hold(self) -> Generator[None]:
        """Keep the clock from jumping in this context, as while a request is handled."""
        self._add_holds(1)
        try:
            yield
        finally:
            self._add_holds(-1)

    @contextmanager
    def release(self) -> Generator[None]:
        """Let it jump in this context nevertheless."""
        self._add_holds(-1)
        try:
            yield
        finally:
            self._add_holds(1)

    def _add_holds(self, count: int) -> None:
        with self._lock:
            self._holds += count
        self._note_work()

    def _note_work(self) -> None:
        self._iterations, self._idle_since = 0, time.monotonic()

    def _start_ticking(self) -> None:
        if not self._jumps:
            return
        self._note_work()
        schedule, loop = _scheduler()
        if self._schedule is None or self._loop is not loop:  # the last one may have ended
            self._schedule, self._loop = schedule, loop
            schedule(self._tick)

    def _tick(self) -> None:
        """Jump after some iterations of the event loop; go on while a task waits for a time."""
        if not self._waiters or self._waiters[0][0] == math.inf or self._schedule is None:
            self._schedule = None
            return
        self._iterations += 1
        if self._is_idle():
            self._note_work()
            self._now = max(self._now, self._waiters[0][0])
            self._wake()
        self._schedule(self._tick)

    def _is_idle(self) -> bool:
        return (
            self._iterations >= _IDLE_ITERATIONS
            and not self._holds
            and time.monotonic() - self._idle_since >= self.patience
        )

    def _wake(self) -> None:
        while self._waiters and self._waiters[0][0] <= self._now:
            heapq.heappop(self._waiters)[2].cancel()


def _scheduler() -> tuple[Callable[[Callable[[], None]], object], object]:
    """Return the event loop's function that calls another one soon, and the event loop."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio  # noqa: PLC0415  # an optional package, which is running then

        token = trio.lowlevel.current_trio_token()
        return token.run_sync_soon, token
    return loop.call_soon, loop
