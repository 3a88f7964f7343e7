"""The peak memory of updates, sweeps, tables and plans, at two lengths."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import anyio

from benchmarks.listing import CHANGES, listing
from benchmarks.measure import Ratio, peak_memory
from seeclickfix_async import AsyncClient
from seeclickfix_async.pull import plan, pull, table

_FEW, _MANY = 50_000, 1_000_000
_TARGET = 12
_SINKS = ("jsonl", "csv", "geojson", "db", "parquet", "geoparquet")
_MEGABYTE = 2**20


async def _measure(work: str, url: str, to: str) -> float:
    """Do some work; return the peak memory in megabytes, without that of a table."""
    async with AsyncClient(base_url=url, limiter=None) as client:
        match work:
            case "pull":
                report = await pull(client, to=to)
                assert report.complete, report
            case "update" | "sweep":
                report = await pull(client, to=to, update=True, sweep=work == "sweep")
                assert report.received == CHANGES, report
                assert report.vanished in (None, 0), report
            case "plan":
                await plan(client)
            case "table":
                result = await table(client)
                return peak_memory() - float(result.nbytes) / _MEGABYTE
    return peak_memory()


def _in_process(work: str, url: str, to: str = "") -> float:
    command = [sys.executable, "-m", "benchmarks.memory", work, url, to]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _growth(few: dict[str, float], many: dict[str, float]) -> Iterator[Ratio]:
    for name, peak in many.items():
        yield Ratio(f"memory of {name}, {_MANY:,} issues", peak - few[name], _TARGET, " MB more")


def _peaks(rows: int) -> dict[str, float]:
    peaks = {}
    with listing(rows) as url, tempfile.TemporaryDirectory() as folder:
        for work in ("plan", "table"):
            peaks[f"a {work}"] = _in_process(work, url)
        for suffix in _SINKS:
            to = str(Path(folder) / f"city.{suffix}")
            _in_process("pull", url, to)
            for work in ("update", "sweep"):
                peaks[f"{work} of {suffix}"] = _in_process(work, url, to)
    return peaks


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    yield from _growth(_peaks(_FEW), _peaks(_MANY))


if __name__ == "__main__":
    _, work, url, to = sys.argv
    print(anyio.run(_measure, work, url, to))
