"""One quota for any number of processes and machines, kept by a Redis server.

As with `Limiter`, a slot is used again one window after its answer was here. Who is first in a
process asks the server, which decides in one script and by its own clock, so that no two
processes need to agree about the time.

A Redis server may lose what it keeps: by FLUSHALL, a restart, a failover to a replica that lacks
the last writes, or by eviction. So each process remembers the slots that it has in use or used
within the last window, and the epoch in which it told the server of them. A server that has lost
its data begins a new epoch. Whoever notices tells the server again what is missing, and nobody
takes a slot for one window from the beginning of that epoch: by then all slots are free that other
processes had left before.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol, Self

import anyio
from anyio.lowlevel import current_token

from seeclickfix_async._core.clock import SYSTEM, Clock
from seeclickfix_async._transport import background
from seeclickfix_async._transport.background import BackgroundTask
from seeclickfix_async._transport.limiter import Window
from seeclickfix_async._transport.waiter import Waiter, has_ended, running_loop
from seeclickfix_async.errors import (
    ClientStateError,
    ConnectionFailedError,
    EventLoopError,
    RateLimitedError,
)

_logger = logging.getLogger("seeclickfix_async")

_LEASE = 60.0
"""Seconds after which a slot expires in a process that has died; others renew it in time."""

_PATIENCE = 10.0  # seconds that the Redis server may take to answer
_TAKEN, _LOST = "taken", "lost"  # answers of the script that takes a slot
_SOON = 0.001  # seconds

# All is kept under one key, so that it is lost as a whole or not at all: a sorted set of the slots,
# scored by the moment when each is free again; of "held", scored by minus the moment before which
# nothing may leave; and of the epoch with the server's run id and its beginning, scored by 0.
# The run id differs after a restart and on another node; some providers do not tell it.
_BEGIN = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local key, per, lease, known = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local function put(member, score)
  redis.call('ZADD', key, string.format('%.6f', score), member)
end
local function hold(moment)
  local held = -(redis.call('ZSCORE', key, 'held') or 0)
  if moment > now and moment > held then put('held', -moment) end
end
local latest = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2] or 0
local was_set_back = tonumber(latest) > now + per + lease + 1
if was_set_back then redis.call('DEL', key) end
local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or '-'
local stored = redis.call('ZRANGEBYSCORE', key, 0, 0)[1]
local epoch, writer, since = string.match(stored or '', '^(%S+) (%S+) (%S+)$')
local moved = epoch and writer ~= server
if not epoch or moved then
  if moved then redis.call('ZREM', key, stored) end
  epoch, since = ARGV[4], now
  put(string.format('%s %s %.6f', epoch, server, now), 0)
end
local lost = moved or was_set_back or (known ~= '' and known ~= epoch)
if lost then hold(since + per) end
"""

# Returns "taken", or the seconds after which asking again is worthwhile; "lost" if the process has
# to tell the server of its slots first.
_TAKE = (
    _BEGIN
    + """
local token, limit = ARGV[5], tonumber(ARGV[6])
if known ~= '' and known ~= epoch then return {'lost', epoch} end
local held = -(redis.call('ZSCORE', key, 'held') or 0)
if held > now then return {tostring(held - now), epoch} end
redis.call('ZREMRANGEBYSCORE', key, '(0', string.format('%.6f', now))
if redis.call('ZCOUNT', key, '(0', '+inf') < limit then
  put(token, now + per + lease)
  return {'taken', epoch}
end
local first = redis.call('ZRANGEBYSCORE', key, '(0', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return {tostring(math.min(first[2] - now, per)), epoch}
"""
)

# ARGV: seconds for which nothing may leave; then, for each slot, its token, how to store it, and
# the seconds until it is free again. What needs no memory comes first: it works in a full server.
_TELL = (
    _BEGIN
    + """
for at = 6, #ARGV, 3 do
  if ARGV[at + 1] == 'remove' then redis.call('ZREM', key, ARGV[at]) end
end
for at = 6, #ARGV, 3 do
  local free_at = now + tonumber(ARGV[at + 2])
  if ARGV[at + 1] ~= 'remove' then put(ARGV[at], free_at) end
end
hold(now + tonumber(ARGV[5]))
return {'', epoch}
"""
)


class RedisClient(Protocol):
    """What is used of a `coredis.Redis`."""

    def register_script(self, script: str) -> Any:
        """A script that is called with `keys` and `args`."""
        ...


