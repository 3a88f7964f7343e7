"""200 kills of pulls into every kind of file: the rows that are wrong in the end."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import anyio

from benchmarks.measure import Ratio
from seeclickfix_async import AsyncClient
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.pull import pull
from seeclickfix_async.sandbox import Sandbox, Settings
from tests.support.pulled_files import Row, rows

_KILLS = 200
_EACH = 4  # kills of one pull
_NAMES = ("city.jsonl", "city.csv", "city.geojson", "city.db", "city.parquet")


async def _pull(url: str, to: str) -> None:
    async with AsyncClient(base_url=url, limiter=None) as client:
        report = await pull(client, to=to, concurrency=4, page_size=50)
    assert report.complete, report


def _kill(sandbox: Sandbox, url: str, file: Path, chance: random.Random) -> bool:
    """Start a pull and kill it at some instant; whether it was still at work."""
    wanted = len(sandbox.requests) + chance.randrange(1, 7)
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.kills", url, str(file)])
    while len(sandbox.requests) < wanted and process.poll() is None:
        time.sleep(0.0005)
    time.sleep(chance.random() * 0.04)
    process.kill()
    return process.wait() != 0


def _wrong(file: Path, whole: list[Row]) -> int:
    """How many rows are missing, doubled or other than those of an uninterrupted pull."""
    got = Counter(map(repr, rows(file)))
    expected = Counter(map(repr, whole))
    return sum(((got - expected) + (expected - got)).values())


def ratios() -> Iterator[Ratio]:
    """Measure."""
    chance = random.Random(9)
    sandbox = Sandbox(1500, settings=Settings(quota=None, latency=0.005))
    with sandbox.serve() as url, tempfile.TemporaryDirectory() as folder:
        for name in _NAMES:
            whole = Path(folder) / name
            anyio.run(_pull, url, str(whole))
            killed = wrong = number = 0
            while killed < _KILLS // len(_NAMES):
                number += 1
                file = Path(folder) / f"{number}-{name}"
                killed += sum(_kill(sandbox, url, file, chance) for _ in range(_EACH))
                with suppress(InvalidArgumentError):  # it may be done already
                    anyio.run(_pull, url, str(file))
                wrong += _wrong(file, rows(whole))
            yield Ratio(f"wrong rows after {killed} kills, {name}", wrong, 0, "")


if __name__ == "__main__":
    anyio.run(_pull, sys.argv[1], sys.argv[2])
