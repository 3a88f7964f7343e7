"""A waiting task, which other threads and event loops can wake."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

import anyio
from anyio.lowlevel import EventLoopToken, current_token

OnWait: TypeAlias = Callable[[float], None]
"""A function that receives the expected seconds of a wait."""

LONG_WAIT = 1.0
"""Seconds after which a wait is reported again, if it was expected to be shorter."""


class Waiter:
    """The running task, which waits for an event that any thread may set.

    Attributes:
        event: Belongs to the task's event loop: the task waits for it, and `wake` sets it.
        deadline: The time after which the task raises an error instead of waiting.
        background: Whether other tasks have priority.
        since: When the task began to wait, by the limiter's clock.
        on_wait: Receives the expected wait; None when there is nothing more to report.
        error: Raised by the task when it wakes up.
    """

    __slots__ = (
        "_call_soon",
        "_is_reported",
        "_thread",
        "background",
        "deadline",
        "error",
        "event",
        "on_wait",
        "since",
    )

    def __init__(
        self,
        deadline: float = math.inf,
        *,
        background: bool = False,
        since: float = 0.0,
        on_wait: OnWait | None = None,
    ) -> None:
        self._thread = threading.get_ident()
        self._call_soon = _call_soon(current_token())
        self.event: anyio.Event = anyio.Event()
        self.deadline: float = deadline
        self.background: bool = background
        self.since: float = since
        self.on_wait: OnWait | None = on_wait
        self._is_reported = False
        self.error: Exception | None = None

    def wake(self) -> bool:
        """Set the event, from any thread; return False if the task's event loop has ended."""
        with suppress(RuntimeError):
            if threading.get_ident() == self._thread:
                self.event.set()
            else:
                self._call_soon(self.event.set)
            return True
        return False

    def report(self, expected: float, now: float) -> float:
        """Report the wait; return the seconds after which to call this again, while it lasts.

        Args:
            expected: The least number of seconds that are left.
            now: The time.
        """
        on_wait, total = self.on_wait, now - self.since + expected
        is_long = total >= LONG_WAIT
        if is_long:
            self.on_wait = None
        if on_wait is not None and (is_long or (expected > 0 and not self._is_reported)):
            self._is_reported = True
            on_wait(total)
        return math.inf if is_long else self.since + LONG_WAIT - now


def running_loop() -> EventLoopToken | None:
    """Return the event loop that runs in this thread, if there is one."""
    try:
        return current_token()
    except anyio.NoEventLoopError:
        return None


def has_ended(loop: EventLoopToken) -> bool:
    """Return whether an event loop has ended, so that it will never run a task again."""
    try:
        _call_soon(loop)(lambda: None)
    except RuntimeError:
        return True
    return False


def _call_soon(token: EventLoopToken) -> Callable[[Callable[[], None]], object]:
    """Return the function by which other threads call into an event loop."""
    loop: Any = token.native_token
    return loop.call_soon_threadsafe if is_of_asyncio(token) else loop.run_sync_soon  # type: ignore[no-any-return]


def is_of_asyncio(token: EventLoopToken) -> bool:
    """Return True for an event loop of asyncio, and False for one of trio."""
    return hasattr(token.native_token, "call_soon_threadsafe")


class SharedEvent:
    """An event that is set once, for tasks of any threads and event loops."""

    __slots__ = ("_is_set", "_lock", "_waiters")

    def __init__(self) -> None:
        # Reentrant: a waiter may be garbage-collected at any point of the thread's work.
        self._lock = threading.RLock()
        self._is_set = False
        self._waiters: list[Waiter] = []

    def is_set(self) -> bool:
        """Return True if it has been set."""
        return self._is_set

    def set(self) -> None:
        """Set it, and wake all waiting tasks."""
        with self._lock:
            self._is_set = True
            for waiter in self._waiters:
                waiter.wake()

    async def wait(self) -> None:
        """Wait until it is set."""
        with self._lock:
            if self._is_set:
                return
            waiter = Waiter()
            self._waiters.append(waiter)
        try:
            await waiter.event.wait()
        finally:
            with self._lock:
                self._waiters.remove(waiter)
