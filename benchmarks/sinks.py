"""A pull of 100,000 issues into each kind of file, by time, requests and memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import anyio

from benchmarks.listing import listing
from benchmarks.measure import Ratio, peak_memory, stopwatch
from benchmarks.servers import sandbox
from seeclickfix_async import AsyncClient, Report
from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox.city import END

_LATENCY = 0.1
_AT_ONCE = 16
_ROWS = 100_000
_PRESENT = datetime.fromtimestamp(END, UTC)  # the sandbox's; what drifts in is newer


async def _pull(url: str, to: str) -> Report:
    async with AsyncClient(base_url=url, limiter=None) as client:
        report = await pull(client, to=to, before=_PRESENT)
    assert report.complete, report
    return report


def _timed(url: str, name: str) -> tuple[Report, float]:
    with tempfile.TemporaryDirectory() as folder, stopwatch() as seconds:
        return anyio.run(_pull, url, str(Path(folder) / name)), seconds()


def _peak(rows: int, name: str) -> float:
    """Megabytes at the peak of a pull in a process of its own."""
    with listing(rows) as url, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.sinks", url, str(Path(folder) / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def ratios() -> Iterator[Ratio]:
    """Measure."""
    names = ("city.jsonl", "city.db", "city.parquet")
    with listing(1000) as url:
        for name in names:
            _timed(url, name)  # loads what each kind needs
    with listing(_ROWS, _LATENCY) as url:
        for name in names:
            report, seconds = _timed(url, name)
            ideal = report.requests * _LATENCY / _AT_ONCE
            yield Ratio(f"100,000 issues to {name} / ideal time", seconds / ideal, 1.2)
    yield Ratio("their requests / fewest", report.requests / report.minimum, 1.05)
    for name in names:
        more = _peak(500_000, name) - _peak(50_000, name)
        yield Ratio(f"memory to {name}, 500,000 issues over 50,000", more, 16, " MB more")
    for beyond in ("empty", "error", "repeat"):
        options = ("--limit", "0", "--issues", "10000", "--beyond", beyond, "--drift", "2")
        with sandbox(*options) as url:
            report, _ = _timed(url, "city.jsonl")
        name = f"requests / fewest, drift, {beyond} pages at the end"
        yield Ratio(name, report.requests / report.minimum, 1.05)


if __name__ == "__main__":
    anyio.run(_pull, sys.argv[1], sys.argv[2])
    print(peak_memory())
