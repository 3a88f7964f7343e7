"""A rate limiter that processes and machines share through a Redis server.

As in `Limiter`, a slot is free again one window after its response was received. The server decides
in one script and by its own clock, so that the clocks of the processes need not agree.

A Redis server can lose its data: by FLUSHALL, a restart, a failover to a replica that lacks the
last writes, or eviction. Therefore each process remembers its slots, and the epoch in which the
server stored them. A server that has lost its data starts a new epoch. A process that notices it
stores its slots again, and no process takes a slot for one window from the start of the epoch: by
then, slots that other processes released before the loss are free. A server whose clock was set is
treated in the same way.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any, Protocol

import anyio
from anyio.lowlevel import current_token

from seeclickfix_async._core.clock import SYSTEM, Clock
from seeclickfix_async._core.duration import Duration
from seeclickfix_async._transport import redis_scripts
from seeclickfix_async._transport.shared_limiter import SharedLimiter
from seeclickfix_async._transport.waiter import Waiter, has_ended, running_loop
from seeclickfix_async.errors import (
    ClientStateError,
    ConnectionFailedError,
    EventLoopError,
)

_REPLY_TIMEOUT = 10.0  # seconds that a script may take, with the network
_MIN_WAIT = 0.001  # seconds


class RedisClient(Protocol):
    """The part of a `coredis.Redis` that is used here."""

    def register_script(self, script: str) -> Any:
        """Return a script that is called with `keys` and `args`."""
        ...


class RedisLimiter(SharedLimiter):
    """A rate limiter of `limit` requests in any window of `per` seconds, for several processes.

    Each process sends its own requests in the order in which they were made, those in the
    background last. The slots of a process that died are free a minute late. Requires the extra
    `redis`.

    After a restart of the Redis server, or another loss of its data, no request is sent for one
    window. A process that starts then, before another one has used the server, does not notice the
    loss. The same holds if the clock of the server is set forward; if it is set back, requests are
    delayed by four minutes at most. A process that is suspended, or cannot reach the server, for
    more than a minute may lose its slots to other processes.

    It belongs to the event loop in which `redis` was opened. Each thread creates its own, with its
    own client; they share the quota by its name.

    Args:
        redis: A `coredis.Redis`, opened with `async with`, which only the caller closes.
        limit: Requests per window; the service documents 20.
        per: The window, in seconds or a timedelta; the service documents 60 seconds.
        name: The name of the quota on the server: one for each public IP address.
        clock: Measures waits; tests can replace it.
    """

    def __init__(
        self,
        redis: RedisClient,
        limit: int = 20,
        *,
        per: Duration = 60.0,
        name: str = "seeclickfix",
        clock: Clock = SYSTEM,
    ) -> None:
        super().__init__(limit, per, clock)
        self._key = f"{name}:quota"
        self._take: Any = redis.register_script(redis_scripts.TAKE)
        self._store: Any = redis.register_script(redis_scripts.STORE)
        self._loop = running_loop()
        self._epoch = ""
        # The server has all slots if the two counts are equal. The first grows when it may have
        # missed a change, the second follows when all slots were stored again.
        self._missed_changes = 0
        self._restored_changes = 0

    def _check_loop(self) -> None:
        with self._queue.lock:
            loop = current_token()
            if loop == self._loop:
                return
            if self._loop is not None and not has_ended(self._loop):
                raise EventLoopError(
                    "RedisLimiter", "Create one in each event loop, with its own Redis client."
                )
            self._loop = loop  # the one before has ended, and with it the requests in it
            free_at = self._clock.now() + self._per
            self._free_at.extend((free_at, token) for token in self._in_use)
            self._in_use.clear()

    async def _renew(self) -> None:
        self._missed_changes += bool(self._in_use)
        await super()._renew()

    async def _take_slot(self, token: str, waiter: Waiter) -> float:  # noqa: ARG002
        result = redis_scripts.LOST
        while result == redis_scripts.LOST:
            await self._restore_slots()
            try:
                result = await self._run(self._take, token, self._limit, self._count_used())
            except BaseException:
                self._unused.add(token)  # it may have been taken
                self._missed_changes += 1
                raise
        if result != redis_scripts.TAKEN:
            return max(float(result), _MIN_WAIT)
        self._in_use[token] = current_token()
        self._schedule_renewal()
        return 0.0

    def _count_used(self) -> int:
        """Count the released slots that are not free in one second, a margin for clock drift."""
        earliest = self._clock.now() + 1
        return sum(time > earliest for time, _ in self._free_at)

    async def _write_slots(self, tokens: Collection[str]) -> None:
        try:
            await self._run(self._store, self._pause_left(), *self._describe(tokens))
            await self._restore_slots()
        except (ConnectionFailedError, ClientStateError):
            self._missed_changes += 1
            raise
        self._unused.difference_update(tokens)

    async def _restore_slots(self) -> None:
        """Store all slots again, if the server may have lost or missed some."""
        while self._restored_changes < self._missed_changes:
            missed, in_use, unused = self._missed_changes, set(self._in_use), set(self._unused)
            tokens = [*in_use, *unused, *(token for _, token in self._free_at)]
            await self._run(self._store, self._pause_left(), *self._describe(tokens))
            self._unused -= unused
            self._restored_changes = max(self._restored_changes, missed)
            if released := in_use - self._in_use.keys():  # meanwhile: stored as in use after all
                self._unused |= released
                self._missed_changes += 1

    def _describe(self, tokens: Collection[str]) -> list[str | float]:
        """Return the arguments of the script that stores slots."""
        now = self._clock.now()
        while self._free_at and self._free_at[0][0] <= now:
            self._free_at.popleft()
        free_at = {token: time for time, token in self._free_at}
        arguments: list[str | float] = []
        for token in tokens:
            if token in self._in_use:
                arguments += [token, self._per + self._lease]
            elif token in free_at:
                arguments += [token, free_at[token] - now]
            else:
                arguments += [token, "remove"]
        return arguments

    def _pause_left(self) -> float:
        return max(self._paused_until - self._clock.now(), 0.0)

    async def _run(self, script: Any, *arguments: str | float) -> str:
        """Run a script and return its result; note whether the server has started a new epoch."""
        common = [self._per, self._lease, self._epoch, secrets.token_hex(8)]
        try:
            with anyio.fail_after(_REPLY_TIMEOUT):
                reply = await script([self._key], [*common, *arguments])
        except Exception as error:
            raise _translate_exception(error) from error
        result, epoch = (_decode(part) for part in reply)
        if epoch != self._epoch:
            self._missed_changes += self._epoch != ""
            self._epoch = epoch
        return result


def _decode(part: bytes | str) -> str:
    return part.decode() if isinstance(part, bytes) else part


def _translate_exception(error: Exception) -> ConnectionFailedError | ClientStateError:
    if isinstance(error, RuntimeError):  # coredis has no exception class for a closed client
        return ClientStateError(
            "The Redis client of the rate limiter is not open. Nothing was sent.",
            advice="Use the limiter inside `async with coredis.Redis(...) as redis:`.",
        )
    kind = type(error).__name__
    if any(base.__name__ == "ResponseError" for base in type(error).__mro__):
        return ConnectionFailedError(
            f"The Redis server of the rate limiter refuses ({kind}: {error}). Nothing was sent.",
            advice="Check its memory, its role and the permissions of its user.",
        )
    return ConnectionFailedError(
        f"The Redis server of the rate limiter cannot be reached ({kind}). Nothing was sent.",
        advice="Check that it runs.",
    )
