"""TCP servers whose tests read and write raw bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.lowlevel
from anyio.abc import SocketAttribute, SocketStream


@asynccontextmanager
async def raw_server(serve: Callable[[SocketStream], Awaitable[None]]) -> AsyncIterator[int]:
    """Run a function for each connection, and close that afterwards; yield the port."""

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


async def wait_until(condition: Callable[[], bool]) -> None:
    """Yield to other tasks until the condition is true, for ten seconds at most."""
    with anyio.fail_after(10):
        while not condition():
            await anyio.lowlevel.checkpoint()
