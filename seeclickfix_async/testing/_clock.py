"""A clock for tests, which lets hours and months pass at once."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import anyio
import anyio.lowlevel
import anyio.to_thread

from seeclickfix_async._core.duration import Duration, to_seconds

START = datetime(2026, 10, 1, 4, tzinfo=UTC)
"""The time at which a clock starts: the end of the history of a sandbox's city."""

_FIRST = 1000.0  # of `now`
_LONGEST = 3_000_000_000  # seconds, about a century
# Iterations of the event loop: more than the 20 after which a crawl decodes a page, and than any
# chain of wake-ups. anyio.wait_all_tasks_blocked would be exact, but takes a tenth of a second on
# asyncio.
_IDLE_ITERATIONS = 50

# The work of `run_in_executor` of each event loop, as of asyncio.to_thread and name lookups.
_executor_work: WeakKeyDictionary[asyncio.AbstractEventLoop, set[asyncio.Future[Any]]] = (
    WeakKeyDictionary()
)


class VirtualClock:
    """A clock that jumps to the next time that a task waits for, as soon as no task has work.

        clock = VirtualClock()
        client = AsyncClient(clock=clock, ...)  # waits for the quota and for retries take no time

    A request of a client with this clock is work, also over a socket, and so is work in a thread:
    that of `anyio.to_thread` and `trio.to_thread` without a limiter of its own, of
    `asyncio.to_thread` and of `run_in_executor`. The clock cannot see other things that happen
    outside of the event loop, such as a request of another HTTP client: `hold` it meanwhile.

    It is the `clock=` of clients and limiters, and its `utc_now` is the `now=` of token sources, of
    `oauth.begin` and of a sandbox. It works on asyncio and trio, in one event loop at a time.

    Args:
        jumps: False for a clock that only `advance` moves.

    Attributes:
        waits: The requested waits in seconds, in order.
        patience: The real seconds without work before it jumps: 0 by default, and 0.01 once the
            `url` of a sandbox with this clock is used, for data of other clients on their way.
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
        self._holds = Counter[int | None]()  # by task
        self._lock = threading.Lock()  # of the holds: a server may be in another thread
        self._count_threads: Callable[[], int] = int
        self._paused = False  # ticking, until the last hold ends

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
            task = _task_id()
            own = self._add_holds(-self._holds[task], task)  # it cannot mean to hold up itself
            try:
                await event.wait()
            finally:
                self._add_holds(own, task)
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                    heapq.heapify(self._waiters)

    async def sleep(self, duration: Duration) -> None:
        """Sleep for some seconds or a timedelta of this clock."""
        await self.wait(anyio.Event(), to_seconds("duration", duration, -_LONGEST, _LONGEST))

    @contextmanager
    def hold(self) -> Generator[None]:
        """Keep the clock from jumping in this context, except while this task waits for it.

        For what the clock cannot see, such as a request of another HTTP client:

            with clock.hold():
                await http.post("https://bot.test/changes", json=body)
        """
        task = _task_id()
        self._add_holds(1, task)
        try:
            yield
        finally:
            self._add_holds(-1, task)

    @contextmanager
    def release(self) -> Generator[None]:
        """Let it jump in this context nevertheless.

        For a thread that runs as long as the test, or calls back and waits for the clock:

            with clock.release():
                await anyio.to_thread.run_sync(serve_forever)
        """
        self._add_holds(-1, None)
        try:
            yield
        finally:
            self._add_holds(1, None)

    def _add_holds(self, count: int, task: int | None) -> int:
        """Add holds of a task; return how many would undo that."""
        with self._lock:
            self._holds[task] += count
            if not self._holds[task]:
                del self._holds[task]
            resumes = self._paused and self._holds.total() <= 0
            self._paused = self._paused and not resumes
        self._note_work()
        if resumes and self._schedule is not None:
            with suppress(RuntimeError):  # the event loop has ended
                self._schedule(self._tick)
        return -count

    def _note_work(self) -> None:
        self._iterations, self._idle_since = 0, time.monotonic()

    def _start_ticking(self) -> None:
        if not self._jumps:
            return
        self._note_work()
        schedule, loop = _scheduler()
        self._count_threads = _thread_counter(loop)
        if self._schedule is None or self._loop is not loop:  # the last one may have ended
            self._schedule, self._loop, self._paused = schedule, loop, False
            schedule(self._tick)

    def _tick(self) -> None:
        """Jump after some iterations of the event loop; go on while a task waits for a time."""
        if not self._waiters or self._waiters[0][0] == math.inf or self._schedule is None:
            self._schedule = None
            return
        with self._lock:
            holds = self._holds.total()
            self._paused = holds > 0
            if self._paused:
                return
        self._iterations += 1
        if holds + self._count_threads() > 0:
            self._note_work()
        elif (
            self._iterations >= _IDLE_ITERATIONS
            and time.monotonic() - self._idle_since >= self.patience
        ):
            self._note_work()
            self._now = max(self._now, self._waiters[0][0])
            self._wake()
        self._schedule(self._tick)

    def _wake(self) -> None:
        while self._waiters and self._waiters[0][0] <= self._now:
            heapq.heappop(self._waiters)[2].cancel()


def _task_id() -> int | None:
    try:
        return anyio.get_current_task().id
    except RuntimeError:  # not in a task
        return None


def _thread_counter(loop: object) -> Callable[[], int]:
    """Return a function that counts the threads that work for tasks of the running event loop."""
    limiter = anyio.to_thread.current_default_thread_limiter()
    work = _watch_executors(loop) if isinstance(loop, asyncio.AbstractEventLoop) else ()
    return lambda: limiter.borrowed_tokens + len(work)


def _watch_executors(loop: asyncio.AbstractEventLoop) -> set[asyncio.Future[Any]]:
    """Return the set of all work in executors, from now on; asyncio has no count."""
    if loop not in _executor_work:
        work = _executor_work[loop] = set()
        run_in_executor: Callable[..., asyncio.Future[Any]] = loop.run_in_executor

        def run_and_note(*args: Any) -> asyncio.Future[Any]:
            future = run_in_executor(*args)
            work.add(future)
            future.add_done_callback(work.discard)
            return future

        loop.run_in_executor = run_and_note  # type: ignore[assignment, method-assign]
    return _executor_work[loop]


def _scheduler() -> tuple[Callable[[Callable[[], None]], object], object]:
    """Return the event loop's function that calls another one soon, and the event loop."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio  # noqa: PLC0415  # an optional package, which is running then

        token = trio.lowlevel.current_trio_token()
        return token.run_sync_soon, token
    return loop.call_soon_threadsafe, loop
