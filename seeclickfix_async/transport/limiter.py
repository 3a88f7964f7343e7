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
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import anyio

from seeclickfix_async import checks
from seeclickfix_async.counting import counted
from seeclickfix_async.errors import RateLimitedError, StatusError
from seeclickfix_async.transport.clock import SYSTEM, Clock


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


class Waiter:
    """One request in the queue."""

    __slots__ = ("background", "error", "event", "patience")

    def __init__(self, patience: float, *, background: bool) -> None:
        self.patience: float = patience  # the moment at which it would rather fail
        self.background: bool = background
        self.event: anyio.Event = anyio.Event()
        self.error: StatusError | None = None


class Queue(deque[Waiter]):
    """Requests that wait: who came first is first, and who is in the background lets others in."""

    def join(self, waiter: Waiter) -> None:
        """Take the last place, or that before the first who yields."""
        place = len(self)
        if not waiter.background:
            place = next((at for at, other in enumerate(self) if other.background), place)
        self.insert(place, waiter)

    def leave(self, waiter: Waiter) -> None:
        """Give the place up, and wake who is first now."""
        self.remove(waiter)
        self.wake_first()

    def wake_first(self) -> None:
        """Let the first look whether it is its turn."""
        if self:
            self[0].event.set()

    def wake_all(self, error: StatusError | None = None) -> None:
        """Let all look anew, or fail with an error."""
        for waiter in self:
            waiter.error = error or waiter.error
            waiter.event.set()


class Window:
    """What all limiters have: so many requests in so many seconds, and a queue for them."""

    def __init__(self, limit: int, per: float, clock: Clock) -> None:
        checks.number("limit", limit, 1, 1_000_000, whole=True)
        checks.number("per", per, 0.001, 86_400, whole=False)
        self._limit = limit
        self._per = per
        self._clock = clock
        self._queue = Queue()
        self._quota = f"The quota of {counted(limit, 'request')} in {per:g} s"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._limit}, per={self._per})"

    @property
    def rate(self) -> float:
        """Requests a second that are allowed in the long run."""
        return self._limit / self._per

    async def stop(self, error: StatusError) -> None:
        """Fail everything that waits now in this process with this error."""
        self._queue.wake_all(error)

    def _waiter(self, max_wait: float | None, *, background: bool) -> Waiter:
        patience = math.inf if max_wait is None else self._clock.now() + max_wait
        return Waiter(patience, background=background)


class Limiter(Window):
    """At most `limit` requests in any window of `per` seconds, first come, first served.

    It may be shared by clients, tasks and views, and used by one event loop after another. A
    waiter that is cancelled leaves the queue and takes no slot with it. Requests in the background,
    as pulls and feeds make them, let all others go first.

    Args:
        limit: Requests per window; the service documents 20.
        per: The window in seconds; the service documents 60.
        clock: Tells the time; for tests.
    """

    def __init__(self, limit: int = 20, *, per: float = 60.0, clock: Clock = SYSTEM) -> None:
        super().__init__(limit, per, clock)
        # When each slot that is not in use may be used again, earliest first.
        self._free_at: deque[float] = deque([0.0] * limit)
        self._not_before = 0.0

    def slot(self, *, max_wait: float | None = None, background: bool = False) -> Slot:
        """A place for one request, as an async context manager."""
        return Slot(self._acquire, self._release, self._waiter(max_wait, background=background))

    async def hold(self, seconds: float) -> None:
        """Let nothing leave for so many seconds; an earlier, longer hold stays."""
        self._not_before = max(self._not_before, self._clock.now() + seconds)
        self._queue.wake_all()  # for some the wait has become too long

    async def _acquire(self, waiter: Waiter) -> None:
        if self._queue or self._wait(0) > 0:
            await self._queue_up(waiter)
        self._free_at.popleft()

    async def _queue_up(self, waiter: Waiter) -> None:
        self._queue.join(waiter)
        try:
            while (wait := self._wait(0)) > 0 or waiter is not self._queue[0]:
                self._check_patience(waiter)
                next_up = waiter is self._queue[0] and self._free_at
                await self._clock.wait(waiter.event, wait if next_up else math.inf)
                waiter.event = anyio.Event()
                if waiter.error is not None:
                    raise waiter.error
        finally:
            self._queue.leave(waiter)

    def _check_patience(self, waiter: Waiter) -> None:
        if waiter.patience == math.inf:
            return
        wait = self._wait(self._queue.index(waiter))
        if self._clock.now() + wait > waiter.patience:
            raise RateLimitedError(
                f"{self._quota} is used up: this one may leave in {wait:.1f} s, which is longer "
                "than max_wait. Nothing was sent; try again then, or allow a longer max_wait.",
                retry_after=wait,
            )

    def _wait(self, ahead: int) -> float:
        """Seconds until a slot is free for one with so many ahead; at least, as far as is known."""
        now = self._clock.now()
        rounds, place = divmod(ahead, self._limit)
        # A slot that is in use cannot come back sooner than one window from now.
        free_at = self._free_at[place] if place < len(self._free_at) else now + self._per
        return max(free_at + rounds * self._per, self._not_before) - now

    def _release(self) -> None:
        self._free_at.append(self._clock.now() + self._per)
        self._queue.wake_first()


class Slot:
    """A place for one request; while it is open, the request counts as on its way."""

    __slots__ = ("_acquire", "_release", "_waiter")

    def __init__(
        self,
        acquire: Callable[[Waiter], Awaitable[None]],
        release: Callable[[], None],
        waiter: Waiter,
    ) -> None:
        self._acquire = acquire
        self._release = release
        self._waiter = waiter

    async def __aenter__(self) -> None:
        await self._acquire(self._waiter)

    async def __aexit__(self, *_: object) -> None:
        self._release()


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
