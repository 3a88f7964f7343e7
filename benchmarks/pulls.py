"""500 pages with a latency of 100 ms, 16 at once, against what no client can beat."""

from __future__ import annotations

import math
from collections.abc import Iterator

import anyio

from benchmarks.measure import Ratio, stopwatch
from benchmarks.servers import PAGE, fixed, sandbox
from seeclickfix_async import AsyncClient

_PAGES = 500
_LATENCY = 0.1
_AT_ONCE = 16
_IDEAL = math.ceil(_PAGES / _AT_ONCE) * _LATENCY


async def _listed(url: str) -> float:
    numbers = iter(range(_PAGES))
    async with AsyncClient(base_url=url, limiter=None) as client:

        async def work() -> None:
            for _ in numbers:
                await client.issues.list(per_page=PAGE)

        await client.issues.list(per_page=PAGE)
        with stopwatch() as seconds:
            async with anyio.create_task_group() as tasks:
                for _ in range(_AT_ONCE):
                    tasks.start_soon(work)
            return seconds()


async def _crawled(url: str) -> float:
    async with AsyncClient(base_url=url, limiter=None) as client:
        walk = client.issues.crawl(walkers=_AT_ONCE)
        with stopwatch() as seconds:
            async for _ in walk:
                pass
            assert walk.report.complete, walk.report
            return seconds()


def ratios() -> Iterator[Ratio]:
    """Measure."""
    with fixed(PAGE, _LATENCY) as url:
        yield Ratio("500 pages by 16 tasks / ideal time", anyio.run(_listed, url) / _IDEAL, 1.15)
    rows = str(_PAGES * PAGE)
    with sandbox("--limit", "0", "--issues", rows, "--latency", str(_LATENCY)) as url:
        yield Ratio(
            "a crawl of 500 pages, 16 walkers / ideal time", anyio.run(_crawled, url) / _IDEAL, 1.5
        )
