"""Work in threads that a task awaits even when it is cancelled, and file locks."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

import anyio
from anyio import lowlevel, to_thread

from seeclickfix_async._transport.background import BackgroundTask

if TYPE_CHECKING:
    from seeclickfix_async._core.file_lock import FileLock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_cancelled: ContextVar[threading.Event | None] = ContextVar("_cancelled", default=None)


async def run_in_thread(work: Callable[[*Ts], T], *args: *Ts) -> T:
    """Run a function in a thread, and return only when it has ended, even when cancelled.

    When any code cancels a task of asyncio, the task ends at once and its thread continues. The
    objects that the thread uses would be closed, or used by another task, in the meantime.
    Work that may wait long can end earlier: see `is_cancelled`.
    """
    await lowlevel.checkpoint_if_cancelled()
    result: Future[T] = Future()
    is_cancelled = threading.Event()
    task = BackgroundTask(lambda: to_thread.run_sync(_run, result, is_cancelled, work, args))
    try:
        await task.wait()
    except anyio.get_cancelled_exc_class():
        is_cancelled.set()
        await task.finish()
        raise
    finally:
        if not result.cancel():  # the end of the event loop cancels the task: then block
            result.exception()
    return result.result()


def is_cancelled() -> bool:
    """Check, in a thread of `run_in_thread`, whether the task that waits for it was cancelled."""
    event = _cancelled.get()
    return event is not None and event.is_set()


def _run(
    result: Future[T],
    is_cancelled: threading.Event,
    work: Callable[[*Ts], T],
    args: tuple[*Ts],
) -> None:
    if not result.set_running_or_notify_cancel():
        return
    _cancelled.set(is_cancelled)  # in the context of this thread only
    try:
        result.set_result(work(*args))
    except BaseException as error:  # noqa: BLE001  # raised by run_in_thread()
        result.set_exception(error)


async def acquire_lock(lock: FileLock, *, wait: float = math.inf, every: float) -> bool:
    """Wait for a file lock and acquire it; return False if that took longer than `wait`.

    If this is cancelled, the lock may have been acquired: release it in any case.

    Args:
        lock: The lock.
        wait: The most seconds to wait.
        every: Seconds between two attempts; the operating system does not report a released lock.

    Raises:
        OSError: The lock file cannot be written, or the file system cannot lock.
    """
    deadline = anyio.current_time() + wait
    while not await run_in_thread(lock.acquire):
        seconds_left = deadline - anyio.current_time()
        if seconds_left <= 0:
            return False
        await anyio.sleep(min(every, seconds_left))
    return True
