"""CPU time of importing the package, of making a client, and of starting `scf`."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import httpx

from benchmarks.measure import Ratio, cost, paired
from seeclickfix_async import AsyncClient


def _startup_seconds(code: str, *arguments: str) -> float:
    """Return the CPU seconds of a new interpreter that runs `code`, minus an empty one's."""

    def cpu_seconds(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", code, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return max(cpu_seconds(code) - cpu_seconds("pass"), 0.0)


_LIBRARIES = "import cyclopts, rich.console; cyclopts.App, cyclopts.Parameter"
_SCF = "import sys; from seeclickfix_async._cli import main; sys.exit(main())"


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    value = paired(
        lambda: _startup_seconds("import seeclickfix_async"),
        lambda: _startup_seconds("import httpx"),
        rounds=11,
    )
    yield Ratio("import seeclickfix_async / import httpx", value, 0.6)
    value = paired(
        lambda: _startup_seconds("from seeclickfix_async import AsyncClient; AsyncClient()"),
        lambda: _startup_seconds("import httpx; httpx.AsyncClient()"),
        rounds=11,
    )
    yield Ratio("import and first client / the same of httpx", value, 1.0)
    value = paired(cost(AsyncClient, 200), cost(httpx.AsyncClient, 5), rounds=11) * 5 / 200
    yield Ratio("AsyncClient() / httpx.AsyncClient()", value, 0.02)
    for option, limit in (("--version", 1.8), ("--help", 2.5)):
        value = paired(
            partial(_startup_seconds, _SCF, option),
            partial(_startup_seconds, _LIBRARIES),
            rounds=11,
        )
        yield Ratio(f"scf {option} / import cyclopts and rich.console", value, limit)
