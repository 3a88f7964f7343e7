"""500 pages with a latency of 100 ms, by 16 tasks, against the ideal time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import anyio

from benchmarks.measure import Ratio, stopwatch
from benchmarks.servers import PAGE, fixed
from seeclickfix_async import AsyncClient

_PAGES = 500
_LATENCY = 0.1
_TASKS = 16
_IDEAL = math.ceil(_PAGES / _TASKS) * _LATENCY


async def _list_pages(url: str) -> float:
    numbers = iter(range(_PAGES))
    async with AsyncClient(base_url=url, limiter=None) as client:

        async def work() -> None:
            for _ in numbers:
                await client.issues.list(per_page=PAGE)

        await client.issues.list(per_page=PAGE)
        with stopwatch() as seconds:
            async with anyio.create_task_group() as tasks:
                for _ in range(_TASKS):
                    tasks.start_soon(work)
            return seconds()


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    with fixed(PAGE, _LATENCY) as url:
        # The minimum: other load on the machine can only add to it.
        seconds = min(anyio.run(_list_pages, url) for _ in range(3))
    yield Ratio("500 pages by 16 tasks / ideal time", seconds / _IDEAL, 1.15)
