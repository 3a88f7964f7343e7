"""Work in threads that a cancelled task stays with, and file locks that are waited for."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar, TypeVarTuple

import anyio
from anyio import lowlevel, to_thread

from seeclickfix_async._core.file_lock import FileLock
from seeclickfix_async._transport.background import BackgroundTask

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def in_thread(work: Callable[[*Ts], T], *args: *Ts) -> T:
    """Run it in a thread, and stay until that has ended, cancelled or not.

    asyncio takes a task that is cancelled from outside of every cancel scope away from its thread,
    which works on; what it works with would be closed, or given to somebody else.
    """
    await lowlevel.checkpoint_if_cancelled()
    ended: Future[T] = Future()
    task = BackgroundTask(lambda: to_thread.run_sync(_run, ended, work, args))
    cancelled: BaseException | None = None
    with anyio.CancelScope(shield=True):
        while not task.is_done:
            try:
                await task.wait()
            except anyio.get_cancelled_exc_class() as error:
                cancelled = error
    if not ended.cancel():  # a loop that ends cancels tasks, too: then there is only blocking
        ended.exception()
    if cancelled is not None:
        raise cancelled
    return ended.result()


def _run(ended: Future[T], work: Callable[[*Ts], T], args: tuple[*Ts]) -> None:
    if not ended.set_running_or_notify_cancel():
        return
    try:
        ended.set_result(work(*args))
    except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
        ended.set_exception(error)


async def acquire_lock(lock: FileLock, *, wait: float = math.inf, every: float) -> bool:
    """Take a lock, or wait for it; returns whether it was had in time.

    When this is cancelled the lock may have been taken: release it in any case.

    Args:
        lock: The lock.
        wait: Seconds to wait at most.
        every: Seconds between two tries; the operating system does not tell when a lock is free.

    Raises:
        OSError: The lock file cannot be written, or the file system cannot lock.
    """
    deadline = anyio.current_time() + wait
    while not await in_thread(lock.acquire):
        left = deadline - anyio.current_time()
        if left <= 0:
            return False
        await anyio.sleep(min(every, left))
    return True
