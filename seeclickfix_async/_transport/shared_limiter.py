"""The base class of rate limiters whose slots are stored outside of the process.

In each process, the first waiter requests a slot. A slot in use has a lease, which its process
renews. If the process dies, the lease expires.

What is stored can be lost. Therefore each process remembers the slots that it uses or has used
within the last window, to store them again.
"""

from __future__ import annotations

import logging
import math
import secrets
from abc import abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import Self, SupportsIndex

import anyio
from anyio.lowlevel import EventLoopToken, current_token

from seeclickfix_async._core.clock import Clock, hold
from seeclickfix_async._core.duration import Duration, to_seconds
from seeclickfix_async._transport import background
from seeclickfix_async._transport.background import BackgroundTask
from seeclickfix_async._transport.limiter import LONGEST, BaseLimiter
from seeclickfix_async._transport.waiter import OnWait, Waiter, has_ended
from seeclickfix_async.errors import ClientStateError, ConnectionFailedError

_logger = logging.getLogger("seeclickfix_async")

LEASE = 60.0
"""Seconds after which a slot in use expires, in addition to the window, if it is not renewed."""

_LONGEST_TURN = 1.0
"""Seconds after its deadline in which a waiter still waits for its turn, if slots are free."""


class SharedLimiter(BaseLimiter):
    """Base class of the limiters that processes share.

    Args:
        limit: Requests per window.
        per: The window in seconds.
        clock: Measures waits.
    """

    _longest_sleep = math.inf
    """Seconds after which the first waiter tries again at the latest."""

    def __init__(self, limit: SupportsIndex, per: Duration, clock: Clock) -> None:
        super().__init__(limit, per, clock)
        self._lease = LEASE
        # The following change under the queue's lock, which no task keeps while it waits.
        self._in_use: dict[str, EventLoopToken] = {}
        self._free_at: deque[tuple[float, str]] = deque()  # slots used within the last window
        self._unused: set[str] = set()  # returned, but not yet removed from the store
        self._paused_until = 0.0
        self._next_free = 0.0  # no slot is free before, as far as is known
        self._renewing_loop: EventLoopToken | None = None

    @abstractmethod
    def _check_loop(self) -> None:
        """Check that the limiter can be used in the running event loop."""

    @abstractmethod
    async def _take_slot(self, token: str, waiter: Waiter) -> float:
        """Take a slot under a token and return 0, or the seconds after which to try again."""

    @abstractmethod
    async def _write_slots(self, tokens: Collection[str]) -> None:
        """Store the state of these slots, and the end of a pause."""

    def slot(self, *, max_wait: Duration | None = None, background: bool = False) -> SharedSlot:
        """Return a slot for one request, an async context manager.

        Entering it raises:
            RateLimitedError: It would take longer than `max_wait`.
            ConnectionFailedError: The Redis server cannot be reached, or refuses.
            ClientStateError: The file cannot be used; or the Redis client is not open, or belongs
                to another event loop.
        """
        return SharedSlot(self, self._deadline_after(max_wait), background=background)

    async def hold(self, seconds: Duration) -> None:
        """Pause all requests of all processes for a duration; a longer pause is not shortened."""
        pause = to_seconds("seconds", seconds, 0, LONGEST)
        with self._queue.lock:
            self._paused_until = max(self._paused_until, self._clock.now() + pause)
        await BackgroundTask(lambda: self._store_slots(())).wait()

    async def acquire(
        self, deadline: float, token: str, *, background: bool, on_wait: OnWait | None = None
    ) -> None:
        """Wait for a slot and take it under a token; cancellation releases it.

        Raises:
            RateLimitedError: It would take until after the time `deadline`.
        """
        self._check_loop()
        now = self._clock.now()
        waiter = Waiter(deadline, background=background, since=now, on_wait=on_wait)
        with self._queue.lock:
            self._queue.join(waiter)
        try:
            while (wait := await self._take_or_wait(waiter, token)) > 0:
                await self._clock.wait(waiter.event, min(wait, self._report_wait(waiter)))
                waiter.event = anyio.Event()
                if waiter.error is not None:
                    raise waiter.error
        finally:
            with self._queue.lock:
                self._queue.leave(waiter)

    async def release(self, token: str, *, was_used: bool) -> None:
        """Release a slot: it is free after one window, or at once if no byte was sent."""
        with self._queue.lock:
            self._in_use.pop(token, None)
            if was_used:
                self._free_at.append((self._clock.now() + self._per, token))
            else:
                self._unused.add(token)
        await BackgroundTask(lambda: self._store_slots((token,))).wait()

    def _seconds_until(self, ahead: int) -> float:
        wait = max(self._next_free - self._clock.now(), 0.0)
        return wait + ahead // self._limit * self._per

    async def _take_or_wait(self, waiter: Waiter, token: str) -> float:
        """Take a slot if the waiter is the first, and return 0; otherwise the seconds to wait."""
        with self._queue.lock:
            if waiter is not self._queue[0]:
                self._check_deadline(waiter)
                seconds_left = waiter.deadline + _LONGEST_TURN - self._clock.now()
                if seconds_left <= 0:
                    raise self._used_up(self._seconds_until(0))
                return seconds_left
        attempt = _TakeAttempt(lambda: self._take_slot(token, waiter))
        try:
            with hold(self._clock):
                wait = await attempt.wait()
        except BaseException as error:
            if not isinstance(error, Exception):  # cancelled; the slot may still be taken
                attempt.then(lambda: self.release(token, was_used=False))
            raise
        if wait > 0:
            with self._queue.lock:
                self._next_free = self._clock.now() + wait
                self._check_deadline(waiter)
                self._queue.wake_impatient()
        return min(wait, self._longest_sleep)

    def _schedule_renewal(self) -> None:
        loop = current_token()
        with self._queue.lock:
            if self._renewing_loop is not None and (
                self._renewing_loop == loop or not has_ended(self._renewing_loop)
            ):
                return
            self._renewing_loop = loop
        background.start_later(self._lease / 2, self._renew)

    async def _renew(self) -> None:
        """Renew the leases of all slots in use, and schedule the next renewal."""
        self._renewing_loop = None
        if self._in_use:
            await self._store_slots(self._in_use.copy())
            self._schedule_renewal()

    async def _store_slots(self, tokens: Collection[str]) -> None:
        """Store some slots now; if that fails, store all of them before the next request.

        The response to a request that was sent must not be lost by an error here.
        """
        try:
            with hold(self._clock):
                await self._write_slots(tokens)
        except (ConnectionFailedError, ClientStateError) as error:
            _logger.warning("%s", error)
        with self._queue.lock:
            self._queue.wake_first()


