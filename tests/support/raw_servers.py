"""Servers that read and write bytes as a test wants it, and not as HTTP does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.lowlevel
from anyio.abc import SocketAttribute, SocketStream


@asynccontextmanager
async def raw_server(serve: Callable[[SocketStream], Awaitable[None]]) -> AsyncIterator[int]:
    """Run a function for each connection, which is closed after it; yield the port."""

    async def handle(stream: SocketStream) -> None:
        async with stream:
            with suppress(anyio.BrokenResourceError, anyio.EndOfStream):
                await serve(stream)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(listener.serve, handle)
        yield listener.extra(SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until it is so, for ten seconds at most."""
    with anyio.fail_after(10):
        while not condition():
            await anyio.lowlevel.checkpoint()
