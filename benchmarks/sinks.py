"""A pull of 100,000 issues into each kind of file, by time, requests and memory."""

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
from benchmarks.measure import Ratio, peak_memory, stopwatch
from benchmarks.servers import sandbox
from seeclickfix_async import AsyncClient
from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox._city import END

_LATENCY = 0.1
_AT_ONCE = 16
_ROWS = 100_000
_PRESENT = datetime.fromtimestamp(END, UTC)  # the sandbox's; what drifts in is newer


@attrs.frozen
class _Pulled:
    seconds: float
    received: int
    requests: int
    fewest: int
    peak: float  # megabytes


async def _pull(url: str, to: Path) -> _Pulled:
    async with AsyncClient(base_url=url, limiter=None) as client:
        with stopwatch() as seconds:
            report = await pull(client, to=to, before=_PRESENT)
            taken = seconds()
    assert report.complete, report
    return _Pulled(taken, report.received, report.requests, report.minimum, peak_memory())


def _pulled(name: str, *urls: str) -> _Pulled:
    """The last of some pulls by a process of its own: the first loads what the others need."""
    command = [sys.executable, "-m", "benchmarks.sinks", name, *urls]
    done = subprocess.run(command, capture_output=True, check=True)
    return msgspec.json.decode(done.stdout, type=_Pulled)


def ratios() -> Iterator[Ratio]:
    """Measure."""
    names = ("city.jsonl", "city.db", "city.parquet")
    with listing(1000) as small, listing(_ROWS, _LATENCY) as large:
        for name in names:
            times: list[float] = []
            for _ in range(3):
                done = _pulled(name, small, large)
                times.append(done.seconds / (done.requests * _LATENCY / _AT_ONCE))
            middle = statistics.median(times)
            yield Ratio(f"100,000 issues to {name} / ideal time", middle, 1.2)
    yield Ratio("their requests / fewest", done.requests / done.fewest, 1.05)
    with listing(50_000) as small, listing(1_000_000) as large:
        for name in (*names, "city.csv", "city.geojson", "city.geoparquet"):
            few, many = _pulled(name, small), _pulled(name, large)
            assert (few.received, many.received) == (50_000, 1_000_000)
            more = many.peak - few.peak
            yield Ratio(f"memory to {name}, 1,000,000 issues over 50,000", more, 12, " MB more")
    for beyond in ("empty", "error", "repeat"):
        options = ("--limit", "0", "--issues", "10000", "--beyond", beyond, "--drift", "2")
        with sandbox(*options) as url:
            done = _pulled("city.jsonl", url)
        name = f"requests / fewest, drift, {beyond} pages at the end"
        yield Ratio(name, done.requests / done.fewest, 1.05)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for number, url in enumerate(sys.argv[2:]):
            done = anyio.run(_pull, url, Path(folder) / f"{number}-{sys.argv[1]}")
    print(msgspec.json.encode(done).decode())
