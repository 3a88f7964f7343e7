"""`issues.get` through the whole way against bare httpx and json.loads, by CPU."""

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


async def _spent(call: Callable[[], Awaitable[object]], at_once: int) -> float:
    """CPU seconds of so many calls by so many tasks."""
    left = iter(range(_REQUESTS))

    async def work() -> None:
        for _ in left:
            await call()

    await call()
    start = time.process_time()
    async with anyio.create_task_group() as tasks:
        for _ in range(at_once):
            tasks.start_soon(work)
    return time.process_time() - start


async def _ours(url: str, at_once: int) -> float:
    async with AsyncClient("token", base_url=url, limiter=None) as client:
        return await _spent(lambda: client.issues.get(20_001_500), at_once)


async def _bare(url: str, at_once: int) -> float:
    async with httpx.AsyncClient() as client:

        async def call() -> object:
            response = await client.get(f"{url}/api/v2/issues/20001500")
            return json.loads(response.content)

        return await _spent(call, at_once)


def ratios() -> Iterator[Ratio]:
    """Measure."""
    with fixed(ISSUE) as url:
        for at_once in (1, 10, 100):
            value = paired(
                lambda n=at_once, to=url: anyio.run(_ours, to, n),  # type: ignore[misc]
                lambda n=at_once, to=url: anyio.run(_bare, to, n),  # type: ignore[misc]
                rounds=31,
            )
            yield Ratio(f"CPU of issues.get, {at_once} at once / bare httpx", value, 1.05)
