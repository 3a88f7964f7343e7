"""How many requests may leave, and when.

The service counts requests by their arrival, in a window that nobody outside knows. A log of
sending times is not enough: with jitter on the way, 20 requests that left in one minute
and 4 of the next can arrive in the same minute. So a slot is used again one window after its
*answer* was here: by then its request has arrived at least one window ago, whatever the way
did, and no window of the server's can hold more than `limit`, be it fixed, sliding or a bucket.
"""

from __future__ import annotations

import math
from collections import deque
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self, runtime_checkable

import anyio

from seeclickfix_async._core import validation
from seeclickfix_async._core.clock import SYSTEM, Clock
from seeclickfix_async._transport.wait_queue import WaitQueue
from seeclickfix_async._transport.waiter import Waiter
from seeclickfix_async.errors import RateLimitedError, StatusError
from seeclickfix_async.errors._counting import counted


class RateLimiter(Protocol):
    """What a client asks before each wire request; one that many processes share fits too."""

    @property
    def rate(self) -> float:
        """Requests a second that are allowed in the long run."""
        ...

    def slot(
        self, *, max_wait: float | None = None, background: bool = False
    ) -> AbstractAsyncContextManager[object]:
        """A place for one request; entered before sending, left when its answer was read.

        If entering it gives a `ReturnableSlot`, it is told when nothing was sent.

        Args:
            max_wait: Raise RateLimitedError instead of waiting longer than so many seconds.
            background: Let all requests go first that are not in the background.
        """
        ...

    async def hold(self, seconds: float) -> None:
        """Let nothing leave for so many seconds; an earlier, longer hold stays."""
        ...

    async def stop(self, error: StatusError) -> None:
        """Fail everything that waits now with this error."""
        ...


@runtime_checkable
class ReturnableSlot(Protocol):
    """A place for one request that knows what to do when the request is not sent after all."""

    def give_back(self) -> None:
        """Called before the slot is left, when it is certain that no byte was sent."""
        ...


class Window:
    """What all limiters have: so many requests in so many seconds, and a queue for them."""

    def __init__(self, limit: int, per: float, clock: Clock) -> None:
        validation.in_range("limit", limit, 1, 1_000_000, integer=True)
        validation.in_range("per", per, 0.001, 86_400, integer=False)
        self._limit = limit
        self._per = per
        self._clock = clock
        self._queue = WaitQueue()
        self._quota = f"The quota of {counted(limit, 'request')} in {per:g} s"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._limit}, per={self._per})"

    @property
    def rate(self) -> float:
        """Requests a second that are allowed in the long run."""
        return self._limit / self._per

    async def stop(self, error: StatusError) -> None:
        """Fail everything that waits now in this process with this error."""
        with self._queue.lock:
            self._queue.wake_all(error)

    def _patience(self, max_wait: float | None) -> float:
        return math.inf if max_wait is None else self._clock.now() + max_wait


class Limiter(Window):
    """At most `limit` requests in any window of `per` seconds, first come, first served.

    It may be shared by clients, tasks and views, also in several threads that have an event loop
    each. A waiter that is cancelled leaves the queue and takes no slot with it. Requests in the
    background, as pulls and feeds make them, let all others go first.

    Args:
        limit: Requests per window; the service documents 20.
        per: The window in seconds; the service documents 60.
        clock: Tells the time; for tests.
    """

    def __init__(self, limit: int = 20, *, per: float = 60.0, clock: Clock = SYSTEM) -> None:
        super().__init__(limit, per, clock)
        # When each slot that is not in use may be used again, earliest first. This and the queue
        # change together, under the queue's lock, which nobody holds while waiting.
        self._free_at: deque[float] = deque([0.0] * limit)
        self._not_before = 0.0

    def slot(self, *, max_wait: float | None = None, background: bool = False) -> Slot:
        """A place for one request, as an async context manager."""
        return Slot(self, self._patience(max_wait), background=background)

    async def hold(self, seconds: float) -> None:
        """Let nothing leave for so many seconds; an earlier, longer hold stays."""
        with self._queue.lock:
            self._not_before = max(self._not_before, self._clock.now() + seconds)
            self._queue.wake_all()  # for some the wait has become too long

    async def acquire(self, patience: float, *, background: bool) -> None:
        """Wait for a slot and take it.

        Raises:
            RateLimitedError: It would take until after the moment `patience`.
        """
        with self._queue.lock:
            if not self._queue and self._wait(0) <= 0:
                self._free_at.popleft()
                return
            waiter = Waiter(patience, background=background)
            self._queue.join(waiter)
        try:
            while (wait := self._take_or_wait(waiter)) > 0:
                await self._clock.wait(waiter.event, wait)
        finally:
            with self._queue.lock:
                self._queue.leave(waiter)

    def release(self, *, was_used: bool) -> None:
        """Let a slot be used again: after one window, or at once if nothing was sent."""
        with self._queue.lock:
            if was_used:
                self._free_at.append(self._clock.now() + self._per)
            else:
                self._free_at.appendleft(self._clock.now())
            self._queue.wake_first()

    def _take_or_wait(self, waiter: Waiter) -> float:
        """Take a slot if it is the waiter's turn, and return 0; else the seconds to wait for it."""
        with self._queue.lock:
            if waiter.error is not None:
                raise waiter.error
            is_first, wait = waiter is self._queue[0], self._wait(0)
            if is_first and wait <= 0:
                self._free_at.popleft()
                return 0.0
            self._check_patience(waiter)
            waiter.event = anyio.Event()
            return wait if is_first and self._free_at else math.inf

    def _check_patience(self, waiter: Waiter) -> None:
        if waiter.patience == math.inf:
            return
        wait = self._wait(self._queue.index(waiter))
        if self._clock.now() + wait > waiter.patience:
            raise RateLimitedError(
                f"{self._quota} is used up: this one may leave in {wait:.1f} s, which is longer "
                "than max_wait. Nothing was sent.",
                advice="Try again then, or allow a longer max_wait.",
                retry_after=wait,
            )

    def _wait(self, ahead: int) -> float:
        """Seconds until a slot is free for one with so many ahead; at least, as far as is known."""
        now = self._clock.now()
        rounds, place = divmod(ahead, self._limit)
        # A slot that is in use cannot come back sooner than one window from now.
        free_at = self._free_at[place] if place < len(self._free_at) else now + self._per
        return max(free_at + rounds * self._per, self._not_before) - now


class Slot:
    """A place for one request; while it is open, the request counts as on its way."""

    __slots__ = ("_background", "_limiter", "_patience", "_was_used")

    def __init__(self, limiter: Limiter, patience: float, *, background: bool) -> None:
        self._limiter = limiter
        self._patience = patience
        self._background = background
        self._was_used = True

    def give_back(self) -> None:
        """Leave it unused: nothing was sent, and another request may have it at once."""
        self._was_used = False

    async def __aenter__(self) -> Self:
        await self._limiter.acquire(self._patience, background=self._background)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._limiter.release(was_used=self._was_used)


class Unlimited:
    """No quota, for servers of one's own; what `limiter=None` stands for."""

    rate: float = math.inf

    def slot(
        self,
        *,
        max_wait: float | None = None,  # noqa: ARG002  # nobody waits here
        background: bool = False,  # noqa: ARG002
    ) -> Unlimited:
        """A place that is always free."""
        return self

    async def hold(self, seconds: float) -> None:
        """Nobody else is told; the request that was refused waits by itself."""

    async def stop(self, error: StatusError) -> None:
        """Nothing waits here."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None
