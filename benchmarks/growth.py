"""Time, requests and memory of a pull into a dataset, from 1,000 issues to 1,000,000.

It writes the tables and the plot of `docs/explanation/growth.md`.
"""

from __future__ import annotations

import itertools
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import anyio
import msgspec

from benchmarks.growth_page import (
    Line,
    format_estimate,
    format_lines,
    format_sizes,
    write_page,
    write_plot,
)
from benchmarks.listing import listing
from benchmarks.measure import Ratio, stopwatch
from benchmarks.parallel_pulls import BY_ONE, WAYS, Cost
from benchmarks.servers import redis, sandbox
from seeclickfix_async import AsyncClient
from seeclickfix_async.pull import pull

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_SINKS = ("jsonl", "csv", "geojson", "db", "parquet", "geoparquet")
_STORED = 50_000  # issues that differ from each other, as those of the listing server do not


def _cpu_of_ended_processes() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _measure(way: str, issues: int, redis_port: int) -> Line:
    with listing(issues) as url, tempfile.TemporaryDirectory() as folder:
        module = "benchmarks.parallel_pulls"
        command = [sys.executable, "-m", module, way, url, str(redis_port), folder]
        before = _cpu_of_ended_processes()
        with stopwatch() as seconds:
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            elapsed = seconds()
        cpu = _cpu_of_ended_processes() - before
    cost = msgspec.json.decode(done.stdout, type=Cost)
    line = Line(way, issues, elapsed, cpu, cost.requests, cost.peak)
    print(line, flush=True)
    return line


async def _pull_into(file: str, url: str) -> int:
    async with AsyncClient(base_url=url, limiter=None) as client:
        return (await pull(client, to=file)).received


def _bytes_per_issue(suffix: str, url: str) -> float:
    """Return the bytes on the disk of each issue of a pull."""
    with tempfile.TemporaryDirectory() as folder:
        received = anyio.run(_pull_into, f"{folder}/city.{suffix}", url)
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        return sum(file.stat().st_size for file in files) / received


def ratios(largest: int) -> Iterator[Ratio]:
    """Compare the largest pull with one of a tenth of its issues."""
    sizes = [size for size in _SIZES if size <= largest]
    with redis() as port:
        lines = [_measure(way, size, port) for size, way in itertools.product(sizes, WAYS)]
    with sandbox("--limit", "0", "--issues", str(_STORED)) as url:
        stored = {suffix: _bytes_per_issue(suffix, url) for suffix in _SINKS}
    tables = {
        "pulls": format_lines(lines),
        "estimate": format_estimate(lines),
        "files": format_sizes(stored),
    }
    print(*tables.values(), sep="\n")
    if largest >= _SIZES[-1]:
        write_page(tables)
        write_plot(lines)
    for way in WAYS:
        tenth, whole = [line for line in lines if line.way == way][-2:]
        yield Ratio(f"CPU for ten times as many, {way}", whole.cpu / tenth.cpu / 10, 1.1)
        if way in BY_ONE:  # the parts of others have fewer rows than a dataset collects
            yield Ratio(f"memory, {way}", whole.peak - tenth.peak, 12, " MB more")
