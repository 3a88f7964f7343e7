"""Work that nobody who waits for it can take down with him.

A task that is cancelled takes along whatever it awaits, and what it had asked the provider for
is lost with the answer. A shield does not help on asyncio, where a task can be cancelled from
outside of every cancel scope. So such work runs in a task of its own, which anyio offers only
inside a task group that somebody would have to hold open.
"""

from __future__ import annotations

import asyncio
import copy
import importlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio

from seeclickfix_async._transport.waiter import SharedEvent

_running: set[asyncio.Task[None]] = set()  # a task that nobody refers to can be collected


def start(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Start it in the running event loop; it must not raise."""
    if issubclass(anyio.get_cancelled_exc_class(), asyncio.CancelledError):
        task = asyncio.get_running_loop().create_task(work())
        _running.add(task)
        task.add_done_callback(_running.discard)
    else:
        importlib.import_module("trio").lowlevel.spawn_system_task(work)


def start_later(seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Start background work after a delay, unless the event loop ends before; it must not raise."""
    if issubclass(anyio.get_cancelled_exc_class(), asyncio.CancelledError):
        asyncio.get_running_loop().call_later(seconds, start, work)  # leaves no pending task behind
        return

    async def wait_and_work() -> None:
        await anyio.sleep(seconds)
        await work()

    start(wait_and_work)


class BackgroundTask:
    """Something under way that any number of tasks wait for; it ends once, well or badly.

    Its waiters may run in other threads; it ends with the event loop that started it.
    """

    __slots__ = ("_done", "_error", "was_cancelled")

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._done = SharedEvent()
        self._error: Exception | None = None
        self.was_cancelled: bool = False  # with its event loop, and not by a waiter

        async def run() -> None:
            try:
                with anyio.CancelScope(shield=True):  # trio cancels system tasks at its end
                    await work()
            except Exception as error:  # noqa: BLE001  # it is raised where it is waited for
                self._error = error
            except BaseException:
                self.was_cancelled = True
                raise
            finally:
                self._done.set()

        start(run)

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self._done.is_set()

    async def wait(self) -> None:
        """Wait for its end, and raise its error; a waiter that is cancelled changes nothing."""
        await self._done.wait()
        if self._error is not None:
            raise _copy_of(self._error) from self._error.__cause__


def _copy_of(error: Exception) -> Exception:
    """A copy for each who waits, with his own traceback; an error may not know how to be copied."""
    try:
        return copy.copy(error)
    except Exception:  # noqa: BLE001  # a store's own error can do anything
        return error
