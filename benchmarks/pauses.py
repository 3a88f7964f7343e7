"""The pauses of the garbage collector in `scf pull` of 20,000 issues."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.listing import listing
from benchmarks.measure import Ratio
from seeclickfix_async._cli import main

_ISSUES = 20_000


def _longest_pause(url: str, name: str) -> float:
    """Return the longest pause of a pull in a process of its own, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.pauses", "pull", str(Path(folder) / name)]
        done = subprocess.run(
            [*command, "--no-limit", "--quiet"],
            env={**os.environ, "SEECLICKFIX_BASE_URL": url, "SEECLICKFIX_TOKEN": ""},
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stderr)


def ratios() -> Iterator[Ratio]:
    """Yield the measured values."""
    with listing(_ISSUES) as url:
        for name in ("city.db", "city.jsonl"):
            pause = min(_longest_pause(url, name) for _ in range(3))
            yield Ratio(f"longest pause of scf pull to {name}", pause, 8, " ms")


def _main() -> int:
    """Run the command line, and print its longest pause on standard error."""
    starts: list[float] = []
    pauses = [0.0]

    def note(phase: str, _: dict[str, Any]) -> None:
        if phase == "start":
            starts.append(time.thread_time())
        else:
            pauses.append(time.thread_time() - starts.pop())

    gc.callbacks.append(note)
    code = main()
    print(max(pauses) * 1000, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(_main())