class SharedSlot:
    """A slot for one request, in use from entering to leaving this context manager.

    Attributes:
        on_wait: Receives the expected seconds when the request has to wait.
    """

    __slots__ = ("_background", "_deadline", "_limiter", "_token", "_was_used", "on_wait")

    def __init__(self, limiter: SharedLimiter, deadline: float, *, background: bool) -> None:
        self._limiter = limiter
        self._deadline = deadline
        self._background = background
        self._token = secrets.token_hex(8)
        self._was_used = True
        self.on_wait: OnWait | None = None

    def give_back(self) -> None:
        """Note that no byte was sent, so that the slot is free as soon as it is left."""
        self._was_used = False

    async def __aenter__(self) -> Self:
        await self._limiter.acquire(
            self._deadline, self._token, background=self._background, on_wait=self.on_wait
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._limiter.release(self._token, was_used=self._was_used)


class _TakeAttempt:
    """An attempt to take a slot that runs to its end, even if the waiting task is cancelled."""

    def __init__(self, take: Callable[[], Awaitable[float]]) -> None:
        self._take = take
        self._wait = math.inf
        self._cleanup: Callable[[], Awaitable[None]] | None = None
        self._task = BackgroundTask(self._run)

    async def wait(self) -> float:
        """Return the seconds to wait for a slot, or 0 if one was taken."""
        await self._task.wait()
        return self._wait

    def then(self, cleanup: Callable[[], Awaitable[None]]) -> None:
        """Run a function when the attempt has ended."""
        if self._task.is_done:
            BackgroundTask(cleanup)
        else:
            self._cleanup = cleanup

    async def _run(self) -> None:
        try:
            self._wait = await self._take()
        finally:
            if self._cleanup is not None:
                await self._cleanup()
