"""The number of requests of a crawl, and its peak memory at two lengths."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import anyio

from benchmarks.measure import Ratio, peak_memory
from benchmarks.servers import sandbox
from seeclickfix_async import AsyncClient, Report


async def _crawl(url: str) -> Report:
    async with AsyncClient(base_url=url, limiter=None) as client:
        crawl = client.issues.crawl(concurrency=2)
        async for _ in crawl:
            pass
        assert crawl.report.complete, crawl.report
        return crawl.report


def _peak(rows: int) -> float:
    """Return the peak memory of a crawl in a process of its own, in megabytes."""
    with sandbox("--limit", "0", "--issues", str(rows)) as url:
        command = [sys.executable, "-m", "benchmarks.crawls", url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    with sandbox("--limit", "0") as url:
        report = anyio.run(_crawl, url)
    yield Ratio(
        "requests of a crawl of 5000 issues / minimum", report.requests / report.minimum, 1.05
    )
    small = _peak(50_000)
    yield Ratio("peak memory, 500,000 rows over 50,000", _peak(500_000) - small, 10, " MB more")


if __name__ == "__main__":
    anyio.run(_crawl, sys.argv[1])
    print(peak_memory())
