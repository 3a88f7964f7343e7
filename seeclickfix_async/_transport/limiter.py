"""Rate limiters: a maximum number of requests in any window of time.

The service counts requests when they arrive, in a window whose start a client cannot know. A log of
the times at which requests were sent is not enough: the delay of the network varies, and 20
requests sent in one minute and 4 of the next can arrive within the same minute. Therefore a slot is
free one window after its *response* was received. By then its request has arrived at least one
window ago, so that no window of the service contains more than `limit` requests, be it a fixed
window, a sliding one or a token bucket.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self, runtime_checkable

import anyio

from seeclickfix_async._core import validation
from seeclickfix_async._core.clock import SYSTEM, Clock
from seeclickfix_async._core.duration import Duration, to_seconds
from seeclickfix_async._transport.wait_queue import WaitQueue
from seeclickfix_async._transport.waiter import Waiter
from seeclickfix_async.errors import RateLimitedError, StatusError
from seeclickfix_async.errors._counting import counted


class RateLimiter(Protocol):
    """A rate limiter, which a client enters before each request that it sends."""

    @property
    def rate(self) -> float:
        """Requests a second in the long run."""
        ...

    def slot(
        self, *, max_wait: float | None = None, background: bool = False
    ) -> AbstractAsyncContextManager[object]:
        """Return a slot for one request, an async context manager.

        The client enters it before sending and leaves it when the response has been read. If
        entering it returns a `ReturnableSlot`, the client reports to it that no byte was sent.

        Args:
            max_wait: Raise RateLimitedError instead of waiting longer than this, in seconds.
            background: Wait until no other request is waiting that is not in the background.
        """
        ...

    async def hold(self, seconds: float) -> None:
        """Pause all requests for some seconds; a longer pause is not shortened."""
        ...

    async def stop(self, error: StatusError) -> None:
        """Raise this error in all tasks that are waiting for a slot."""
        ...


@runtime_checkable
class ReturnableSlot(Protocol):
    """A slot that can be returned unused."""

    def give_back(self) -> None:
        """Note that certainly no byte was sent; called before the slot is left."""
        ...


class BaseLimiter(ABC):
    """Base class of the limiters: `limit` requests in `per` seconds, and a queue for them."""

    def __init__(self, limit: int, per: Duration, clock: Clock) -> None:
        validation.check_range("limit", limit, 1, 1_000_000, integer=True)
        self._limit = limit
        self._per = to_seconds("per", per, 0.001, 86_400)
        self._clock = clock
        self._queue = WaitQueue()
        self._quota = f"The quota of {counted(limit, 'request')} in {self._per:g} s"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._limit}, per={self._per})"

    @property
    def rate(self) -> float:
        """Requests a second in the long run."""
        return self._limit / self._per

    @property
    def wait(self) -> float:
        """Seconds until the first waiting request gets its slot; 0 if none is waiting."""
        with self._queue.lock:
            return self._seconds_until(0) if self._queue else 0.0

    def estimate(self, requests: int) -> float:
        """Estimate the seconds until this many requests have a slot, the waiting ones included.

        Requests of other processes may delay it further.
        """
        with self._queue.lock:
            count = max(requests, len(self._queue))
            return self._seconds_until(count - 1) if count > 0 else 0.0

    async def stop(self, error: StatusError) -> None:
        """Raise this error in all tasks of this process that are waiting for a slot."""
        with self._queue.lock:
            self._queue.wake_all(error)

    def _deadline_after(self, max_wait: Duration | None) -> float:
        if max_wait is None:
            return math.inf
        return self._clock.now() + to_seconds("max_wait", max_wait, 0, 86_400)

    @abstractmethod
    def _seconds_until(self, ahead: int) -> float:
        """Return the least number of seconds until a slot is free behind `ahead` waiters."""

    def _seconds_behind(
        self, ahead: int, free_at: Sequence[float], not_before: float, now: float
    ) -> float:
        """Return the least number of seconds until a slot is free behind `ahead` waiters.

        Args:
            ahead: The number of waiters before this one.
            free_at: When each slot that is not in use is free, earliest first.
            not_before: The end of a pause.
            now: The time.
        """
        rounds, place = divmod(ahead, self._limit)
        # A slot that is in use cannot come back sooner than one window from now.
        first = free_at[place] if place < len(free_at) else now + self._per
        return max(max(first + rounds * self._per, not_before) - now, 0.0)

    def _check_deadline(self, waiter: Waiter) -> None:
        """Raise RateLimitedError if a waiter cannot get its slot in time."""
        if waiter.deadline < math.inf:
            wait = self._seconds_until(self._queue.index(waiter))
            if wait > 0 and self._clock.now() + wait > waiter.deadline:
                raise self._used_up(wait)

    def _used_up(self, wait: float) -> RateLimitedError:
        return RateLimitedError(
            f"{self._quota} is used up: the next slot is free in {wait:.1f} s, which is longer "
            "than max_wait. Nothing was sent.",
            advice="Try again then, or allow a longer max_wait.",
            retry_after=wait,
        )


class Limiter(BaseLimiter):
    """A rate limiter of `limit` requests in any window of `per` seconds, first come, first served.

    Clients, views and tasks can share it, also in several threads with an event loop each. A task
    that is cancelled while it waits uses no slot. Requests in the background, such as those of
    pulls and feeds, wait until no other request is waiting.

    Args:
        limit: Requests per window; the service documents 20.
        per: The window, in seconds or a timedelta; the service documents 60 seconds.
        clock: Measures waits; tests can replace it.
    """

    def __init__(self, limit: int = 20, *, per: Duration = 60.0, clock: Clock = SYSTEM) -> None:
        super().__init__(limit, per, clock)
        # The times when the slots that are not in use are free again, earliest first. It changes
        # together with the queue, under the queue's lock, which no task keeps while it waits.
        self._free_at: deque[float] = deque([0.0] * limit)
        self._not_before = 0.0

    def slot(self, *, max_wait: Duration | None = None, background: bool = False) -> Slot:
        """Return a slot for one request, an async context manager."""
        return Slot(self, self._deadline_after(max_wait), background=background)

    async def hold(self, seconds: float) -> None:
        """Pause all requests for some seconds; a longer pause is not shortened."""
        with self._queue.lock:
            self._not_before = max(self._not_before, self._clock.now() + seconds)
            self._queue.wake_all()  # some now have to wait longer than their max_wait

    async def acquire(self, deadline: float, *, background: bool) -> None:
        """Wait for a slot and take it.

        Raises:
            RateLimitedError: It would take until after the time `deadline`.
        """
        with self._queue.lock:
            if not self._queue and self._seconds_until(0) <= 0:
                self._free_at.popleft()
                return
            waiter = Waiter(deadline, background=background)
            self._queue.join(waiter)
        try:
            while (wait := self._take_or_wait(waiter)) > 0:
                await self._clock.wait(waiter.event, wait)
        finally:
            with self._queue.lock:
                self._queue.leave(waiter)

    def release(self, *, was_used: bool) -> None:
        """Release a slot: it is free after one window, or at once if no byte was sent."""
        with self._queue.lock:
            if was_used:
                self._free_at.append(self._clock.now() + self._per)
            else:
                self._free_at.appendleft(self._clock.now())
            self._queue.wake_first()

    def _take_or_wait(self, waiter: Waiter) -> float:
        """Take a slot if the waiter is the first, and return 0; otherwise the seconds to wait."""
        with self._queue.lock:
            if waiter.error is not None:
                raise waiter.error
            is_first, wait = waiter is self._queue[0], self._seconds_until(0)
            if is_first and wait <= 0:
                self._free_at.popleft()
                return 0.0
            self._check_deadline(waiter)
            waiter.event = anyio.Event()
            return wait if is_first and self._free_at else math.inf

    def _seconds_until(self, ahead: int) -> float:
        return self._seconds_behind(ahead, self._free_at, self._not_before, self._clock.now())


class Slot:
    """A slot for one request, in use from entering to leaving this context manager."""

    __slots__ = ("_background", "_deadline", "_limiter", "_was_used")

    def __init__(self, limiter: Limiter, deadline: float, *, background: bool) -> None:
        self._limiter = limiter
        self._deadline = deadline
        self._background = background
        self._was_used = True

    def give_back(self) -> None:
        """Note that no byte was sent, so that the slot is free as soon as it is left."""
        self._was_used = False

    async def __aenter__(self) -> Self:
        await self._limiter.acquire(self._deadline, background=self._background)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._limiter.release(was_used=self._was_used)


class Unlimited:
    """No limit, for a server of one's own; `limiter=None` selects it."""

    rate: float = math.inf

    def slot(
        self,
        *,
        max_wait: float | None = None,  # noqa: ARG002  # there is never a wait
        background: bool = False,  # noqa: ARG002
    ) -> Unlimited:
        """Return a slot that is always free."""
        return self

    async def hold(self, seconds: float) -> None:
        """Do nothing: only the request that was refused waits."""

    async def stop(self, error: StatusError) -> None:
        """Do nothing: no request is waiting."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        return None
