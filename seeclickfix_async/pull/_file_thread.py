"""Work on a pull's files, outside the event loop."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, TypeVarTuple

import anyio

from seeclickfix_async._transport.threads import run_in_thread
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull._sinks import Sink

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def run_in_file_thread(work: Callable[[*Ts], T], *args: *Ts) -> T:
    """Run work on files in a thread; cancellation waits for its end.

    Raises:
        InvalidArgumentError: The disk is full or broken, or another program has locked the file.
    """
    try:
        return await run_in_thread(work, *args)
    except (OSError, sqlite3.OperationalError) as error:
        raise InvalidArgumentError(
            "to",
            f"the file cannot be used: {error}. Everything pulled before is stored; free disk "
            "space, or close other programs that use the file, and pull again.",
        ) from error


@asynccontextmanager
async def opened(open_: Callable[[], Sink]) -> AsyncGenerator[Sink]:
    """Open and close a sink in a thread: a database may be locked by another program."""
    stack = contextlib.ExitStack()  # closes a sink that was opened while the call was cancelled
    try:
        yield await run_in_file_thread(lambda: stack.enter_context(open_()))
    finally:
        with anyio.CancelScope(shield=True):
            await run_in_file_thread(stack.close)
