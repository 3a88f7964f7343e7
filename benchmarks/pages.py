"""CPU time of a whole page of 100 issues, typed, against aiohttp with `json.loads`.

aiohttp is the fastest client that is common, and returns dictionaries. Ours is measured with its
own client of httpx, and with a client of httpx2 that is handed in. What receiving the bytes alone
costs in the libraries below, without decoding, is the least that either can cost: httpcore is the
transport of httpx.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator

import aiohttp
import anyio
import httpcore
import httpx2

from benchmarks.measure import Ratio, cpu_of_calls, paired
from benchmarks.servers import PAGE, fixed
from seeclickfix_async import AsyncClient

_REQUESTS = 100


async def _list(client: AsyncClient, concurrency: int) -> float:
    return await cpu_of_calls(
        [lambda: client.issues.list(per_page=PAGE)], times=_REQUESTS, tasks=concurrency
    )


async def _default(url: str, concurrency: int) -> float:
    async with AsyncClient("token", base_url=url, limiter=None) as client:
        return await _list(client, concurrency)


async def _handed_in(url: str, concurrency: int) -> float:
    async with (
        httpx2.AsyncClient() as http,
        AsyncClient("token", base_url=url, limiter=None, http=http) as client,
    ):
        return await _list(client, concurrency)


async def _aiohttp(url: str, concurrency: int) -> float:
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer token"}) as session:

        async def call() -> object:
            async with session.get(f"{url}/api/v2/issues", params={"per_page": PAGE}) as response:
                return json.loads(await response.read())

        return await cpu_of_calls([call], times=_REQUESTS, tasks=concurrency)


async def _httpcore(url: str, concurrency: int) -> float:
    async with httpcore.AsyncConnectionPool() as pool:

        async def call() -> object:
            return await pool.request("GET", f"{url}/api/v2/issues?per_page={PAGE}")

        return await cpu_of_calls([call], times=_REQUESTS, tasks=concurrency)


async def _httpx2(url: str, concurrency: int) -> float:
    async with httpx2.AsyncClient() as client:

        async def call() -> object:
            return await client.get(f"{url}/api/v2/issues", params={"per_page": PAGE})

        return await cpu_of_calls([call], times=_REQUESTS, tasks=concurrency)


_MEASURED = (
    ("own", _default, 0.9),
    ("httpx2", _handed_in, 0.75),
    ("bytes alone, httpcore", _httpcore, math.inf),
    ("bytes alone, httpx2", _httpx2, math.inf),
)


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    with fixed(PAGE) as url:
        for name, measured, target in _MEASURED:
            for concurrency in (1, 16, 100):
                value = paired(
                    functools.partial(anyio.run, measured, url, concurrency),
                    functools.partial(anyio.run, _aiohttp, url, concurrency),
                    rounds=15,
                )
                label = f"CPU of a page ({name}), {concurrency} at once / aiohttp, json.loads"
                yield Ratio(label, value, target)
