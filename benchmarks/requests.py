"""CPU time of `issues.get`, against bare httpx and `json.loads`."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterator

import anyio
import httpx

from benchmarks.measure import Ratio, paired
from benchmarks.servers import ISSUE, fixed
from seeclickfix_async import AsyncClient

_REQUESTS = 400


async def _cpu_seconds(call: Callable[[], Awaitable[object]], concurrency: int) -> float:
    """Return the CPU seconds of 400 calls by `concurrency` tasks."""
    remaining = iter(range(_REQUESTS))

    async def work() -> None:
        for _ in remaining:
            await call()

    await call()
    start = time.process_time()
    async with anyio.create_task_group() as tasks:
        for _ in range(concurrency):
            tasks.start_soon(work)
    return time.process_time() - start


async def _ours(url: str, concurrency: int) -> float:
    async with AsyncClient("token", base_url=url, limiter=None) as client:
        return await _cpu_seconds(lambda: client.issues.get(20_001_500), concurrency)


async def _bare(url: str, concurrency: int) -> float:
    async with httpx.AsyncClient() as client:

        async def call() -> object:
            response = await client.get(f"{url}/api/v2/issues/20001500")
            return json.loads(response.content)

        return await _cpu_seconds(call, concurrency)


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    with fixed(ISSUE) as url:
        for concurrency in (1, 10, 100):
            value = paired(
                lambda n=concurrency, to=url: anyio.run(_ours, to, n),  # type: ignore[misc]
                lambda n=concurrency, to=url: anyio.run(_bare, to, n),  # type: ignore[misc]
                rounds=31,
            )
            yield Ratio(f"CPU of issues.get, {concurrency} at once / bare httpx", value, 1.05)
