"""CPU time of `issues.get`, against the same request of a bare HTTP library, and `json.loads`.

With httpx, the client is our own; with httpx2, one that is handed in.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import httpx2

from benchmarks.measure import Ratio, cpu_of_calls, paired
from benchmarks.servers import ISSUE, fixed
from seeclickfix_async import AsyncClient

_REQUESTS = 400


async def _default(url: str, concurrency: int) -> float:
    async with AsyncClient("token", base_url=url, limiter=None) as client:
        return await cpu_of_calls(
            [lambda: client.issues.get(20_001_500)], times=_REQUESTS, tasks=concurrency
        )


async def _handed_in(url: str, concurrency: int) -> float:
    async with (
        httpx2.AsyncClient() as http,
        AsyncClient("token", base_url=url, limiter=None, http=http) as client,
    ):
        return await cpu_of_calls(
            [lambda: client.issues.get(20_001_500)], times=_REQUESTS, tasks=concurrency
        )


async def _bare(library: Any, url: str, concurrency: int) -> float:
    async with library.AsyncClient(headers={"Authorization": "Bearer token"}) as client:

        async def call() -> object:
            response = await client.get(f"{url}/api/v2/issues/20001500")
            return json.loads(response.content)

        return await cpu_of_calls([call], times=_REQUESTS, tasks=concurrency)


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    with fixed(ISSUE) as url:
        for ours, library in ((_default, httpx), (_handed_in, httpx2)):
            for concurrency in (1, 16, 100):
                value = paired(
                    functools.partial(anyio.run, ours, url, concurrency),
                    functools.partial(anyio.run, _bare, library, url, concurrency),
                    rounds=31,
                )
                name = f"CPU of issues.get, {concurrency} at once / bare {library.__name__}"
                yield Ratio(name, value, 1.05)
