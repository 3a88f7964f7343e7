"""The slots of a rate limiter and the processes that wait for one, as stored in a file.

All times are those of the machine's monotonic clock, which its processes share until it is
restarted. Changes of the wall clock have no effect.
"""

from __future__ import annotations

import zlib

import attrs
import msgspec

from seeclickfix_async._core import machine
from seeclickfix_async._transport.shared_limiter import LEASE

MAX_BYTES = 64 * 2**20  # a million slots
_LONGEST = 86_400.0 + LEASE  # seconds from now to any time that is stored


@attrs.frozen
class LoggedSlot:
    """A slot that is in use, or was used within the last window.

    Attributes:
        free_at: When it is free again.
        process: The process that uses it; 0 if its response was received.
    """

    free_at: float
    process: int = 0


@attrs.frozen
class LoggedWaiter:
    """The first waiter of a process.

    Attributes:
        background: Whether other waiters have priority.
        since: When it began to wait.
        until: When it is forgotten, unless it is stored again.
        process: Its process.
    """

    background: bool
    since: float
    until: float
    process: int


@attrs.define
class SlotLog:
    """The slots and the waiters of all processes, by token.

    Attributes:
        boot: The run of the machine in which it was written.
        written_at: When it was written.
        paused_until: Before this time, no request may be sent.
        slots: The slots that are not free.
        waiters: The waiting processes.
    """

    boot: str = ""
    written_at: float = 0.0
    paused_until: float = 0.0
    slots: dict[str, LoggedSlot] = attrs.field(factory=dict)
    waiters: dict[str, LoggedWaiter] = attrs.field(factory=dict)

    def encode(self) -> bytes:
        """Return the content of the file: a checksum, and JSON on one line."""
        body = msgspec.json.encode(self)
        return b"%08x %b\n" % (zlib.crc32(body), body)

    def free_times(self, limit: int, now: float) -> list[float]:
        """Return when the slots that are not in use are free, earliest first.

        Processes may have different limits while a new version is being deployed.
        """
        used = sorted(slot.free_at for slot in self.slots.values() if not slot.process)
        free = limit - len(self.slots)
        return [now] * free + used if free >= 0 else used[-free:]

    def count_ahead(self, token: str) -> int:
        """Return how many waiters come before this one."""
        order = sorted((one.background, one.since, key) for key, one in self.waiters.items())
        return [key for _, _, key in order].index(token)


def read(content: bytes, *, boot: str, now: float, per: float) -> SlotLog:
    """Return the log in a file as it is now, without what has expired.

    Of a damaged log, any number of slots may have been used within the last window. It is replaced
    by one that is paused for a window.

    Args:
        content: The file.
        boot: The run of the machine.
        now: The time.
        per: The window in seconds.
    """
    log = _decode(content) if content else SlotLog()
    if log is not None and log.written_at and (log.boot != boot or not boot):
        log = _after_restart(log, boot=boot, now=now, per=per)
    if log is None or log.written_at > now:
        log = SlotLog(paused_until=now + per)
    log.boot, log.written_at = boot, now
    log.waiters = {
        token: waiter
        for token, waiter in log.waiters.items()
        if waiter.until > now and machine.is_running(waiter.process)
    }
    slots = ((token, _without_dead(slot, now + per)) for token, slot in log.slots.items())
    log.slots = {token: slot for token, slot in slots if slot.free_at > now}
    return log


def _decode(content: bytes) -> SlotLog | None:
    """Return the log, or None if it is damaged."""
    checksum, _, rest = content.partition(b" ")
    body, newline, _ = rest.partition(b"\n")  # a killed process may have left old bytes behind it
    try:
        if not newline or int(checksum, 16) != zlib.crc32(body):
            return None
        log = msgspec.json.decode(body, type=SlotLog)
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None
    times = [log.paused_until, *(slot.free_at for slot in log.slots.values())]
    return log if max(times) - log.written_at <= _LONGEST else None


def _after_restart(log: SlotLog, *, boot: str, now: float, per: float) -> SlotLog:
    """Return a log of an earlier run of the machine, in times of this run.

    The clock counts from the restart, which was later than the last change of the log. Without an
    identity of the run, only a clock that is behind shows that there was a restart. If it is not
    behind, each slot has been free for long, or is free later than necessary.
    """
    if not boot and log.boot == boot and log.written_at <= now:
        return log
    slots = {
        token: LoggedSlot(per if slot.process else slot.free_at - log.written_at)
        for token, slot in log.slots.items()
    }
    return SlotLog(paused_until=log.paused_until - log.written_at, slots=slots)


def _without_dead(slot: LoggedSlot, latest: float) -> LoggedSlot:
    """Return a slot; if its process died, its request was sent a window before `latest` at most."""
    if not slot.process or machine.is_running(slot.process):
        return slot
    return LoggedSlot(min(slot.free_at, latest))
