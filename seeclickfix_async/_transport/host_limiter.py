"""A rate limiter that the processes of one machine share through a file.

As in `Limiter`, a slot is free again one window after its response was received, and the waiters of
all processes are served in the order in which they began to wait, those in the background last.
Processes cannot wake each other: each tries again when its slot is due, once a second at least.

A request reads and changes the file twice, in a thread. That takes 40 µs, on a busy disk 12 ms
(measured) and perhaps seconds. The file is not flushed to the disk, since it need not survive the
system: after a restart, the clock shows which slots are free.

A slot in use names its process. If that has died, the slot is free one window after another process
noticed it. On Windows, and where the process id was used again, its lease expires.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection
from pathlib import Path
from random import random
from typing import SupportsIndex, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar, current_token

from seeclickfix_async._core import machine, validation
from seeclickfix_async._core.clock import SYSTEM, Clock
from seeclickfix_async._core.credentials import PRODUCTION, normalize_base_url, parse_origin
from seeclickfix_async._core.duration import Duration
from seeclickfix_async._core.private_file import PrivateFile
from seeclickfix_async._transport import slot_log
from seeclickfix_async._transport.shared_limiter import SharedLimiter
from seeclickfix_async._transport.slot_log import LoggedSlot, LoggedWaiter, SlotLog
from seeclickfix_async._transport.wait_queue import WaitQueue
from seeclickfix_async._transport.waiter import OnWait, Waiter, has_ended
from seeclickfix_async.errors import ClientStateError, InvalidArgumentError

T = TypeVar("T")

_FOLDER = Path("seeclickfix-async", "quota")
_POLL_INTERVAL = 1.0  # seconds
_GRACE = 1.0  # seconds that a waiter may be late before others take its slot
_MIN_WAIT = 0.001  # seconds
_LOCK_TIMEOUT = 10.0  # seconds; a process holds the lock for less than a millisecond
_LONGEST_PAUSE = 86_400.0  # seconds

_threads: RunVar[CapacityLimiter] = RunVar("seeclickfix_async_host_limiter")


class HostLimiter(SharedLimiter):
    """A rate limiter of `limit` requests in any window of `per` seconds, for one machine.

    All processes of a user share it, without a server: through a file for each service, which holds
    times and process ids. They are served in the order in which they began to wait, those in the
    background last. A process that is killed at any moment blocks no other one, and its slots are
    free one window later. A file that is damaged counts as full for one window. Threads, event
    loops and forked processes can use one object.

    Different users, machines, and containers without a common folder do not share it. Containers
    with a common folder do; a folder in the network must not be used by several machines.

    Args:
        limit: Requests per window; the service documents 20.
        per: The window, in seconds or a timedelta; the service documents 60 seconds.
        base_url: The service's address, as for `AsyncClient`: each origin has a quota of its own.
        folder: The folder of the files, created with mode 0700; by default one in the user's cache
            folder, such as `~/.cache`. A service without a home folder needs one.
        clock: Measures waits, in the time of all processes; tests can replace it.
    """

    _longest_sleep = _POLL_INTERVAL

    def __init__(
        self,
        limit: SupportsIndex = 20,
        *,
        per: Duration = 60.0,
        base_url: str = PRODUCTION,
        folder: str | os.PathLike[str] | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        super().__init__(limit, per, clock)
        scheme, host, port = parse_origin(normalize_base_url(base_url))
        name = hashlib.sha256(f"{scheme}://{host}:{port}".encode()).hexdigest()[:32]
        self._file = PrivateFile(_find_folder(folder), f"{name}.json", slot_log.MAX_BYTES)
        self._boot = machine.boot_id()
        self._process = os.getpid()
        self._log = SlotLog()  # as last seen
        self._ahead = 0  # waiting processes before this one, as last seen

    async def check(self) -> None:
        """Check that the file can be used, and create it if it is missing.

        Raises:
            ClientStateError: It cannot.
        """
        await self._write_slots(())

    async def acquire(
        self, deadline: float, token: str, *, background: bool, on_wait: OnWait | None = None
    ) -> None:
        """Wait for a slot and take it under a token; cancellation releases it.

        Raises:
            RateLimitedError: It would take until after the time `deadline`.
        """
        try:
            await super().acquire(deadline, token, background=background, on_wait=on_wait)
        except BaseException:
            if token in self._log.waiters:  # otherwise others would leave a slot to it
                await self.release(token, was_used=False)
            raise

    def _check_loop(self) -> None:
        if self._process != os.getpid():  # forked: slots and waiters are the parent's
            self._process = os.getpid()
            self._in_use.clear()
            self._unused.clear()
            self._queue = WaitQueue()
            self._renewing_loop = None

    def _seconds_until(self, ahead: int) -> float:
        now, log = self._clock.now(), self._log
        free_at = log.free_times(self._limit, now)
        return self._seconds_behind(self._ahead + ahead, free_at, log.paused_until, now)

    async def _take_slot(self, token: str, waiter: Waiter) -> float:
        loop = current_token()

        def take(log: SlotLog, now: float) -> float:
            entry = LoggedWaiter(
                waiter.background, waiter.since, now + _POLL_INTERVAL + _GRACE, self._process
            )
            log.waiters[token] = entry
            self._ahead = log.count_ahead(token)
            wait = self._seconds_until(0)
            if wait > 0:
                return max(wait, _MIN_WAIT)
            del log.waiters[token]
            self._ahead = 0
            log.slots[token] = self._slot_in_use(now)
            self._in_use[token] = loop
            return 0.0

        try:
            wait = await self._update(take)
        except BaseException:
            with self._queue.lock:
                self._in_use.pop(token, None)
                self._unused.add(token)
            raise
        if wait == 0:
            self._schedule_renewal()
        return wait

    async def _write_slots(self, tokens: Collection[str]) -> None:  # noqa: ARG002  # writes all
        await self._update(lambda _log, _now: None)

    async def _update(self, change: Callable[[SlotLog, float], T]) -> T:
        """Change the log in the file, in a thread."""
        loop = current_token()
        deadline = anyio.current_time() + _LOCK_TIMEOUT

        def update() -> T:
            unused: set[str] = set()

            def change_content(content: bytes) -> tuple[bytes, T]:
                now = self._clock.now()
                log = slot_log.read(content, boot=self._boot, now=now, per=self._per)
                with self._queue.lock:
                    unused.update(self._unused)
                    self._merge(log, now, loop)
                    self._log = log
                    result = change(log, now)
                return log.encode(), result

            result = self._file.update(change_content)
            with self._queue.lock:
                self._unused -= unused
            return result

        while True:
            try:
                return await to_thread.run_sync(update, limiter=_thread_limiter())
            except BlockingIOError as error:
                if anyio.current_time() > deadline:
                    raise self._unusable(error) from None
            except OSError as error:
                raise self._unusable(error) from None
            await anyio.sleep(random() * 2 * _MIN_WAIT)  # noqa: S311  # not a secret

    def _merge(self, log: SlotLog, now: float, loop: object) -> None:
        """Add what this process knows to a log, which may have lost it."""
        for token, its_loop in list(self._in_use.items()):
            if its_loop != loop and has_ended(its_loop):  # and with it the request
                del self._in_use[token]
                self._free_at.append((now + self._per, token))
        while self._free_at and self._free_at[0][0] <= now:
            self._free_at.popleft()
        log.slots.update({token: LoggedSlot(time) for time, token in self._free_at})
        log.slots.update(dict.fromkeys(self._in_use, self._slot_in_use(now)))
        for token in self._unused:
            log.slots.pop(token, None)
            log.waiters.pop(token, None)
        paused_until = min(self._paused_until, now + _LONGEST_PAUSE)
        log.paused_until = max(log.paused_until, paused_until)

    def _slot_in_use(self, now: float) -> LoggedSlot:
        return LoggedSlot(now + self._per + self._lease, self._process)

    def _unusable(self, error: OSError) -> ClientStateError:
        return ClientStateError(
            f"The rate limiter's file in {self._file.folder} cannot be used: {error.strerror}.",
            advice="Make the folder writable, or pass another folder.",
        )


def _thread_limiter() -> CapacityLimiter:
    """Return the event loop's limit of threads for this module.

    All of the default ones may be busy with functions that wait for a request.
    """
    try:
        return _threads.get()
    except LookupError:
        limiter = CapacityLimiter(4)
        _threads.set(limiter)
        return limiter


def _find_folder(folder: str | os.PathLike[str] | None) -> Path:
    if folder is not None:
        return validation.as_path("folder", folder)
    try:
        return machine.cache_folder() / _FOLDER
    except RuntimeError:  # of Path.home()
        raise InvalidArgumentError("folder", "is required: there is no home folder.") from None
