"""Ctrl-C: the first one stops a command, and no other one interrupts its end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


def ignore_interrupts() -> None:
    """Ignore Ctrl-C from now on, because the command is ending."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def restored_interrupts() -> Generator[None]:
    """Restore the handling of Ctrl-C at the end of the context."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def immediate_interrupts() -> Generator[None]:
    """Raise KeyboardInterrupt at the first Ctrl-C, while a command of the event loop reads a line.

    The event loop cannot cancel it then.
    """
    with restored_interrupts():
        if callable(signal.getsignal(signal.SIGINT)):
            signal.signal(signal.SIGINT, signal.default_int_handler)
        yield


async def run_stoppable(
    command: Callable[..., Coroutine[Any, Any, T]], /, *args: Any, **options: Any
) -> T:
    """Run a command until the first Ctrl-C cancels it; ignore Ctrl-C while it ends.

    The handler of `asyncio.run` would raise KeyboardInterrupt at the second one: in the cleanup of
    the command, or in that of the event loop.
    """
    cancel = signal.getsignal(signal.SIGINT)
    if callable(cancel):  # a script may have started this process with Ctrl-C ignored

        def stop(number: int, frame: FrameType | None) -> None:
            ignore_interrupts()
            cancel(number, frame)

        signal.signal(signal.SIGINT, stop)
    try:
        return await command(*args, **options)
    finally:
        ignore_interrupts()
