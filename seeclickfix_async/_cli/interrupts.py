"""Ctrl-C, of which the first one stops a command and no other interrupts its end; and SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from anyio import CancelScope

T = TypeVar("T")


def ignore_interrupts() -> None:
    """Ignore Ctrl-C from now on, because the command is ending.

    A function ignores it: for `SIG_IGN`, Python reports a signal that comes at the same moment.
    """
    signal.signal(signal.SIGINT, _ignore)


def _ignore(*_: object) -> None:
    pass


@contextmanager
def restored_interrupts() -> Generator[None]:
    """Restore the handling of Ctrl-C at the end of the context, unless Ctrl-C is its end."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except KeyboardInterrupt:
        handler = _ignore
        raise
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def immediate_interrupts() -> Generator[None]:
    """Raise KeyboardInterrupt at the first Ctrl-C, while a command blocks the event loop.

    The event loop cannot cancel it then: it reads a line, or writes the map of a large city.
    """
    with restored_interrupts():
        if callable(signal.getsignal(signal.SIGINT)):
            signal.signal(signal.SIGINT, signal.default_int_handler)
        yield


@contextmanager
def cancelled_by_sigterm(scope: CancelScope) -> Generator[None]:
    """Cancel a scope at the first SIGTERM; a second one ends the process at once.

    Unlike Ctrl-C, it leaves alone what the scope shields.
    """
    loop = asyncio.get_running_loop()
    handler = signal.getsignal(signal.SIGTERM)

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, handler)
        loop.call_soon_threadsafe(scope.cancel)

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)


def run_stoppable(
    command: Callable[..., Coroutine[Any, Any, T]], /, *args: Any, **options: Any
) -> T:
    """Run a command until the first Ctrl-C cancels it, and ignore Ctrl-C while it ends.

    The handler of `asyncio.run` would raise KeyboardInterrupt at the second one: inside the event
    loop, which then may never end (observed).

    Raises:
        KeyboardInterrupt: It was cancelled by Ctrl-C.
    """
    is_stopped = False

    async def run() -> T:
        loop = asyncio.get_running_loop()
        task = cast("asyncio.Task[T]", asyncio.current_task())

        def stop(*_: object) -> None:
            nonlocal is_stopped
            ignore_interrupts()
            is_stopped = True
            loop.call_soon_threadsafe(task.cancel)

        if callable(signal.getsignal(signal.SIGINT)):  # a script may start it with Ctrl-C ignored
            signal.signal(signal.SIGINT, stop)
        try:
            return await command(*args, **options)
        finally:
            ignore_interrupts()

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        if is_stopped:
            raise KeyboardInterrupt from None
        raise
