"""200 requests at a quota of 20, with each type of window."""

from __future__ import annotations

from collections.abc import Iterator

import anyio

from benchmarks.measure import Ratio, stopwatch
from benchmarks.servers import sandbox
from seeclickfix_async import AsyncClient, Limiter

_PER = 6.0
_REQUESTS = 200
_LIMIT = 20
_IDEAL = (_REQUESTS / _LIMIT - 1) * _PER


async def _run(url: str) -> tuple[float, int]:
    """Return the seconds, and the number of requests sent."""
    sent: list[int] = []

    async def request() -> None:
        sent.append((await client.request("GET", "/profile")).requests)

    async with AsyncClient(base_url=url, limiter=Limiter(_LIMIT, per=_PER)) as client:
        with stopwatch() as seconds:
            async with anyio.create_task_group() as tasks:
                for _ in range(_REQUESTS):
                    tasks.start_soon(request)
            return seconds(), sum(sent)


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    for window in ("fixed", "sliding", "bucket"):
        with sandbox("--limit", str(_LIMIT), "--per", str(_PER), "--window", window) as url:
            seconds, sent = anyio.run(_run, url)
        yield Ratio(f"200 requests, {window} window / ideal time", seconds / _IDEAL, 1.02)
        yield Ratio(f"429s of a {window} window", sent - _REQUESTS, 0, "")
