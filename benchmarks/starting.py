"""What importing the package and making a client cost, against httpx."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator

import httpx

from benchmarks.measure import Ratio, cost, paired
from seeclickfix_async import AsyncClient


def _importing(code: str) -> float:
    """CPU seconds of a fresh interpreter that runs this, less one that runs nothing."""

    def spent(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return max(spent(code) - spent("pass"), 0.0)


def ratios() -> Iterator[Ratio]:
    """Measure."""
    value = paired(
        lambda: _importing("import seeclickfix_async"),
        lambda: _importing("import httpx"),
        rounds=11,
    )
    yield Ratio("import seeclickfix_async / import httpx", value, 0.6)
    value = paired(
        lambda: _importing("from seeclickfix_async import AsyncClient; AsyncClient()"),
        lambda: _importing("import httpx; httpx.AsyncClient()"),
        rounds=11,
    )
    yield Ratio("import and first client / the same of httpx", value, 1.0)
    value = paired(cost(AsyncClient, 200), cost(httpx.AsyncClient, 5), rounds=11) * 5 / 200
    yield Ratio("AsyncClient() / httpx.AsyncClient()", value, 0.02)
