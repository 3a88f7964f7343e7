"""Updates of a large pull, against the first pull: requests and CPU time."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import attrs
import msgspec

from benchmarks.listing import listing
from benchmarks.measure import Ratio
from seeclickfix_async import AsyncClient
from seeclickfix_async.pull import pull

_CHANGES = 200
_PAGE = 100
_PAGES = 1 + math.ceil((_CHANGES - _PAGE) / (_PAGE - 1))  # each begins with the last row before it

_TARGETS = {
    "db": (3, 3),
    "jsonl": (10, 15),
    "csv": (8, 10),
    "geojson": (8, 10),
    "parquet": (10, 10),
    "geoparquet": (10, 10),
}
"""Per cent of the first pull, for rows that the pull has already, and for rows that changed.

The changes are spread evenly over three years, so that each month of a dataset is written again.
"""


@attrs.frozen
class _Cost:
    """What a call of `pull` needed, in a process of its own.

    Attributes:
        received: The number of issues.
        requests: The number of requests.
        cpu: Its CPU seconds.
    """

    received: int
    requests: int
    cpu: float


async def _pull(url: str, to: str, update: bool) -> _Cost:  # noqa: FBT001
    started = time.process_time()
    async with AsyncClient(base_url=url, limiter=None) as client:
        report = await pull(client, to=to, update=update)
    assert report.complete, report
    return _Cost(report.received, report.requests, time.process_time() - started)


def _pull_in_process(url: str, to: Path, *, update: bool = True) -> _Cost:
    command = [sys.executable, "-m", "benchmarks.updates", url, str(to), *["update"] * update]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=_Cost)


def _measure(issues: int, to: Path) -> tuple[_Cost, list[_Cost], list[_Cost]]:
    """Return the costs of a pull, of updates without changes, and of updates with changes.

    Two servers have other updates of the same issues. An update reads the last hour of the one
    before again.
    """
    with (
        listing(issues) as server,
        listing(issues, changes=_CHANGES) as one,
        listing(issues, changes=_CHANGES) as other,
    ):
        first = _pull_in_process(server, to, update=False)
        pairs = [
            [_pull_in_process(url, to) for _ in ("changed", "unchanged")]
            for url in (one, other, one)
        ]
    some, without = zip(*pairs, strict=True)
    return first, list(without), list(some)


def ratios(issues: int) -> Iterator[Ratio]:
    """Yield the measured values."""
    for suffix, targets in _TARGETS.items():
        with tempfile.TemporaryDirectory() as folder:
            first, *kinds = _measure(issues, Path(folder) / f"city.{suffix}")
        for name, updates, target in zip((0, _CHANGES), kinds, targets, strict=True):
            assert {update.received for update in updates} == {_CHANGES}
            requests = max(update.requests for update in updates)
            cpu = min(update.cpu for update in updates) / first.cpu
            yield Ratio(
                f"update of {suffix}, {name} changes: requests - pages", requests - _PAGES, 1, ""
            )
            yield Ratio(f"update of {suffix}, {name} changes: CPU", 100 * cpu, target, " %")


if __name__ == "__main__":
    _, url, to, *update = sys.argv
    print(msgspec.json.encode(anyio.run(_pull, url, to, bool(update))).decode())
