"""The peak memory of plans, tables, pulls, sweeps and updates: 1,000,000 issues over 50,000.

Each runs in a new process. An update receives every issue anew. CSV and GeoJSON files are updated
by the same code as JSON Lines, and GeoParquet by that of Parquet.
"""

from __future__ import annotations

import operator
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import anyio

from benchmarks.listing import listing
from benchmarks.measure import Ratio, peak_memory
from seeclickfix_async import AsyncClient
from seeclickfix_async.pull import plan, pull, table

_FEW, _MANY = 50_000, 1_000_000
_TARGET = 12
_MERGED = ("pull", "sweep", "update")
_WORKS = {
    "plan": ("plan",),
    "table": ("table",),
    "city.jsonl": _MERGED,
    "city.db": _MERGED,
    "city.parquet": _MERGED,
    "city.csv": ("pull",),
    "city.geojson": ("pull",),
    "city.geoparquet": ("pull",),
}
NAMES = tuple(_WORKS)
_MEGABYTE = 2**20


async def _measure(work: str, url: str, to: str) -> float:
    """Do some work; return the peak memory in megabytes, without that of a table."""
    async with AsyncClient(base_url=url, limiter=None) as client:
        match work:
            case "plan":
                await plan(client)
            case "table":
                result = await table(client)
                return peak_memory() - float(result.nbytes) / _MEGABYTE
            case _:
                sweep = work == "sweep"
                report = await pull(client, to=to, update=work != "pull", sweep=sweep)
                assert report.complete, report
                assert report.vanished == (0 if sweep else None), report
                assert (report.received > 0) != sweep, report
    return peak_memory()


def _in_process(work: str, url: str, to: str = "") -> float:
    command = [sys.executable, "-m", "benchmarks.memory", work, url, to]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def _peaks(name: str, rows: int) -> Iterator[float]:
    """Yield the peak memory of each work, in its order."""
    with tempfile.TemporaryDirectory() as folder:
        for work in _WORKS[name]:
            with listing(rows, changes=rows if work == "update" else 0) as url:
                yield _in_process(work, url, f"{folder}/{name}")


def ratios(only: str | None) -> Iterator[Ratio]:
    """Yield the measured values, or only those of one of `NAMES`."""
    for name in NAMES if only is None else (only,):
        growth = map(operator.sub, _peaks(name, _MANY), _peaks(name, _FEW))
        for work, more in zip(_WORKS[name], growth, strict=True):
            yield Ratio(f"memory of {work} ({name}), {_MANY:,} issues", more, _TARGET, " MB more")


if __name__ == "__main__":
    _, work, url, to = sys.argv
    print(anyio.run(_measure, work, url, to))
