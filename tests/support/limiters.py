"""The steps that the tests of all rate limiters share."""

from __future__ import annotations

import anyio

from seeclickfix_async import RateLimiter
from seeclickfix_async.errors import BlockedError


async def count_stopped_waiters(limiter: RateLimiter) -> int:
    """Stop a limiter of one slot, which is in use; return how many of three waiters fail."""
    failed: list[BlockedError] = []

    async def wait() -> None:
        try:
            async with limiter.slot():
                pass
        except BlockedError as error:
            failed.append(error)

    async with limiter.slot(), anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        await limiter.stop(BlockedError("blocked", status=403))
    return len(failed)
