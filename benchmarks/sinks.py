"""Pulls of 100,000 issues into files: time and requests."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import anyio
import attrs
import msgspec

from benchmarks.listing import listing
from benchmarks.measure import Ratio, stopwatch
from benchmarks.servers import sandbox
from seeclickfix_async import AsyncClient
from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox._city import END

_LATENCY = 0.1
_CONCURRENCY = 16
_ROWS = 100_000
_END = datetime.fromtimestamp(END, UTC)  # the sandbox's; issues that drift in are newer


@attrs.frozen
class _PullResult:
    seconds: float
    requests: int
    minimum: int


async def _pull(url: str, to: Path) -> _PullResult:
    async with AsyncClient(base_url=url, limiter=None) as client:
        with stopwatch() as seconds:
            report = await pull(client, to=to, before=_END)
            elapsed = seconds()
    assert report.complete, report
    return _PullResult(elapsed, report.requests, report.minimum)


def _pull_in_process(name: str, *urls: str) -> _PullResult:
    """Pull each URL in a new process; return the last pull, after the first has loaded modules."""
    command = [sys.executable, "-m", "benchmarks.sinks", name, *urls]
    result = subprocess.run(command, capture_output=True, check=True)
    return msgspec.json.decode(result.stdout, type=_PullResult)


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    with listing(1000) as small, listing(_ROWS, _LATENCY) as large:
        for name in ("city.jsonl", "city.db", "city.parquet"):
            times: list[float] = []
            for _ in range(3):
                result = _pull_in_process(name, small, large)
                times.append(result.seconds / (result.requests * _LATENCY / _CONCURRENCY))
            median = statistics.median(times)
            yield Ratio(f"100,000 issues to {name} / ideal time", median, 1.2)
    yield Ratio("their requests / minimum", result.requests / result.minimum, 1.05)
    for beyond in ("empty", "error", "repeat"):
        options = ("--limit", "0", "--issues", "10000", "--beyond", beyond, "--drift", "2")
        with sandbox(*options) as url:
            result = _pull_in_process("city.jsonl", url)
        name = f"requests / minimum, drift, {beyond} pages at the end"
        yield Ratio(name, result.requests / result.minimum, 1.05)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for number, url in enumerate(sys.argv[2:]):
            result = anyio.run(_pull, url, Path(folder) / f"{number}-{sys.argv[1]}")
    print(msgspec.json.encode(result).decode())
