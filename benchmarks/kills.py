"""Wrong rows after 200 kills of pulls, into five file formats."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import anyio

from benchmarks.measure import Ratio
from seeclickfix_async import AsyncClient
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.pulled_files import Row, read_issues

_KILLS = 200
_KILLS_PER_FILE = 4
_NAMES = ("city.jsonl", "city.csv", "city.geojson", "city.db", "city.parquet")


async def _pull(url: str, to: str) -> None:
    async with AsyncClient(base_url=url, limiter=None) as client:
        report = await pull(client, to=to, concurrency=4, page_size=50)
    assert report.complete, report


def _kill(sandbox: Sandbox, url: str, file: Path, random: Random) -> bool:
    """Start a pull and kill it at a random time; return whether it was still running."""
    kill_at = len(sandbox.requests) + random.randrange(1, 7)
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.kills", url, str(file)])
    while len(sandbox.requests) < kill_at and process.poll() is None:
        time.sleep(0.0005)
    time.sleep(random.random() * 0.04)
    process.kill()
    return process.wait() != 0


def _wrong(file: Path, expected_rows: list[Row]) -> int:
    """Count the rows that are missing, doubled or different from those of a pull without kills."""
    found = Counter(map(repr, read_issues(file)))
    expected = Counter(map(repr, expected_rows))
    return sum(((found - expected) + (expected - found)).values())


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    random = Random(9)
    sandbox = Sandbox(1500, settings=Settings(quota=None, latency=0.005))
    with sandbox.serve() as url, tempfile.TemporaryDirectory() as folder:
        for name in _NAMES:
            complete_file = Path(folder) / name
            anyio.run(_pull, url, str(complete_file))
            killed = wrong = number = 0
            while killed < _KILLS // len(_NAMES):
                number += 1
                file = Path(folder) / f"{number}-{name}"
                killed += sum(_kill(sandbox, url, file, random) for _ in range(_KILLS_PER_FILE))
                with suppress(InvalidArgumentError):  # the pull may be complete already
                    anyio.run(_pull, url, str(file))
                wrong += _wrong(file, read_issues(complete_file))
            yield Ratio(f"wrong rows after {killed} kills, {name}", wrong, 0, "")


if __name__ == "__main__":
    anyio.run(_pull, sys.argv[1], sys.argv[2])
