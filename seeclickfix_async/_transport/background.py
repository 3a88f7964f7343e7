"""Background tasks, which survive the cancellation of the tasks that wait for them.

When a task is cancelled, everything that it awaits is cancelled too: a token that the provider has
just issued would be lost. A cancel scope with a shield does not help on asyncio, where any code can
cancel a task. anyio starts tasks only inside a task group, which would have to stay open.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import importlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
from anyio import lowlevel

from seeclickfix_async._transport.waiter import SharedEvent

_running: set[asyncio.Task[None]] = set()  # a task without a reference may be collected


def start(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Start background work in the running event loop; it must not raise."""
    if issubclass(anyio.get_cancelled_exc_class(), asyncio.CancelledError):
        _start_on_asyncio(work)
    else:
        context = contextvars.copy_context()  # as asyncio does
        importlib.import_module("trio").lowlevel.spawn_system_task(work, context=context)


def _start_on_asyncio(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Start work, also outside a task, where anyio does not recognize the event loop."""
    task = asyncio.get_running_loop().create_task(work())
    _running.add(task)
    task.add_done_callback(_running.discard)


def start_later(seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Start background work after a delay, unless the event loop ends before; it must not raise."""
    if issubclass(anyio.get_cancelled_exc_class(), asyncio.CancelledError):
        asyncio.get_running_loop().call_later(seconds, _start_on_asyncio, work)  # no pending task
        return

    async def wait_and_work() -> None:
        await anyio.sleep(seconds)
        await work()

    start(wait_and_work)


class BackgroundTask:
    """A background task that any number of tasks can wait for, also in other threads.

    It ends with the event loop that started it.

    Attributes:
        was_cancelled: Whether the end of its event loop cancelled it.
    """

    __slots__ = ("_done", "_error", "was_cancelled")

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._done = SharedEvent()
        self._error: Exception | None = None
        self.was_cancelled: bool = False

        async def run() -> None:
            try:
                with anyio.CancelScope(shield=True):  # trio cancels system tasks at its end
                    await work()
            except Exception as error:  # noqa: BLE001  # raised by wait()
                self._error = error
            except BaseException:
                self.was_cancelled = True
                raise
            finally:
                self._done.set()

        start(run)

    @property
    def is_done(self) -> bool:
        """True when it has ended, with or without an error."""
        return self._done.is_set()

    async def wait(self) -> None:
        """Wait for its end, and raise its error. Cancelling a waiter does not cancel it."""
        await self._done.wait()
        if self._error is not None:
            raise _copy(self._error) from self._error.__cause__

    async def finish(self) -> None:
        """Wait for its end, also when cancelled, and raise its error or the cancellation then."""
        cancelled: BaseException | None = None
        with anyio.CancelScope(shield=True):
            while not self.is_done:
                try:
                    await self._done.wait()
                except anyio.get_cancelled_exc_class() as error:  # by code of asyncio
                    cancelled = error
        await lowlevel.checkpoint_if_cancelled()
        if cancelled is not None:
            raise cancelled
        await self.wait()


def _copy(error: Exception) -> Exception:
    """Return a copy with a traceback and data of its own, or the error if copying fails."""
    try:
        copied = copy.copy(error)
        copied.__dict__.update(copy.deepcopy(error.__dict__))
    except Exception:  # noqa: BLE001  # an exception of the caller's may raise anything
        return error
    return copied