class RedisLimiter(Window):
    """At most `limit` requests in any window of `per` seconds, of all processes together.

    In each process first come, first served, and who is in the background lets others go first.
    A process that dies gives its slots back a minute late. After a restart of the Redis server, or
    another loss of its data, nothing leaves for one window. A process that starts right then,
    before any other has asked the server, cannot know of it. Needs the extra `redis`.

    It belongs to the event loop in which `redis` was opened: each thread makes its own, with a
    client of its own, and all share the quota by its name.

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
        self._key = f"{name}:quota"
        self._take: Any = redis.register_script(_TAKE)
        self._tell: Any = redis.register_script(_TELL)
        self._loop = running_loop()
        self._epoch = ""
        self._in_use: set[str] = set()
        self._free_at: deque[tuple[float, str]] = deque()  # what was used in the last window
        self._unused: set[str] = set()  # given back, and the server has not confirmed it
        self._held_until = 0.0
        # How often the server may have missed some of that, and up to where it was told again.
        self._missed = 0
        self._renewal_is_scheduled = False
        self._told = 0

    def slot(self, *, max_wait: float | None = None, background: bool = False) -> SharedSlot:
        """A place for one request, as an async context manager.

        Entering it raises:
            RateLimitedError: It would take longer than `max_wait`.
            ConnectionFailedError: The Redis server does not answer, or refuses.
            ClientStateError: The Redis client is not open, or another event loop's.
        """
        return SharedSlot(self, self._patience(max_wait), background=background)

    async def hold(self, seconds: float) -> None:
        """Let nothing leave for so many seconds, in no process; an earlier, longer hold stays."""
        self._held_until = max(self._held_until, self._clock.now() + seconds)
        await BackgroundTask(lambda: self._tell_soon(())).wait()

    async def acquire(self, patience: float, token: str, *, background: bool) -> None:
        """Wait for a slot and take it, known by a token."""
        self._check_loop()
        waiter = Waiter(patience, background=background)
        self._queue.join(waiter)
        try:
            while (wait := await self._take_or_wait(waiter, token)) > 0:
                left = self._left(waiter, wait)
                await self._clock.wait(waiter.event, min(wait, left))
                waiter.event = anyio.Event()
                if waiter.error is not None:
                    raise waiter.error
        finally:
            self._queue.leave(waiter)

    async def release(self, token: str, *, was_used: bool) -> None:
        """Let a slot be used again: after one window, or at once if nothing was sent."""
        self._in_use.discard(token)
        if was_used:
            self._free_at.append((self._clock.now() + self._per, token))
        else:
            self._unused.add(token)
        await BackgroundTask(lambda: self._tell_soon((token,))).wait()

    def _check_loop(self) -> None:
        with self._queue.lock:
            loop = current_token()
            if loop == self._loop:
                return
            if self._loop is not None and not has_ended(self._loop):
                raise EventLoopError(
                    "RedisLimiter", "Make one in each event loop, with a Redis client of its own."
                )
            self._loop = loop
            self._renewal_is_scheduled = False
            free_at = self._clock.now() + self._per
            self._free_at.extend((free_at, token) for token in self._in_use)
            self._in_use.clear()

    def _schedule_renewal(self) -> None:
        if not self._renewal_is_scheduled:
            self._renewal_is_scheduled = True
            background.start_later(_LEASE / 2, self._renew)

    async def _renew(self) -> None:
        """Extend the leases of all slots in use, as long as there are any."""
        self._renewal_is_scheduled = False
        if self._in_use:
            self._missed += 1
            await self._tell_soon(())
            self._schedule_renewal()

    async def _take_or_wait(self, waiter: Waiter, token: str) -> float:
        """Take a slot if it is the waiter's turn, and return 0; else the seconds to wait for it."""
        if waiter is not self._queue[0]:
            return math.inf
        attempt = _Attempt(lambda: self._ask(token))
        try:
            return await attempt.wait()
        except BaseException as error:
            if not isinstance(error, Exception):  # cancelled, and the slot may be taken yet
                attempt.then(lambda: self.release(token, was_used=False))
            raise

    async def _ask(self, token: str) -> float:
        answer = _LOST
        while answer == _LOST:
            await self._tell_all()
            try:
                answer = await self._run(self._take, token, self._limit)
            except BaseException:
                self._unused.add(token)  # it may have been taken
                self._missed += 1
                raise
        if answer != _TAKEN:
            return max(float(answer), _SOON)
        self._in_use.add(token)
        self._schedule_renewal()
        return 0.0

    async def _tell_soon(self, tokens: Collection[str]) -> None:
        """Tell of some slots now, or of all with the next request: the answer must not be lost."""
        try:
            await self._run(self._tell, self._hold_left(), *self._describe(tokens))
            await self._tell_all()
        except (ConnectionFailedError, ClientStateError) as error:
            self._missed += 1
            _logger.warning("%s", error)
        else:
            self._unused.difference_update(tokens)
        self._queue.wake_first()

    async def _tell_all(self) -> None:
        """Tell the server of all slots, if it may have lost some."""
        while self._told < self._missed:
            missed, in_use, unused = self._missed, set(self._in_use), set(self._unused)
            tokens = [*in_use, *unused, *(token for _, token in self._free_at)]
            await self._run(self._tell, self._hold_left(), *self._describe(tokens))
            self._unused -= unused
            self._told = max(self._told, missed)
            if left := in_use - self._in_use:  # meanwhile, and told before this
                self._unused |= left
                self._missed += 1

    def _describe(self, tokens: Collection[str]) -> list[str | float]:
        now = self._clock.now()
        while self._free_at and self._free_at[0][0] <= now:
            self._free_at.popleft()
        free_at = {token: moment for moment, token in self._free_at}
        told: list[str | float] = []
        for token in tokens:
            if token in self._in_use:
                told += [token, "used", self._per + _LEASE]
            elif token in free_at:
                told += [token, "free", free_at[token] - now]
            else:
                told += [token, "remove", 0]
        return told

    def _hold_left(self) -> float:
        return max(self._held_until - self._clock.now(), 0.0)

    async def _run(self, script: Any, *arguments: str | float) -> str:
        """Run a script; when the server has begun a new epoch, all has to be told again."""
        about = [self._per, _LEASE, self._epoch, secrets.token_hex(8)]
        try:
            with anyio.fail_after(_PATIENCE):
                answer = await script([self._key], [*about, *arguments])
        except Exception as error:
            raise _failure(error) from error
        result, epoch = (_text(part) for part in answer)
        if epoch != self._epoch:
            self._missed += self._epoch != ""
            self._epoch = epoch
        return result

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

    __slots__ = ("_background", "_limiter", "_patience", "_token", "_was_used")

    def __init__(self, limiter: RedisLimiter, patience: float, *, background: bool) -> None:
        self._limiter = limiter
        self._patience = patience
        self._background = background
        self._token = secrets.token_hex(8)
        self._was_used = True

    def give_back(self) -> None:
        """Leave it unused: nothing was sent, and another request may have it at once."""
        self._was_used = False

    async def __aenter__(self) -> Self:
        await self._limiter.acquire(self._patience, self._token, background=self._background)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._limiter.release(self._token, was_used=self._was_used)


