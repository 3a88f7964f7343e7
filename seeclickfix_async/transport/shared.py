"""One quota for any number of processes and machines, kept by a Redis server.

As with `Limiter`, a slot is used again one window after its answer was here. Who is first in a
process asks the server, which decides in one script and by its own clock, so that no two
processes need to agree about the time.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import anyio

from seeclickfix_async.errors import ConnectionFailedError, RateLimitedError
from seeclickfix_async.transport.clock import SYSTEM, Clock
from seeclickfix_async.transport.detached import Flight
from seeclickfix_async.transport.limiter import Waiter, Window

_logger = logging.getLogger("seeclickfix_async")

_LEASE = 60.0
"""Seconds after which a request counts as answered whose process has died."""

_PATIENCE = 10.0  # seconds that the Redis server may take to answer

# KEYS: the slots in use, scored by when they are free again; the moment before which nothing may
# leave. Gives 0 when the slot was taken, or the seconds after which asking again is worth it.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local limit, per, lease = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local held = tonumber(redis.call('GET', KEYS[2]) or 0)
if held > now then return tostring(held - now) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.6f', now))
if redis.call('ZCARD', KEYS[1]) < limit then
  redis.call('ZADD', KEYS[1], string.format('%.6f', now + per + lease), ARGV[1])
  redis.call('PEXPIRE', KEYS[1], math.ceil((per + lease) * 1000))
  return '0'
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return tostring(math.min(tonumber(first[2]) - now, per))
"""

_GIVE_BACK = """
local clock = redis.call('TIME')
local free = string.format('%.6f', clock[1] + clock[2] / 1000000 + tonumber(ARGV[2]))
return redis.call('ZADD', KEYS[1], 'XX', free, ARGV[1])
"""

_HOLD = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local until_then = now + tonumber(ARGV[1])
if until_then > tonumber(redis.call('GET', KEYS[1]) or 0) then
  redis.call('SET', KEYS[1], string.format('%.6f', until_then), 'PX', math.ceil(ARGV[1] * 1000))
end
return 1
"""


class RedisClient(Protocol):
    """What is used of a `coredis.Redis`."""

    def register_script(self, script: str) -> Any:
        """A script that is called with `keys` and `args`."""
        ...


class RedisLimiter(Window):
    """At most `limit` requests in any window of `per` seconds, of all processes together.

    In each process first come, first served, and who is in the background lets others go first.
    A process that dies gives its slots back a minute late. Needs the extra `redis`.

    Args:
        redis: A `coredis.Redis`, opened with `async with`; it stays yours.
        limit: Requests per window; the service documents 20.
        per: The window in seconds; the service documents 60.
        name: What the quota is called on the server; one for each address on the internet.
        clock: Lets the time pass; for tests.
    """

    def __init__(
        self,
        redis: RedisClient,
        limit: int = 20,
        *,
        per: float = 60.0,
        name: str = "seeclickfix",
        clock: Clock = SYSTEM,
    ) -> None:
        super().__init__(limit, per, clock)
        self._slots = f"{{{name}}}:slots"  # the braces keep both keys on one node of a cluster
        self._held = f"{{{name}}}:held"
        self._take: Any = redis.register_script(_TAKE)
        self._give_back: Any = redis.register_script(_GIVE_BACK)
        self._hold: Any = redis.register_script(_HOLD)

    def slot(self, *, max_wait: float | None = None, background: bool = False) -> SharedSlot:
        """A place for one request, as an async context manager."""
        return SharedSlot(self, self._waiter(max_wait, background=background))

    async def hold(self, seconds: float) -> None:
        """Let nothing leave for so many seconds, in no process; an earlier, longer hold stays."""
        await _tell(self._hold, [self._held], [seconds])

    async def acquire(self, waiter: Waiter, token: str) -> None:
        """Wait for a slot, known by a token.

        Raises:
            RateLimitedError: It would take longer than the waiter's patience.
            ConnectionFailedError: The Redis server does not answer.
        """
        self._queue.join(waiter)
        try:
            while (wait := await self._try(waiter, token)) > 0:
                left = self._left(waiter, wait)
                await self._clock.wait(waiter.event, min(wait, left))
                waiter.event = anyio.Event()
                if waiter.error is not None:
                    raise waiter.error
        finally:
            self._queue.leave(waiter)

    async def release(self, token: str) -> None:
        """Let a slot be used again after one window from now."""
        await _tell(self._give_back, [self._slots], [token, self._per])

    async def _try(self, waiter: Waiter, token: str) -> float:
        if waiter is not self._queue[0]:
            return math.inf
        asked = _Asked(
            self._take, [self._slots, self._held], [token, self._limit, self._per, _LEASE]
        )
        try:
            return float(await asked.answer())
        except BaseException:
            # Whoever leaves now does not know whether the slot was taken; the server does.
            asked.then(lambda: self.release(token))
            raise

    def _left(self, waiter: Waiter, wait: float) -> float:
        """Seconds of patience; who is not first does not know how long the wait will be."""
        left = waiter.patience - self._clock.now()
        known = 0.0 if wait == math.inf else wait
        if left < known or left <= 0:
            raise RateLimitedError(
                f"{self._quota} is used up, for longer than max_wait. Nothing was sent; try again "
                "later, or allow a longer max_wait.",
                retry_after=known or self._per,
            )
        return left


class SharedSlot:
    """A place for one request; while it is open, the request counts as on its way."""

    __slots__ = ("_limiter", "_token", "_waiter")

    def __init__(self, limiter: RedisLimiter, waiter: Waiter) -> None:
        self._limiter = limiter
        self._waiter = waiter
        self._token = secrets.token_hex(8)

    async def __aenter__(self) -> None:
        await self._limiter.acquire(self._waiter, self._token)

    async def __aexit__(self, *_: object) -> None:
        await self._limiter.release(self._token)


class _Asked:
    """A script that runs to its end, whoever is cancelled while he waits for it."""

    def __init__(self, script: Any, keys: list[str], arguments: list[Any]) -> None:
        self._script = script
        self._with = keys, arguments
        self._answer: Any = None
        self._afterwards: Callable[[], Awaitable[None]] | None = None
        self._flight = Flight(self._run)

    async def answer(self) -> Any:
        """Wait for the answer.

        Raises:
            ConnectionFailedError: The Redis server does not answer.
        """
        await self._flight.landed()
        return self._answer

    def then(self, afterwards: Callable[[], Awaitable[None]]) -> None:
        """What is to be done once the script has run."""
        if self._flight.over:
            Flight(afterwards)
        else:
            self._afterwards = afterwards

    async def _run(self) -> None:
        try:
            with anyio.fail_after(_PATIENCE):
                self._answer = await self._script(*self._with)
        except Exception as error:
            raise ConnectionFailedError(
                "The Redis server that keeps the quota does not answer. Nothing was sent; "
                f"check that it runs ({type(error).__name__})."
            ) from error
        finally:
            if self._afterwards is not None:
                await self._afterwards()


async def _tell(script: Any, keys: list[str], arguments: list[Any]) -> None:
    """Run a script that nothing hangs on: an answer that came must not be lost with Redis."""
    try:
        await _Asked(script, keys, arguments).answer()
    except ConnectionFailedError as error:
        _logger.warning("%s", error)
