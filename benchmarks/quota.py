"""200 requests against a quota of 20, on each kind of server."""

from __future__ import annotations

from collections.abc import Iterator

import anyio

from benchmarks.measure import Ratio, stopwatch
from seeclickfix_async import AsyncClient, Limiter
from seeclickfix_async.sandbox import Quota, Sandbox, Settings

_PER = 3.0
_REQUESTS = 200
_LIMIT = 20
_IDEAL = (_REQUESTS / _LIMIT - 1) * _PER


async def _run(url: str) -> float:
    async with AsyncClient(base_url=url, limiter=Limiter(_LIMIT, per=_PER)) as client:
        with stopwatch() as seconds:
            async with anyio.create_task_group() as tasks:
                for _ in range(_REQUESTS):
                    tasks.start_soon(client.users.me)
            return seconds()


def ratios() -> Iterator[Ratio]:
    """Measure."""
    for window in ("fixed", "sliding", "bucket"):
        quota = Quota(_LIMIT, per=_PER, window=window)
        sandbox = Sandbox(10, settings=Settings(quota=quota))
        with sandbox.serve() as url:
            seconds = anyio.run(_run, url)
        refused = sum(seen.status == 429 for seen in sandbox.requests)
        yield Ratio(f"200 requests, {window} window / ideal time", seconds / _IDEAL, 1.02)
        yield Ratio(f"429s of a {window} window", refused, 0, "")