class _Attempt:
    """A question to the server that is asked to its end, even if its task is cancelled."""

    def __init__(self, ask: Callable[[], Awaitable[float]]) -> None:
        self._ask = ask
        self._answer = math.inf
        self._afterwards: Callable[[], Awaitable[None]] | None = None
        self._task = BackgroundTask(self._run)

    async def wait(self) -> float:
        """Return the answer."""
        await self._task.wait()
        return self._answer

    def then(self, afterwards: Callable[[], Awaitable[None]]) -> None:
        """Set what is to be done when it has been asked."""
        if self._task.is_done:
            BackgroundTask(afterwards)
        else:
            self._afterwards = afterwards

    async def _run(self) -> None:
        try:
            self._answer = await self._ask()
        finally:
            if self._afterwards is not None:
                await self._afterwards()


def _text(part: bytes | str) -> str:
    return part.decode() if isinstance(part, bytes) else part


def _failure(error: Exception) -> ConnectionFailedError | ClientStateError:
    if isinstance(error, RuntimeError):  # coredis has no class of its own for it
        return ClientStateError(
            "The Redis client that keeps the quota is not open. Use the limiter inside of "
            "`async with coredis.Redis(...) as redis:`. Nothing was sent."
        )
    kind = type(error).__name__
    if any(base.__name__ == "ResponseError" for base in type(error).__mro__):
        return ConnectionFailedError(
            f"The Redis server that keeps the quota refuses ({kind}: {error}). Nothing was sent; "
            "check its memory, its role and the permissions of its user."
        )
    return ConnectionFailedError(
        "The Redis server that keeps the quota does not answer. Nothing was sent; "
        f"check that it runs ({kind})."
    )
